import type { Socket } from 'node:net'
import { inBackground } from './background.js'
import { type Ending, reasonOf } from './ending.js'
import { Listener, loopback } from './listen.js'
import { breakOff } from './port-forwarding.js'
import type { SessionSurroundings } from './session.js'
import { SessionSlot } from './session-slot.js'

/** Connections to old agents, which support one per session. */
const mostBasicSessions = 8
const look = 1000

export interface ForwardRequest {
  instanceId: string
  remotePort: number
  /** The preferred local port; another one is used if it is busy. */
  localPort: number
  /** The address to listen on; both loopback addresses unless given. */
  bind?: string
  /** The number of sessions that connections are distributed over. */
  sessions: number
  /** Shown with the sessions in AWS. */
  reason?: string
}

export interface Traffic {
  /** Connections that neither side has closed. */
  connections: number
  bytesDown: number
  bytesUp: number
  reconnects: number
  /** Milliseconds; 0 before the first measurement. */
  roundTrip: number
}

/** Events of a forwarded port, for the user. */
export type Notice =
  | { type: 'broken' | 'resumed' | 'refused' | 'let-go' }
  /** A session made no progress, so it was given up and its connections were closed. */
  | { type: 'stuck'; connections: number }
  /** The reason is a sentence without its full stop, and may be empty. */
  | { type: 'session-ended'; reason: string }
  | { type: 'no-session'; error: unknown }

/** A port of the instance that is forwarded to a local port. */
export class Forward {
  private readonly slots: SessionSlot[] = []
  private readonly sockets = new Set<Socket>()
  private waiting: Socket[] = []
  private readonly over = new AbortController()
  private down = 0
  private up = 0

  private listener: Listener | undefined

  private constructor(
    private readonly request: ForwardRequest,
    private readonly surroundings: SessionSurroundings,
    private readonly notify: (notice: Notice) => void,
  ) {
    for (let i = 0; i < request.sessions; i++) this.addSlot()
  }

  /** Listens, and resolves when every session is open. LabErrors `cannot-listen`, and what `Session.start` throws. */
  static async open(
    request: ForwardRequest,
    surroundings: SessionSurroundings,
    notify: (notice: Notice) => void,
    signal?: AbortSignal,
  ): Promise<Forward> {
    const forward = new Forward(request, surroundings, notify)
    const { localPort, bind } = request
    const addresses = bind === undefined ? loopback : [bind]
    forward.listener = await Listener.open(localPort, addresses, (socket) => forward.accept(socket))
    try {
      await Promise.all(forward.slots.map((slot) => slot.ready(signal)))
    } catch (error) {
      await forward.close()
      throw error
    }
    inBackground(forward.watch(), forward.over.signal)
    return forward
  }

  /** The local port and its addresses. */
  get port(): number {
    return this.listener?.port ?? 0
  }

  get addresses(): string[] {
    return this.listener?.addresses ?? []
  }

  get traffic(): Traffic {
    return {
      connections: this.slots.reduce((sum, { open }) => sum + open, this.waiting.length),
      bytesDown: this.down,
      bytesUp: this.up,
      reconnects: this.slots.reduce((sum, { reconnections }) => sum + reconnections, 0),
      roundTrip: Math.max(...this.slots.map(({ roundTrip }) => roundTrip)),
    }
  }

  /** Closes connections, sessions and the port; resolves when AWS has ended the sessions. */
  async close(): Promise<void> {
    this.over.abort()
    this.listener?.close()
    for (const socket of this.sockets) breakOff(socket)
    await Promise.all(this.slots.map((slot) => slot.stop()))
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket)
    socket.setNoDelay(true)
    // Paused until a session carries it.
    socket.pause()
    socket.on('error', () => {})
    socket.on('close', () => this.sockets.delete(socket))
    this.place(socket)
  }

  private place(socket: Socket): void {
    const free = this.slots.filter((slot) => !slot.full).sort((a, b) => a.busy - b.busy || a.load - b.load)[0]
    const slot = free ?? (this.slots.length < mostBasicSessions ? this.addSlot() : undefined)
    if (!slot) {
      this.waiting.push(socket)
      return
    }
    slot
      .carry(socket)
      .then((placed) => placed || this.place(socket))
      .catch((error) => {
        breakOff(socket)
        if (!this.over.signal.aborted) this.notify({ type: 'no-session', error })
      })
  }

  private addSlot(): SessionSlot {
    const { instanceId, remotePort, localPort, reason } = this.request
    const slot = new SessionSlot(
      {
        instanceId,
        document: 'AWS-StartPortForwardingSession',
        parameters: { portNumber: [String(remotePort)], localPortNumber: [String(localPort)] },
        ...(reason ? { reason } : {}),
      },
      this.surroundings,
      {
        moved: (down, up) => {
          this.down += down
          this.up += up
        },
        refused: () => this.notify({ type: 'refused' }),
        letGo: () => this.notify({ type: 'let-go' }),
        broken: () => this.notify({ type: 'broken' }),
        resumed: () => this.notify({ type: 'resumed' }),
        stuck: (connections) => this.notify({ type: 'stuck', connections }),
        ended: (ending) => this.notify(noticeOf(ending)),
        free: () => {
          const socket = this.waiting.find((one) => !one.destroyed)
          this.waiting = this.waiting.filter((one) => one !== socket && !one.destroyed)
          if (socket) this.place(socket)
        },
      },
    )
    this.slots.push(slot)
    return slot
  }

  private async watch(): Promise<void> {
    while (true) {
      await this.surroundings.clock.sleep(look, this.over.signal)
      for (const slot of this.slots) slot.look()
    }
  }
}

const noticeOf = (ending: Ending): Notice =>
  ending.how === 'lost'
    ? { type: 'no-session', error: ending.error }
    : { type: 'session-ended', reason: reasonOf(ending) }
