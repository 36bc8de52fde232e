// An SSM agent for the tests: what it does on the wire, and its known weaknesses, follow AWS's public agent
// (agent/session): it repeats only its oldest message, throws away data that comes before its handshake is
// done, acknowledges at once what comes too early, and reads nothing while a port does not take its bytes.
import net from 'node:net'
import { openBasic } from './basic.mjs'
import { openShell } from './shell.mjs'
import { openMux } from './streams.mjs'
import { number, read, write } from './wire.mjs'

const isOld = (version, than) => {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number))
  for (let i = 0; i < 4; i++) if (a[i] !== b[i]) return a[i] < b[i]
  return true
}

/**
 * One session at the agent. `options`: version, kind ("Port", "Standard_Stream", "InteractiveCommands"),
 * port, ports (which local port stands for which), kms, quiet (never begins a handshake), window.
 * @param {any} options @param {(bytes: Buffer) => void} send @param {(reason: string) => void} close
 */
export function openSession(options, send, close) {
  const { version = '3.3.0.0', window = 2000 } = options
  let next = 0
  let expected = 0
  let complete = false
  let paused = false
  let over = false
  const flying = new Map()
  const early = new Map()
  const stuck = []
  /** Its connection is broken: what it writes fails. */
  let cut = false
  const stats = { repeated: 0, seen: 0, acknowledged: 0, uncertain: 0 }

  function say(payloadType, payload) {
    if (over || payload.length === 0) return
    const sealed = options.kms?.cipher && [1, 11, 12].includes(payloadType)
    const bytes = write({
      type: 'output_stream_data',
      sequence: next,
      flags: next === 0 ? 1 : 0,
      payloadType,
      payload: sealed ? options.kms.cipher.seal(payload) : payload,
    })
    flying.set(next++, { bytes, at: Date.now() })
    // A message whose sending fails is kept, and repeated when it is the oldest (datachannel.go, SendStreamDataMessage).
    if (!paused && !cut) send(bytes)
  }
  const repeat = setInterval(() => {
    const oldest = flying.values().next().value
    if (!oldest || paused || cut || Date.now() - oldest.at < 200) return
    oldest.at = Date.now()
    stats.repeated++
    send(oldest.bytes)
  }, 100)

  const link = {
    options,
    say,
    flag: (value) => say(10, number(value)),
    full: () => flying.size >= window,
    /** Set by the plugin: called when there is room again. */
    onDrain: () => {},
    /** Called by the plugin when it can't take more, and when it can. */
    block: () => {
      link.blocked = true
    },
    unblock: () => {
      link.blocked = false
      while (!link.blocked && stuck.length > 0) take(stuck.shift())
    },
    blocked: false,
    close(reason) {
      if (over) return
      // As PrepareToCloseChannel: what is on its way may still arrive.
      const since = Date.now()
      const wait = setInterval(() => {
        if (flying.size > 0 && Date.now() - since < 2000) return
        clearInterval(wait)
        end()
        close(reason)
      }, 10)
    },
  }
  let plugin

  function end() {
    if (over) return
    over = true
    clearInterval(repeat)
    plugin?.stop()
  }

  function begin() {
    const properties = { portNumber: String(options.port), localPortNumber: '0', type: 'LocalPortForwarding' }
    const actions = [
      {
        ActionType: 'SessionType',
        ActionParameters: {
          SessionType: options.kind,
          Properties: options.kind === 'Port' ? properties : {},
        },
      },
    ]
    if (options.kms) {
      const { key, challenge } = options.kms
      actions.push({
        ActionType: 'KMSEncryption',
        ActionParameters: { KMSKeyId: key, Challenge: challenge },
      })
    }
    say(5, Buffer.from(JSON.stringify({ AgentVersion: version, RequestedClientActions: actions })))
  }

  function handshake(payload) {
    const answer = JSON.parse(payload.toString())
    const failed = answer.ProcessedClientActions.find((action) => action.ActionStatus !== 1)
    if (failed) return link.close(`${failed.ActionType} failed on client with status ${failed.ActionStatus}`)
    if (!answer.ClientVersion) return link.close('no client version')
    if (options.kms) return options.kms.begin(answer, say)
    finish()
  }

  function finish() {
    say(7, Buffer.from(JSON.stringify({ HandshakeTimeToComplete: 1, CustomerMessage: '' })))
    complete = true
    start()
  }

  function start() {
    const openPort = isOld(version, '3.0.196.0') ? openBasic : openMux
    plugin = options.kind === 'Port' ? openPort(link) : openShell(link)
  }

  /** Whether it could be written. */
  function acknowledge(message) {
    if (cut) return false
    stats.acknowledged++
    const content = {
      AcknowledgedMessageType: message.type,
      AcknowledgedMessageId: message.id,
      AcknowledgedMessageSequenceNumber: message.sequence,
      IsSequentialMessage: true,
    }
    send(write({ type: 'acknowledge', flags: 3, payload: Buffer.from(JSON.stringify(content)) }))
    return true
  }

  function process({ payloadType, payload }) {
    const kms = options.kms?.cipher
    const plain = kms && payloadType === 1 ? kms.open(payload) : payload
    if (payloadType === 6) handshake(plain)
    else if (payloadType === 9) {
      options.kms.check(plain)
      finish()
    } else if (!complete) return
    else if (payloadType === 10 && plain.readUInt32BE() === 2) link.close('')
    else plugin?.take(payloadType, plain)
  }

  function take(bytes) {
    if (over) return
    // The agent has one reader: while a port takes nothing, neither data nor acknowledgements are read.
    if (link.blocked) return stuck.push(bytes)
    let message
    try {
      message = read(bytes)
    } catch {
      return
    }
    if (message.type === 'acknowledge') {
      paused = false
      flying.delete(JSON.parse(message.payload.toString()).AcknowledgedMessageSequenceNumber)
      if (flying.size < window / 2) link.onDrain()
    } else if (message.type === 'input_stream_data') {
      stats.seen++
      takeInput(message)
    }
  }

  /**
   * As handleStreamDataMessage of agent/session/datachannel/datachannel.go does it: the payload is handed on first,
   * then acknowledged, and only then is the next number expected. Where the acknowledgement can't be written, the
   * repeated message is handed on again. One that comes too early is kept only when it could be acknowledged.
   */
  function takeInput(message) {
    if (message.sequence > expected) {
      if (acknowledge(message)) early.set(message.sequence, message)
      return
    }
    if (message.sequence < expected) return acknowledge(message)
    process(message)
    if (!acknowledge(message)) {
      stats.uncertain++
      return
    }
    expected++
    for (let ready = early.get(expected); ready; ready = early.get(expected)) {
      early.delete(expected)
      process(ready)
      expected++
    }
  }

  if (options.handshake === false) {
    complete = true
    start()
  } else if (!options.quiet) begin()

  return {
    receive: take,
    end,
    pause: (value) => {
      paused = value
    },
    /** Breaks its connection, which it opens again after the first pause of its retryer (config.go: 100 to 200 ms). */
    cut: () => {
      cut = true
      setTimeout(() => {
        cut = false
      }, 150)
    },
    stats: () => ({ ...stats, flying: flying.size, stuck: stuck.length, early: early.size }),
  }
}

