// The two questions of LibreChat's script of this name; what was answered is left where a test finds it.
const fs = require('node:fs')
const readline = require('node:readline')

function askQuestion(query) {
  const reader = readline.createInterface({ input: process.stdin, output: process.stdout })
  return new Promise((resolve) =>
    reader.question(`${query}\n> `, (answer) => {
      reader.close()
      resolve(answer)
    }),
  )
}

async function main() {
  const sure = await askQuestion('Are you sure you want to reset all MeiliSearch sync flags? (y/N): ')
  const advanced = await askQuestion('Show advanced options? (y/N): ')
  fs.writeFileSync('/app/data/search-reset', `${sure} ${advanced}`)
  process.exit(0)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
