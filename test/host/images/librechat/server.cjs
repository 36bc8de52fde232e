// Behaves as LibreChat does where a deployment can break it: readiness, cookies, streams, uploads, WebSockets, and
// the folders that it writes.
const crypto = require('node:crypto')
const fs = require('node:fs')
const http = require('node:http')
const users = require('./users.cjs')
const { ask } = require('./db.cjs')

const version = fs.readFileSync('/app/version', 'utf8').trim()
const secret = process.env.JWT_REFRESH_SECRET
if (!/^[0-9a-f]{64}$/.test(secret ?? '') || secret === process.env.JWT_SECRET) throw new Error('JWT secrets')
if (!/^[0-9a-f]{64}$/.test(process.env.CREDS_KEY ?? '')) throw new Error('CREDS_KEY')
if (!/^[0-9a-f]{32}$/.test(process.env.CREDS_IV ?? '')) throw new Error('CREDS_IV')
new URL(process.env.DOMAIN_CLIENT)
new URL(process.env.DOMAIN_SERVER)
if (fs.readFileSync('/app/fails', 'utf8') === 'start') throw new Error('this version does not start')
// An unreadable configuration or a folder of somebody else's ends it, as it does LibreChat.
fs.readFileSync('/app/librechat.yaml')
for (const folder of ['/app/client/public/images', '/app/uploads', '/app/data']) {
  fs.writeFileSync(`${folder}/.written`, version)
}

let ready = false
const sign = (text) => crypto.createHmac('sha256', secret).update(text).digest('hex')
const cookieOf = (request) => /(?:^|; )refreshToken=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? ''
function userOf(request) {
  const [id = '', signature] = Buffer.from(cookieOf(request), 'base64url').toString().split('\n')
  return id !== '' && signature === sign(id) ? id : undefined
}
function secure() {
  if (process.env.SESSION_COOKIE_SECURE) return process.env.SESSION_COOKIE_SECURE === 'true'
  return process.env.NODE_ENV === 'production' && new URL(process.env.DOMAIN_SERVER).hostname !== 'localhost'
}
const json = (response, status, value) => {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(value))
}
async function body(request) {
  let text = ''
  for await (const chunk of request) text += chunk
  return JSON.parse(text || '{}')
}

const routes = {
  'GET /livez': (_, response) => response.end('OK'),
  'GET /health': (_, response) => response.end('OK'),
  'GET /readyz': (_, response) => {
    response.statusCode = ready ? 200 : 503
    response.end(ready ? 'OK' : 'NOT_READY')
  },
  'GET /': (_, response) => {
    response.setHeader('content-type', 'text/html')
    response.end(fs.readFileSync('/app/page.html'))
  },
  'GET /api/config': (request, response) =>
    json(response, 200, {
      version,
      forwarded: request.headers['x-forwarded-proto'],
      host: request.headers.host,
    }),
  'POST /api/auth/login': async (request, response) => {
    const { email, password } = await body(request)
    const user = await users.find(email)
    if (!user || !users.matches(user, password))
      return json(response, 422, { message: 'Invalid credentials' })
    const token = Buffer.from(`${user.id}\n${sign(user.id)}`).toString('base64url')
    const flags = ['Path=/', 'HttpOnly', 'SameSite=Strict', 'Max-Age=604800', ...(secure() ? ['Secure'] : [])]
    response.setHeader('set-cookie', [`refreshToken=${token}`, ...flags].join('; '))
    json(response, 200, { user: user.id, role: user.role })
  },
  'POST /api/auth/refresh': (request, response) => {
    const user = userOf(request)
    json(response, user ? 200 : 401, user ? { user } : { message: 'Refresh token not provided' })
  },
  'POST /api/auth/register': (_, response) =>
    json(response, process.env.ALLOW_REGISTRATION === 'true' ? 200 : 403, {
      message: 'Registration is not allowed.',
    }),
  'POST /api/agents/chat/bedrock': (_, response) => json(response, 200, { streamId: 'one' }),
  // Ten words, one each fifth of a second.
  'GET /api/stream': async (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    for (let word = 1; word <= 10; word++) {
      response.write(`data: word ${word}\n\n`)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    response.end()
  },
  // Answered once the database has it, as a message is.
  'POST /api/notes': async (request, response) => {
    const { id } = await body(request)
    await ask('insert', { kind: 'note', id })
    json(response, 200, { id })
  },
  'GET /api/notes': async (_, response) => {
    const notes = await ask('find', 'note')
    json(
      response,
      200,
      notes.map(({ id }) => id),
    )
  },
  'POST /api/files': async (request, response) => {
    const hash = crypto.createHash('sha256')
    const file = fs.createWriteStream('/app/uploads/last')
    let bytes = 0
    for await (const chunk of request) {
      hash.update(chunk)
      bytes += chunk.length
      if (!file.write(chunk)) await new Promise((resolve) => file.once('drain', resolve))
    }
    file.end()
    json(response, 200, { bytes, sha256: hash.digest('hex') })
  },
}

const server = http.createServer((request, response) => {
  if (process.env.HSTS_ENABLED !== 'false')
    response.setHeader('strict-transport-security', 'max-age=31536000')
  const route = routes[`${request.method} ${new URL(request.url, 'http://x').pathname}`]
  Promise.resolve(route ? route(request, response) : json(response, 404, {})).catch((error) => {
    console.error(error)
    response.destroy()
  })
})
// A WebSocket that says the first frame again.
server.on('upgrade', (request, socket) => {
  const accept = crypto
    .createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  socket.on('error', () => {})
  socket.once('data', (frame) => {
    const length = frame[1] & 0x7f
    const text = frame.subarray(6, 6 + length).map((byte, at) => byte ^ frame[2 + (at % 4)])
    socket.write(Buffer.concat([Buffer.from([0x81, length]), text]))
  })
})

async function start() {
  for (;;) {
    try {
      await ask('ping')
      break
    } catch (error) {
      console.error(`waiting for the database: ${error.message}`)
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
  server.listen(Number(process.env.PORT), process.env.HOST, () => setTimeout(() => (ready = true), 500))
}
process.on('SIGTERM', () => process.exit(0))
start().catch((error) => {
  console.error(error)
  process.exit(1)
})
