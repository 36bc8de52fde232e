// The message gateway and the parts of SSM's, KMS's, EC2's and STS's API around it, for the tests. The agent is
// another process. Between client and agent it may lose, repeat, reorder, delay, damage and stop what passes.
import { fork } from 'node:child_process'
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  randomBytes,
  randomUUID,
} from 'node:crypto'
import http from 'node:http'
import net from 'node:net'
import { fileURLToPath } from 'node:url'
import { WebSocketServer } from 'ws'
import { openSession } from './agent.mjs'
import { write } from './wire.mjs'

export const accessKey = { id: 'AKIDEXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }

/** Everything a test may set, at any time. */
const settings = {
  /** Of a hundred thousand messages in each direction, how many are lost, repeated, held back, damaged. */
  up: { drop: 0, twice: 0, late: 0, damage: 0 },
  down: { drop: 0, twice: 0, late: 0, damage: 0 },
  /** Milliseconds each way. */
  delay: 0,
  /** Nothing passes, and pings are not answered. */
  silent: false,
  /** What `openSession` of the agent takes. */
  agent: {},
  /** The agent lives in this process: for measuring, where one process more would cost too much. */
  inside: false,
  /** Answers of the API: "TargetNotConnected" for StartSession, … */
  errors: {},
  /** ResumeSession gives no token: the session has timed out. */
  expired: false,
  resumeFailures: 0,
  instances: [],
  region: 'us-east-1',
}

const sessions = new Map()
const stats = { calls: {}, upgrades: 0, refused: [], pings: 0, tokens: 0, terminated: [], started: [] }

// A generator of its own, so that a failing run can be repeated.
let seed = 20_240_917
const random = () => {
  seed = (seed * 1_664_525 + 1_013_904_223) % 4_294_967_296
  return seed / 4_294_967_296
}

// ---- the agent's process

let agentLink
let agentStats = () => {}
async function startAgent() {
  const server = net.createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const agent = fork(fileURLToPath(new URL('agent.mjs', import.meta.url)), [String(server.address().port)])
  process.on('exit', () => agent.kill())
  agentLink = await new Promise((resolve) => server.on('connection', resolve))
  let rest = Buffer.alloc(0)
  agentLink.on('data', (chunk) => {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    while (rest.length >= 9 && rest.length >= 9 + rest.readUInt32BE()) {
      const length = rest.readUInt32BE()
      const [kind, number] = [rest.toString('latin1', 4, 5), rest.readUInt32BE(5)]
      const bytes = rest.subarray(9, 9 + length)
      rest = rest.subarray(9 + length)
      const session = [...sessions.values()].find((one) => one.number === number)
      if (kind === 'd') session?.fromAgent(Buffer.from(bytes))
      if (kind === 'e') session?.close(bytes.toString())
      if (kind === 's') agentStats(JSON.parse(bytes))
    }
  })
}

function tellAgent(kind, number, bytes = Buffer.alloc(0)) {
  const head = Buffer.alloc(9)
  head.writeUInt32BE(bytes.length)
  head.write(kind, 4)
  head.writeUInt32BE(number, 5)
  if (!agentLink.writableCorked) {
    agentLink.cork()
    setImmediate(() => agentLink.uncork())
  }
  agentLink.write(head)
  agentLink.write(bytes)
}

// ---- a session

let numbers = 0
function newSession(request) {
  const id = `tester-${randomBytes(8).toString('hex')}`
  const number = ++numbers
  const session = { id, number, request, token: '', socket: undefined, waiting: [], passed: 0 }
  const kinds = { 'AWS-StartPortForwardingSession': 'Port', undefined: 'Standard_Stream' }
  const options = {
    kind: kinds[request.DocumentName] ?? 'InteractiveCommands',
    port: Number(request.Parameters?.portNumber?.[0]),
    command: request.Parameters?.command?.[0],
    ...settings.agent,
  }
  let inside
  // Like the real one: the agent's messages wait here while there is no client, a few megabytes of them.
  const down = passage(
    () => settings.down,
    (bytes) => {
      if (session.socket?.readyState !== 1) {
        if (session.waiting.length < 4000) session.waiting.push(bytes)
        return
      }
      cork(session.socket._socket)
      session.socket.send(bytes)
    },
  )
  const up = passage(
    () => settings.up,
    (bytes) => (inside ? inside.receive(bytes) : tellAgent('d', number, bytes)),
  )
  session.fromAgent = (bytes) => {
    session.passed++
    down(bytes)
  }
  session.fromClient = (bytes) => {
    session.passed++
    up(bytes)
  }
  session.pause = (value) => {
    const type = value ? 'pause_publication' : 'start_publication'
    session.socket?.send(write({ type, payload: Buffer.from('{}') }))
  }
  session.close = (reason) => {
    const content = { MessageType: 'channel_closed', SessionId: id, SchemaVersion: 1, Output: reason }
    const bytes = write({ type: 'channel_closed', payload: Buffer.from(JSON.stringify(content)) })
    session.socket?.send(bytes)
    session.socket?.close(1000)
    session.end()
  }
  session.end = () => {
    if (inside) inside.end()
    else tellAgent('e', number)
    session.ended = true
  }
  if (settings.inside || options.kms) {
    const complete = withKms(options, id, request.Target)
    inside = openSession(
      complete,
      (out) => session.fromAgent(out),
      (why) => session.close(why),
    )
  } else tellAgent('o', number, Buffer.from(JSON.stringify(options)))
  sessions.set(id, session)
  return session
}

function withKms(options, sessionId, targetId) {
  if (!options.kms) return options
  const challenge = randomBytes(16).toString('base64')
  const asked = randomBytes(64)
  let cipher
  return {
    ...options,
    kms: {
      key: options.kms.key,
      challenge,
      get cipher() {
        return cipher
      },
      begin(answer, say) {
        const { ActionResult } = answer.ProcessedClientActions.find(
          (one) => one.ActionType === 'KMSEncryption',
        )
        const grant = grants.get(ActionResult.KMSCipherTextKey)
        const context = {
          'aws:ssm:SessionId': sessionId,
          'aws:ssm:TargetId': targetId,
          ...(ActionResult.ChallengeAcknowledgement ? { 'aws:ssm:RandomChallenge': challenge } : {}),
        }
        if (JSON.stringify(grant.context) !== JSON.stringify(context)) throw new Error('another context')
        const made = gcm(grant.key.subarray(0, 32), grant.key.subarray(32))
        say(8, Buffer.from(JSON.stringify({ Challenge: made.seal(asked).toString('base64') })))
        cipher = made
      },
      check(payload) {
        const { Challenge } = JSON.parse(payload)
        if (!cipher.open(Buffer.from(Challenge, 'base64')).equals(asked)) throw new Error('another challenge')
      },
    },
  }
}

const grants = new Map()
const gcm = (mine, theirs) => ({
  seal(plain) {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', mine, nonce)
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  },
  open(sealed) {
    const decipher = createDecipheriv('aes-256-gcm', theirs, sealed.subarray(0, 12))
    decipher.setAuthTag(sealed.subarray(-16))
    return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()])
  },
})