/** Serves a gateway over one TCP connection: length, kind, session, bytes. Kinds: o open, d data, p pause, b break, e end, s stats. */
function serve(port) {
  const socket = net.connect(port, '127.0.0.1')
  const sessions = new Map()
  const tell = (kind, session, bytes) => {
    const head = Buffer.alloc(9)
    head.writeUInt32BE(bytes.length)
    head.write(kind, 4)
    head.writeUInt32BE(session, 5)
    if (!socket.writableCorked) {
      socket.cork()
      setImmediate(() => socket.uncork())
    }
    socket.write(head)
    socket.write(bytes)
  }
  let rest = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    while (rest.length >= 9 && rest.length >= 9 + rest.readUInt32BE()) {
      const length = rest.readUInt32BE()
      const [kind, session] = [rest.toString('latin1', 4, 5), rest.readUInt32BE(5)]
      const bytes = rest.subarray(9, 9 + length)
      rest = rest.subarray(9 + length)
      if (kind === 'o') {
        const close = (reason) => tell('e', session, Buffer.from(reason))
        sessions.set(
          session,
          openSession(JSON.parse(bytes), (out) => tell('d', session, out), close),
        )
      } else if (kind === 'd') sessions.get(session)?.receive(Buffer.from(bytes))
      else if (kind === 'p') sessions.get(session)?.pause(bytes[0] === 1)
      else if (kind === 'b') for (const one of sessions.values()) one.cut()
      else if (kind === 'e') {
        sessions.get(session)?.end()
        sessions.delete(session)
      } else if (kind === 's') {
        const all = Object.fromEntries([...sessions].map(([id, { stats }]) => [id, stats()]))
        tell('s', 0, Buffer.from(JSON.stringify(all)))
      }
    }
  })
  socket.on('close', () => process.exit())
}

if (process.argv[1]?.endsWith('agent.mjs')) serve(Number(process.argv[2]))
