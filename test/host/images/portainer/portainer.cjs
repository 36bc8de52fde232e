// Stands in for Portainer: takes its admin's password from a file at its first start, keeps it on its volume, sees
// Docker's socket, speaks HTTPS with a certificate of its own on 9443. With `reset` it is the program that sets the
// password again.
const crypto = require('node:crypto')
const fs = require('node:fs')
const http = require('node:http')
const https = require('node:https')

const file = '/data/portainer.db'
const version = fs.readFileSync('/version', 'utf8').trim()

if (process.argv[2] === 'reset') {
  if (!fs.existsSync(file)) throw new Error('Unable to locate /data/portainer.db on disk')
  const password = crypto.randomBytes(12).toString('base64')
  fs.writeFileSync(file, password)
  console.error('2026/11/23 12:00:00 Password successfully updated for user: admin')
  console.error(`2026/11/23 12:00:00 Use the following password to login: ${password}`)
  process.exit(0)
}

const at = process.argv.indexOf('--admin-password-file')
const given = fs.readFileSync(process.argv[at + 1], 'utf8').replace(/\n$/, '')
if (!fs.existsSync(file)) fs.writeFileSync(file, given)

const certificate = { key: fs.readFileSync('/key.pem'), cert: fs.readFileSync('/certificate.pem') }
https
  .createServer(certificate, (request, response) => {
    if (request.url === '/api/system/status') return response.end(JSON.stringify({ Version: version }))
    if (request.url === '/api/containers') {
      const docker = http.get({ socketPath: '/var/run/docker.sock', path: '/containers/json' }, (found) =>
        found.pipe(response),
      )
      return docker.on('error', (error) => response.writeHead(500).end(String(error)))
    }
    if (request.url !== '/api/auth') return response.writeHead(404).end()
    let text = ''
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', () => {
      const { Username, Password } = JSON.parse(text)
      const right = Username === 'admin' && Password === fs.readFileSync(file, 'utf8')
      response.writeHead(right ? 200 : 422).end(right ? '{"jwt":"x"}' : '{}')
    })
  })
  .listen(9443, '0.0.0.0')
process.on('SIGTERM', () => process.exit(0))