const cork = (socket) => {
  if (!socket || socket.writableCorked) return
  socket.cork()
  setImmediate(() => socket.uncork())
}

/** One direction of a session, with its faults. */
function passage(faults, deliver) {
  const line = []
  let timer
  const run = () => {
    timer = undefined
    const now = Date.now()
    while (line.length > 0 && line[0].at <= now) deliver(line.shift().bytes)
    if (line.length > 0) timer = setTimeout(run, line[0].at - now)
  }
  const put = (bytes, extra) => {
    if (settings.delay === 0 && extra === 0 && line.length === 0) return deliver(bytes)
    const at = Date.now() + settings.delay
    if (extra > 0) return setTimeout(() => deliver(bytes), settings.delay + extra)
    line.push({ at, bytes })
    if (timer === undefined) timer = setTimeout(run, settings.delay)
  }
  return (bytes) => {
    if (settings.silent) return
    const { drop, twice, late, damage } = faults()
    const dice = random() * 100_000
    if (dice < drop) return
    if (dice < drop + damage) {
      bytes = Buffer.from(bytes)
      bytes[bytes.length - 1] ^= 0xff
    }
    put(bytes, random() * 100_000 < late ? 1 + Math.floor(random() * 20) : 0)
    if (random() * 100_000 < twice) put(bytes, 1 + Math.floor(random() * 300))
  }
}

// ---- signatures, computed by hand

const hmac = (key, text) => createHmac('sha256', key).update(text).digest()
const sha = (text) => createHash('sha256').update(text).digest('hex')
const uri = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)

function checkSignature(request) {
  const [path, query = ''] = request.url.split('?')
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/ssmmessages\/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)$/.exec(
      request.headers.authorization ?? '',
    )
  if (!match) return 'no signature'
  const [, id, day, region, signed, signature] = match
  const { id: known, secret } = settings.accessKey ?? accessKey
  if (id !== known) return 'another access key'
  if (region !== settings.region) return 'another region'
  const names = signed.split(';')
  if (!names.includes('host') || !names.includes('x-amz-date')) return 'host and date are not signed'
  const parts = query
    .split('&')
    .map((pair) => /^([^=]*)=?(.*)$/.exec(pair).slice(1))
    .map((both) => both.map((part) => uri(decodeURIComponent(part.replaceAll('+', ' ')))).join('='))
    .sort()
  const canonical = [
    'GET',
    path
      .split('/')
      .map((part) => uri(decodeURIComponent(part)))
      .map(uri)
      .join('/'),
    parts.join('&'),
    ...names.map((name) => `${name}:${request.headers[name]}`),
    '',
    signed,
    sha(''),
  ].join('\n')
  const scope = `${day}/${region}/ssmmessages/aws4_request`
  const text = ['AWS4-HMAC-SHA256', request.headers['x-amz-date'], scope, sha(canonical)].join('\n')
  const key = [day, region, 'ssmmessages', 'aws4_request'].reduce(hmac, `AWS4${secret}`)
  return hmac(key, text).toString('hex') === signature ? undefined : 'the signature does not match'
}

