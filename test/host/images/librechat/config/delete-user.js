// LibreChat's script of this name, as it is without Redis: and asks as many questions as any version of it.
const readline = require('node:readline')
const users = require('../users.cjs')

async function main() {
  const [email] = process.argv.slice(2).filter((argument) => argument !== '-y')
  const user = await users.find(email)
  if (!user) {
    console.log(`No user found with email "${email}"`)
    process.exit(0)
  }
  const ask = (query) =>
    new Promise((resolve) => {
      const reader = readline.createInterface({ input: process.stdin, output: process.stdout })
      reader.question(`${query}\n> `, (answer) => {
        reader.close()
        resolve(answer.toLowerCase())
      })
    })
  for (const query of [
    `Really delete user ${email} and ALL their data? (y/N)`,
    'Also delete all transaction history for this user? (y/N)',
    'Coordination is unavailable. Confirm ALL LibreChat processes are stopped before continuing. (y/N)',
  ]) {
    if ((await ask(query)) !== 'y') process.exit(1)
  }
  await users.remove(user)
  console.log(`Successfully deleted user ${email} and all associated data.`)
  process.exit(0)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
