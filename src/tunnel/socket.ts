import { randomUUID } from 'node:crypto'
import type { Agent } from 'node:http'
import type { Socket } from 'node:net'
import WebSocket from 'ws'
import type { Clock } from '../core/clock.js'
import { LabError } from '../core/error.js'
import { inBackground } from './background.js'
import type { Wire } from './channel.js'
import { clientVersion } from './handshake.js'
import { type Signer, upgradeHeaders } from './sign.js'

const openWithin = 15_000
const pingEvery = 30_000
const pongWithin = 15_000
/** Maximum message size. Normal messages are little over a kilobyte. */
const longestFrame = 256 * 1024

/** Maximum bytes that wait to be sent. Above this, nothing is read, so acknowledgements and pongs stop. */
const mostBacklog = 1024 * 1024

/** External dependencies of a data channel. */
export interface Surroundings {
  clock: Clock
  signer: Signer
  /** From the environment's proxy settings. */
  agent?: Agent | undefined
}

export interface DataSocketEvents {
  frame(frame: Buffer): void
  /** The socket is closed: by either side, by the network, or because it no longer answered. */
  gone(): void
  /** Called with each pong: how long it took, in milliseconds. */
  pong(roundTrip: number): void
}

/** An open data channel's WebSocket. */
export interface DataSocket extends Wire {
  readonly isOpen: boolean
  /** Pauses reading, so that the sender has to wait; and resumes. */
  pause(): void
  resume(): void
  close(): void
}

/**
 * Opens a data channel and shows its token. TLS is always verified; without TLS, only this machine is allowed.
 * Rejects when it can't be opened within 15 seconds.
 */
export async function openSocket(
  { url, token }: { url: string; token: string },
  { clock, signer, agent }: Surroundings,
  events: DataSocketEvents,
): Promise<DataSocket> {
  refusePlain(url)
  const socket = new WebSocket(url, {
    headers: await upgradeHeaders(url, signer, clock.now()),
    handshakeTimeout: openWithin,
    maxPayload: longestFrame,
    perMessageDeflate: false,
    followRedirects: false,
    rejectUnauthorized: true,
    ...(agent ? { agent } : {}),
  })
  const gone = new AbortController()
  // Attached immediately, because the first frames can arrive with the answer that opens the socket.
  socket.on('message', (data: Buffer, isBinary) => isBinary && events.frame(data))
  const reading = new Reading(socket, clock)
  for (const event of ['message', 'ping']) socket.on(event, () => reading.limit())
  socket.on('close', () => {
    gone.abort()
    events.gone()
  })
  const stream = await opening(socket)
  socket.send(
    JSON.stringify({
      MessageSchemaVersion: '1.0',
      RequestId: randomUUID(),
      TokenValue: token,
      ClientId: randomUUID(),
      ClientVersion: clientVersion,
    }),
  )
  inBackground(watch(socket, clock, gone.signal, events), gone.signal)
  return {
    get isOpen() {
      return socket.readyState === WebSocket.OPEN
    },
    send(frame) {
      if (socket.readyState !== WebSocket.OPEN) return
      gather(stream)
      socket.send(frame)
    },
    backlog: () => socket.bufferedAmount,
    pause: () => reading.hold(true),
    resume: () => reading.hold(false),
    // Don't wait for a closing handshake: a separate call ends the session in AWS.
    close: () => socket.terminate(),
  }
}

function opening(socket: WebSocket): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let stream: Socket | undefined
    socket.on('upgrade', (response) => {
      stream = response.socket
      stream.setNoDelay(true)
    })
    socket.on('open', () => stream && resolve(stream))
    // Before the socket is open, an error gives the reason; afterwards "close" follows, which is enough.
    socket.on('error', reject)
  })
}

/** Whether a socket is read: not while reading is paused, nor while the remote side doesn't read our answers. */
class Reading {
  private held = false
  private choked = false

  constructor(
    private readonly socket: WebSocket,
    private readonly clock: Clock,
  ) {}

  hold(held: boolean): void {
    this.held = held
    this.apply()
  }

  limit(): void {
    if (this.choked || this.socket.bufferedAmount <= mostBacklog) return
    this.choked = true
    this.apply()
    inBackground(this.readAgain())
  }

  private async readAgain(): Promise<void> {
    await this.drained()
    this.choked = false
    this.apply()
  }

  private apply(): void {
    if (this.held || this.choked) this.socket.pause()
    else this.socket.resume()
  }

  /** A remote side that reads nothing for the pong timeout counts as gone. */
  private async drained(): Promise<void> {
    const { socket, clock } = this
    let left = socket.bufferedAmount
    for (let since = clock.now(); left > mostBacklog / 2; ) {
      await clock.sleep(20)
      if (socket.readyState !== WebSocket.OPEN) return
      if (socket.bufferedAmount < left) {
        left = socket.bufferedAmount
        since = clock.now()
      } else if (clock.now() - since > pongWithin) return socket.terminate()
    }
  }
}

const gathering = new WeakSet<Socket>()

/** Combines all writes to `socket` in this turn of the event loop into one system call. */
export function gather(socket: Socket): void {
  if (gathering.has(socket)) return
  gathering.add(socket)
  socket.cork()
  setImmediate(() => {
    gathering.delete(socket)
    socket.uncork()
  })
}

/** Sends pings, and closes the socket if a pong is missing. Skips a paused socket. */
async function watch(
  socket: WebSocket,
  clock: Clock,
  gone: AbortSignal,
  events: DataSocketEvents,
): Promise<void> {
  let answered = true
  let sentAt = 0
  socket.on('pong', () => {
    answered = true
    events.pong(clock.now() - sentAt)
  })
  // Any data counts as a pong.
  socket.on('message', () => {
    answered = true
  })
  while (true) {
    answered = false
    sentAt = clock.now()
    socket.ping()
    await clock.sleep(pongWithin, gone)
    if (!answered && !socket.isPaused) return socket.terminate()
    await clock.sleep(pingEvery - pongWithin, gone)
  }
}

function refusePlain(url: string): void {
  const { protocol, hostname } = new URL(url)
  const here = ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
  if (protocol === 'wss:' || (protocol === 'ws:' && here)) return
  throw new LabError({
    code: 'insecure-stream',
    what: 'AWS returned a stream address without TLS.',
    why: `A session uses wss:// only; this address starts with ${protocol}//.`,
    fix: ['Check AWS_ENDPOINT_URL and HTTPS_PROXY.'],
    fault: 'aws',
  })
}