// ---- the API

const server = http.createServer(async (request, answer) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const body = Buffer.concat(chunks).toString()
  const target = request.headers['x-amz-target']
  if (!target) return answerQuery(new URLSearchParams(body), answer)
  const name = target.split('.')[1]
  stats.calls[name] = (stats.calls[name] ?? 0) + 1
  const reply = (status, content) => {
    answer.writeHead(status, {
      'content-type': 'application/x-amz-json-1.1',
      'x-amzn-requestid': randomUUID(),
    })
    answer.end(JSON.stringify(content))
  }
  const error = settings.errors[name]
  if (error) return reply(400, { __type: error.code ?? error, message: error.message ?? '' })
  const call = api[name]
  if (!call) return reply(400, { __type: 'UnknownOperationException', message: name })
  reply(200, call(JSON.parse(body), reply))
})

const address = (session) => {
  session.token = randomUUID()
  // A plus in the query counts as a space: signing has to treat it so.
  const path = `/v1/data-channel/${session.id}?role=publish_subscribe&cell-number=AAEAA+x/${session.number}=`
  return {
    SessionId: session.id,
    TokenValue: session.token,
    StreamUrl: `ws://127.0.0.1:${server.address().port}${path}`,
  }
}

/** The lab that every instance here is proven to be: its settings, and the beginning of its ClientToken. */
const generation = '01234567'
const labSettings = {
  version: 2,
  generation,
  creations: { address: 'a'.repeat(16), group: 'b'.repeat(16) },
  instanceType: 't3.medium',
  diskGb: 30,
  allow: { from: 'detected', cidrs: ['81.2.69.160/32'], everyone: false },
  openPort80: false,
  userData: false,
  models: [],
}
const clientToken = () => {
  const parts = JSON.stringify(['123456789012', settings.region, 'default', generation])
  return `${createHash('sha256').update(parts).digest('hex').slice(0, 32)}-${'0'.repeat(31)}`
}

const api = {
  GetParameter: ({ Name }) => ({ Parameter: { Name, Value: JSON.stringify(labSettings), Version: 1 } }),
  StartSession(request) {
    stats.started.push(request)
    return address(newSession(request))
  },
  ResumeSession({ SessionId }) {
    const session = sessions.get(SessionId)
    if (settings.resumeFailures-- > 0) return {}
    settings.resumeFailures = 0
    if (settings.expired || !session || session.ended) return { SessionId }
    return address(session)
  },
  TerminateSession({ SessionId }) {
    stats.terminated.push(SessionId)
    sessions.get(SessionId)?.end()
    return { SessionId }
  },
  DescribeInstanceInformation: () => ({
    InstanceInformationList: settings.instances.map(({ id, ping = 'Online' }) => ({
      InstanceId: id,
      PingStatus: ping,
      AgentVersion: '3.3.0.0',
      LastPingDateTime: Date.now() / 1000,
    })),
  }),
  DescribeSessions: () => ({ Sessions: settings.leftovers ?? [] }),
  GenerateDataKey({ KeyId, NumberOfBytes, EncryptionContext }) {
    const key = randomBytes(NumberOfBytes)
    const blob = randomBytes(48).toString('base64')
    grants.set(blob, { key, context: EncryptionContext })
    return { KeyId, Plaintext: key.toString('base64'), CiphertextBlob: blob }
  },
}

/** EC2 and STS speak the query protocol and answer XML. */
function answerQuery(query, answer) {
  const action = query.get('Action')
  stats.calls[action] = (stats.calls[action] ?? 0) + 1
  const bodies = {
    GetCallerIdentity: `<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/tester</Arn>
      <UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult>`,
    DescribeInstances: `<reservationSet>${settings.instances
      .map(
        ({ id, state = 'running' }) => `<item><instancesSet><item><instanceId>${id}</instanceId>
          <clientToken>${clientToken()}</clientToken><instanceState><code>16</code><name>${state}</name></instanceState></item></instancesSet></item>`,
      )
      .join('')}</reservationSet>`,
  }
  answer.writeHead(200, { 'content-type': 'text/xml' })
  answer.end(`<${action}Response>${bodies[action] ?? ''}</${action}Response>`)
}

