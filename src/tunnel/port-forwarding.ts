import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.js'
import { inBackground } from './background.js'
import { gather } from './socket.js'

/** The part of a session that a forwarding uses. */
export interface ForwardingSession {
  readonly sendWindow: number
  readonly settled: boolean
  readonly agentVersion: string
  send(type: number, payload: Buffer, repeated?: (payload: Buffer) => Buffer): void
  hold(): void
  release(): void
}

/** Events of a forwarding. */
export interface ForwardingNotices {
  /** Transferred bytes: from the instance, to the instance. */
  moved(down: number, up: number): void
  /** The instance could not connect to the port. */
  refused(): void
  /** A connection was closed because its slow reader blocked the others. */
  letGo(): void
}

/** Carries local connections over one session. */
export interface PortForwarding {
  /** The number of connections that are open on both sides. */
  readonly load: number
  /** The number of all connections. */
  readonly size: number
  /** The number of connections with recent traffic. */
  readonly busy: number
  /** Takes no more connections for now. */
  readonly full: boolean
  carry(socket: Socket): void
  payload(type: number, payload: Buffer): void
  onDrain(): void
  /** The session has ended: closes its connections with an error. */
  end(): void
}

/** The size of a local connection's buffer above which the remote side has to wait. */
const high = 1024 * 1024
/** How long a reader that doesn't read may block other connections. */
const stallTimeout = 15_000
const look = 50

/**
 * After the local side closes, the remote side is told only after some silence: the agent doesn't support half-open
 * connections and would discard an answer. Longer while a request is unanswered.
 */
export const silenceAfter = (asked: boolean) => (asked ? 10_000 : 2000)
/** How much of a local connection is read ahead of the session. */
export const readAhead = 64 * 1024

/**
 * Local connections that read more slowly than the session brings. Sessions know no flow control for each connection,
 * so the whole session waits while one buffer is full; A reader that doesn't read for a while and blocks others is
 * disconnected.
 */
export class Backpressure {
  private readonly slow = new Set<Socket>()

  constructor(
    private readonly session: Pick<ForwardingSession, 'hold' | 'release'>,
    private readonly clock: Clock,
    private readonly othersWait: () => boolean,
    private readonly letGo: (socket: Socket) => void,
  ) {}

  write(socket: Socket, chunk: Buffer): void {
    if (socket.destroyed || socket.writableEnded) return
    gather(socket)
    socket.write(chunk)
    if (socket.writableLength > high && !this.slow.has(socket)) {
      this.session.hold()
      this.slow.add(socket)
      inBackground(this.waitUntilRead(socket))
    }
  }

  private async waitUntilRead(socket: Socket): Promise<void> {
    try {
      await this.watch(socket)
    } finally {
      this.slow.delete(socket)
      if (this.slow.size === 0) this.session.release()
    }
  }

  private async watch(socket: Socket): Promise<void> {
    let left = socket.writableLength
    let since = this.clock.now()
    while (!socket.destroyed && socket.writableLength > high / 2) {
      await this.clock.sleep(look)
      if (socket.writableLength < left) {
        left = socket.writableLength
        since = this.clock.now()
      } else if (this.clock.now() - since > stallTimeout && this.othersWait()) {
        return this.letGo(socket)
      }
    }
  }
}

/** Closes a connection with an error, so that partial data is not taken for complete. */
export function breakOff(socket: Socket): void {
  if (socket.destroyed) return
  socket.on('error', () => {})
  socket.resetAndDestroy()
}
