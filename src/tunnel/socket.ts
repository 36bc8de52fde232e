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
/** Messages are little over a kilobyte; nobody honest sends longer ones than this. */
const longestFrame = 256 * 1024

/** What may wait here for the other side to read it; then nothing more is read from it, acknowledgements and pongs stop. */
const mostBacklog = 1024 * 1024

/** What opening and keeping a data channel takes from outside. */
export interface Surroundings {
  clock: Clock
  signer: Signer
  /** From the environment's proxy settings. */
  agent?: Agent | undefined
}

export interface DataSocketEvents {
  frame(frame: Buffer): void
  /** It is gone: by either side, by the network, or because it no longer answered. */
  gone(): void
  /** Called with each pong: how long it took, in milliseconds. */
  pong(roundTrip: number): void
}

/** An open data channel's WebSocket. */
export interface DataSocket extends Wire {
  readonly isOpen: boolean
  /** Stops reading, so that the sender has to wait; and reads on. */
  pause(): void
  resume(): void
  close(): void
}

/**
 * Opens a data channel and shows its token. TLS is always verified; without TLS only this machine is talked to.
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
  // Listened to from the beginning: the first frames may come with the answer that opens the socket.
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
    // No closing handshake is waited for: AWS learns of the session's end in another way.
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
    // Before the opening an error says why there is none; after it "close" follows, which is all we need.
    socket.on('error', reject)
  })
}

/** Whether a socket is read: not while we are told to wait, nor while the other side does not read what we answer. */
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

  /** Who reads nothing for as long as a pong may take is gone. */
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

/** Combines into one system call all that is written to `socket` in this turn of the event loop. */
export function gather(socket: Socket): void {
  if (gathering.has(socket)) return
  gathering.add(socket)
  socket.cork()
  setImmediate(() => {
    gathering.delete(socket)
    socket.uncork()
  })
}

/** Pings while the socket lives, and ends it when a pong stays out. A socket that we paused is let be. */
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
  // What arrives is as good as a pong.
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
