// The output of LibreChat's script of this name.
const users = require('../users.cjs')

async function main() {
  const found = await users.list()
  console.log('\nUser List:\n----------------------------------------')
  for (const user of found) {
    console.log(`ID: ${user.id.length}a`)
    console.log(`Email: ${user.id}`)
    console.log(`Username: ${user.username || 'N/A'}`)
    console.log(`Name: ${user.name || 'N/A'}`)
    console.log(`Provider: local`)
    console.log(`Created: ${user.created}`)
    console.log('----------------------------------------')
  }
  console.log(`\nTotal Users: ${found.length}`)
}

main().catch((error) => {
  console.error('Error listing users:', error)
  process.exit(1)
})
