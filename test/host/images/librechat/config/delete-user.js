// LibreChat's script of this name, as it is without Redis: it wants to hear that every process is stopped.
const readline = require('node:readline')
const users = require('../users.cjs')

async function main() {
  const [email] = process.argv.slice(2).filter((argument) => argument !== '-y')
  const user = await users.find(email)
  if (!user) {
    console.log(`No user found with email "${email}"`)
    process.exit(0)
  }
  const reader = readline.createInterface({ input: process.stdin, output: process.stdout })
  const query =
    'Coordination is unavailable. Confirm ALL LibreChat processes are stopped before continuing. (y/N)\n> '
  const answer = await new Promise((resolve) => reader.question(query, resolve))
  if (answer.toLowerCase() !== 'y') process.exit(1)
  await users.remove(user)
  console.log(`Successfully deleted user ${email} and all associated data.`)
  process.exit(0)
}

main()
