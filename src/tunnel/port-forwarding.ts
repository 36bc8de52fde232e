import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.js'
import { inBackground } from './background.js'
import { gather } from './socket.js'

/** What a forwarding needs of a session. */
export interface ForwardingSession {
  readonly sendWindow: number
  readonly settled: boolean
  readonly agentVersion: string
  send(type: number, payload: Buffer, repeated?: (payload: Buffer) => Buffer): void
  hold(): void
  release(): void
}

/** What forwardings report. */
export interface ForwardingNotices {
  /** Bytes carried: from the instance, to the instance. */
  moved(down: number, up: number): void
  /** The instance could not connect to the port. */
  refused(): void
  /** A connection was ended because its reader held the others up. */
  letGo(): void
}

/** Carries local connections over one session. */
export interface PortForwarding {
  /** How many connections it has; those that have ended on one side are not counted. */
  readonly load: number
  /** How many it has at all. */
  readonly size: number
  /** Through how many of them something moved a moment ago. */
  readonly busy: number
  /** Takes no further connection for now. */
  readonly full: boolean
  carry(socket: Socket): void
  payload(type: number, payload: Buffer): void
  onDrain(): void
  /** The session is over: its connections break, visibly. */
  end(): void
}

/** A local connection's buffer beyond which the remote side has to wait. */
const high = 1024 * 1024
/** How long a reader that takes nothing may keep other connections waiting. */
const stallTimeout = 15_000
const look = 50

/**
 * When our side has ended, the remote side is told only after some silence: the agent knows no half-open
 * connections and would throw an answer away. Longer while a question is unanswered.
 */
export const silenceAfter = (asked: boolean) => (asked ? 10_000 : 2000)
/** How much of a local connection is read ahead of the session. */
export const readAhead = 64 * 1024

/**
 * Local connections that read more slowly than the session brings. Sessions know no flow control for each
 * connection, so the whole session waits while one buffer is full; not for good, though: who takes nothing
 * for a while and keeps others waiting is let go.
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

/** Breaks a connection so that nobody takes what came for the whole. */
export function breakOff(socket: Socket): void {
  if (socket.destroyed) return
  socket.on('error', () => {})
  socket.resetAndDestroy()
}
