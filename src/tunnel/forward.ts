import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { LabError } from '../core/error.js'
import { breakOff } from './port-forwarding.js'
import type { SessionSurroundings } from './session.js'
import { SessionSlot } from './session-slot.js'

/** Connections to old agents, which carry one for each session. */
const mostBasicSessions = 8
const look = 1000

export interface ForwardRequest {
  instanceId: string
  remotePort: number
  /** The wanted one; another is taken when it is busy. */
  localPort: number
  /** The address to listen on. */
  bind: string
  /** Over how many sessions connections are spread. */
  sessions: number
  /** Stands beside the sessions at AWS. */
  reason?: string
}

export interface Traffic {
  connections: number
  bytesDown: number
  bytesUp: number
  reconnects: number
  /** Milliseconds; 0 before the first measurement. */
  roundTrip: number
}

/** What happens while a port is forwarded, for the person to hear. */
export type Notice =
  | { type: 'broken' | 'resumed' | 'refused' | 'let-go' | 'stuck' }
  | { type: 'session-ended'; reason: string }
  | { type: 'no-session'; error: unknown }

/** A port of the instance that is open here. */
export class Forward {
  private readonly slots: SessionSlot[] = []
  private readonly sockets = new Set<Socket>()
  private waiting: Socket[] = []
  private readonly over = new AbortController()
  private down = 0
  private up = 0

  private constructor(
    private readonly server: Server,
    private readonly request: ForwardRequest,
    private readonly surroundings: SessionSurroundings,
    private readonly notify: (notice: Notice) => void,
  ) {
    for (let i = 0; i < request.sessions; i++) this.addSlot()
    server.on('connection', (socket) => this.accept(socket))
  }

  /** Listens, and resolves when every session is open. LabErrors `port-taken`, and what `Session.start` throws. */
  static async open(
    request: ForwardRequest,
    surroundings: SessionSurroundings,
    notify: (notice: Notice) => void,
    signal?: AbortSignal,
  ): Promise<Forward> {
    const server = await listen(request)
    const forward = new Forward(server, request, surroundings, notify)
    try {
      await Promise.all(forward.slots.map((slot) => slot.open(signal)))
    } catch (error) {
      await forward.close()
      throw error
    }
    forward.watch()
    return forward
  }

  /** The port that is open here. */
  get port(): number {
    const address = this.server.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  get traffic(): Traffic {
    return {
      connections: this.sockets.size,
      bytesDown: this.down,
      bytesUp: this.up,
      reconnects: this.slots.reduce((sum, { reconnections }) => sum + reconnections, 0),
      roundTrip: Math.max(...this.slots.map(({ roundTrip }) => roundTrip)),
    }
  }

  /** Ends connections, sessions and listening; resolves when AWS knows. */
  async close(): Promise<void> {
    this.over.abort()
    this.server.close()
    for (const socket of this.sockets) breakOff(socket)
    await Promise.all(this.slots.map((slot) => slot.stop()))
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket)
    socket.setNoDelay(true)
    // Read only from when somebody carries it on.
    socket.pause()
    socket.on('error', () => {})
    socket.on('close', () => this.sockets.delete(socket))
    this.place(socket)
  }

  private place(socket: Socket): void {
    const free = this.slots.filter((slot) => !slot.full).sort((a, b) => a.load - b.load)[0]
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
        stuck: () => this.notify({ type: 'stuck' }),
        ended: (ending) => {
          if (ending.how === 'lost') this.notify({ type: 'no-session', error: ending.error })
          else this.notify({ type: 'session-ended', reason: ending.how === 'closed' ? ending.reason : '' })
        },
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
    try {
      while (true) {
        await this.surroundings.clock.sleep(look, this.over.signal)
        for (const slot of this.slots) slot.look()
      }
    } catch (error) {
      if (!this.over.signal.aborted) throw error
    }
  }
}

/** Listens on the wanted port, or on a free one when that is taken. Without the right to it, LabError. */
async function listen({ localPort, bind }: ForwardRequest): Promise<Server> {
  for (const port of [localPort, 0]) {
    const server = createServer({ allowHalfOpen: true })
    server.listen(port, bind)
    try {
      await once(server, 'listening')
      return server
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EADDRINUSE' && port !== 0) continue
      throw cannotListen(code ?? '', `${bind}:${port}`, error)
    }
  }
  throw new Error('unreachable: the system always has a free port or says why not')
}

function cannotListen(code: string, address: string, cause: unknown): LabError {
  const reasons: Record<string, string> = {
    EACCES: 'Your system lets only administrators listen on ports below 1024.',
    EADDRNOTAVAIL: 'This machine has no such address.',
  }
  return new LabError({
    code: 'cannot-listen',
    what: `Can't listen on ${address}.`,
    why: reasons[code] ?? (cause instanceof Error ? cause.message : code),
    fix: ['Choose another local port: librechat-lab tunnel 80:8080', 'Or another address: --bind 127.0.0.1'],
    cause,
  })
}
