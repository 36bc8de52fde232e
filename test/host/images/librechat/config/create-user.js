// The arguments, the prompts, the output and the exit codes of LibreChat's script of this name.
const readline = require('node:readline')
const users = require('../users.cjs')

function askQuestion(query) {
  const reader = readline.createInterface({ input: process.stdin, output: process.stdout })
  return new Promise((resolve) =>
    reader.question(`\x1b[36m${query}\n> \x1b[0m`, (answer) => {
      reader.close()
      resolve(answer)
    }),
  )
}

async function main() {
  console.log('\x1b[35mCreate a new user account!\x1b[0m')
  const given = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
  const [email, name, username, argument] = given
  const password = argument ?? (await askQuestion('Password: (leave blank, to generate one)'))
  const refuse = (reason) => {
    console.log(`\x1b[31mError: ${reason}\x1b[0m`)
    process.exit(1)
  }
  if (await users.find(email, username)) refuse('A user with that email or username already exists!')
  if (password.length < 8 || password.length > 128)
    refuse('password: String must contain 8 to 128 characters')
  if (name.length < 3 || name.length > 80) refuse('name: String must contain 3 to 80 characters')
  if (username !== '' && /'|--|\$ne|\{|\}|\*|;|<|>|\/|=/.test(username))
    refuse('Potential injection attack detected')
  await users.add({ email, name, username, password })
  console.log('\x1b[32mUser created successfully!\x1b[0m')
  process.exit(0)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