// ---- the data channel

const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, autoPong: false })
server.on('upgrade', (request, stream, head) => {
  stats.upgrades++
  const refusal = checkSignature(request)
  if (refusal) {
    stats.refused.push(refusal)
    return stream.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n')
  }
  if (settings.refuseUpgrade) return stream.end('HTTP/1.1 503 Service Unavailable\r\n\r\n')
  stream.setNoDelay(true)
  sockets.handleUpgrade(request, stream, head, (socket) => {
    const session = sessions.get(request.url.split('?')[0].split('/').pop())
    socket.on('ping', (data) => {
      stats.pings++
      if (!settings.silent) socket.pong(data)
    })
    socket.once('message', (data, isBinary) => {
      const hello = isBinary ? {} : JSON.parse(data)
      if (hello.TokenValue !== session.token || hello.MessageSchemaVersion !== '1.0')
        return socket.terminate()
      stats.tokens++
      session.socket?.terminate()
      session.socket = socket
      if (session.ended) return socket.close(1000)
      for (const bytes of session.waiting.splice(0)) socket.send(bytes)
      if (settings.flood) void flood(session, socket)
      socket.on('message', (bytes) => session.fromClient(bytes))
    })
    socket.on('error', () => {})
  })
})

/** Sends as fast as it goes, and reads nothing more, for as long as `settings.flood` says so. */
async function flood(session, socket) {
  const kind = settings.flood
  // The answer to each is as long as the question.
  const actions = Array.from({ length: 3000 }, () => ({ ActionType: 'an action that nobody knows' }))
  const big = Buffer.from(JSON.stringify({ AgentVersion: '3.3.0.0', RequestedClientActions: actions }))
  const output = (sequence, payloadType, payload) =>
    write({ type: 'output_stream_data', sequence, payloadType, payload })
  const kib = Buffer.alloc(1024)
  const known = output(0, 1, Buffer.alloc(1))
  const bytes = {
    handshake: (n) => output(n, 5, big),
    known: () => known,
    early: (n) => output(n + 1000, 1, kib),
    output: (n) => output(n + 2, 1, kib),
  }
  // The handshake comes first, except where it is the flood.
  if (kind !== 'handshake') await new Promise((resolve) => setTimeout(resolve, 300))
  if (kind !== 'output') socket._socket.pause()
  for (let n = 0; settings.flood === kind && socket.readyState === 1; n++) {
    if (kind === 'ping') socket.ping(kib.subarray(0, 125))
    else socket.send(bytes[kind](n))
    if (socket.bufferedAmount > 4_000_000 || n % 1000 === 0)
      await new Promise((resolve) => setTimeout(resolve, 1))
  }
  session.end()
  socket.terminate()
}

// ---- what the tests say to it

const commands = {
  set: (change) => {
    Object.assign(settings, change)
  },
  /** Breaks every connection: "kill" without a word, "close" as the gateway does each hour, "half" within a frame. */
  break: (how) => {
    let broken = 0
    for (const { socket } of sessions.values()) {
      if (socket?.readyState !== 1) continue
      broken++
      if (how === 'close') socket.close(1000)
      else if (how === 'half') {
        socket._socket.write(Buffer.from([0x82, 0x7e, 0x04, 0x00, 1, 2, 3]))
        socket._socket.end()
      } else socket.terminate()
    }
    return broken
  },
  /** Breaks the agent's connections and not ours. */
  breakAgent: () => tellAgent('b', 0),
  pause: (value) => {
    for (const session of sessions.values()) if (!session.ended) session.pause(value)
  },
  /** Ends every session as the service does when it has been idle for long. */
  expire: (reason) => {
    for (const session of sessions.values()) if (!session.ended) session.close(reason)
  },
  send: (hex) => {
    for (const { socket } of sessions.values()) socket?.send(Buffer.from(hex, 'hex'))
  },
  stats: async () => {
    const agents = await new Promise((resolve) => {
      agentStats = resolve
      tellAgent('s', 0)
    })
    const live = [...sessions.values()].filter((session) => !session.ended)
    return {
      ...stats,
      live: live.length,
      passed: [...sessions.values()].reduce((sum, { passed }) => sum + passed, 0),
      buffered: live.reduce((sum, { socket }) => sum + (socket?.bufferedAmount ?? 0), 0),
      agents: Object.values(agents),
      memory: process.memoryUsage().rss,
      cpu: process.cpuUsage(),
    }
  },
}

process.on('message', async ({ id, command, value }) => {
  process.send({ id, value: await commands[command](value) })
})
process.on('disconnect', () => process.exit())

await startAgent()
server.listen(0, '127.0.0.1', () => process.send({ id: 0, value: server.address().port }))
