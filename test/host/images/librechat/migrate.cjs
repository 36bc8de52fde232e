// Changes the data as a release's migration does, after a dry run that only looks. One version fails in the middle.
const fs = require('node:fs')
const { ask } = require('./db.cjs')

const version = fs.readFileSync('/app/version', 'utf8').trim()
async function migrate() {
  const users = await ask('find', 'user')
  if (process.argv[2].endsWith(':dry-run')) return console.log(`would change ${users.length} users`)
  for (const user of users) await ask('insert', { ...user, migrated: version })
  fs.writeFileSync('/app/uploads/migrated', version)
  if (fs.readFileSync('/app/fails', 'utf8') === 'migration') throw new Error('E11000 duplicate key error')
}
migrate().catch((error) => {
  console.error(error.message)
  process.exit(1)
})
