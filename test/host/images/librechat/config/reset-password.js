// The three questions of LibreChat's script of this name, each with a reader of its own, and its exit codes.
const readline = require('node:readline')
const users = require('../users.cjs')

function question(query) {
  const reader = readline.createInterface({ input: process.stdin, output: process.stdout })
  return new Promise((resolve) =>
    reader.question(query, (answer) => {
      reader.close()
      resolve(answer)
    }),
  )
}

async function main() {
  const user = await users.find(await question('Enter user email: '))
  if (!user) {
    console.error('User not found!')
    process.exit(1)
  }
  for (;;) {
    const password = await question('Enter new password: ')
    if (password.length < 8) {
      console.log('Password must be at least 8 characters! Please try again.')
      continue
    }
    if (password !== (await question('Confirm new password: '))) {
      console.log('Passwords do not match! Please try again.')
      continue
    }
    await users.setPassword(user, password)
    console.log('Password successfully reset!')
    process.exit(0)
  }
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
