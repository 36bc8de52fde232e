// Stands in for Meilisearch: refuses a master key that is too short in production, keeps a file on its volume.
const fs = require('node:fs')
const http = require('node:http')

if (process.env.MEILI_ENV === 'production' && (process.env.MEILI_MASTER_KEY ?? '').length < 16)
  throw new Error('key')
fs.appendFileSync('/meili_data/started', `${Date.now()}\n`)
http
  .createServer((request, response) => {
    response.statusCode = request.url === '/health' ? 200 : 404
    response.end('{"status":"available"}')
  })
  .listen(7700, '0.0.0.0')
process.on('SIGTERM', () => process.exit(0))
