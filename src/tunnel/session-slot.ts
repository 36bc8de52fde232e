import type { Socket } from 'node:net'
import { BasicPortForwarding } from './basic-port-forwarding.js'
import type { Ending } from './ending.js'
import { isLater } from './handshake.js'
import { MuxPortForwarding } from './mux-port-forwarding.js'
import type { ForwardingNotices, PortForwarding } from './port-forwarding.js'
import { Session, type SessionSurroundings } from './session.js'
import type { SessionRequest } from './start.js'

/** The last agent version without multiplexing. */
const lastBasicAgent = '3.0.196.0'
/** After this time without an acknowledgement, a session gets no new connections; then it counts as stuck. */
const avoidAfter = 3000
const stuckAfter = 10_000

export interface SlotNotices extends ForwardingNotices {
  broken(): void
  resumed(): void
  /** A session ended unexpectedly; another one is opened for the next connection. */
  ended(ending: Ending): void
  /** A session made no progress and was given up with its connections. */
  stuck(connections: number): void
  /** A forwarding with one connection can take the next one. */
  free(): void
}

/** One session at a time: opened on demand, replaced when it has ended or makes no progress. */
export class SessionSlot {
  reconnections = 0
  private opening: Promise<void> | undefined
  private session: Session | undefined
  private forwarding: PortForwarding | undefined
  /** Sessions that still have connections but take no new ones. */
  private readonly former = new Map<Session, PortForwarding>()
  /** Connections that wait for a session. */
  private arriving = 0

  constructor(
    private readonly request: SessionRequest,
    private readonly surroundings: SessionSurroundings,
    private readonly notices: SlotNotices,
  ) {}

  /** The number of connections, including waiting ones. */
  get load(): number {
    return (this.forwarding?.load ?? 0) + this.arriving
  }

  /** All connections in use, including those of sessions that take no new ones. */
  get open(): number {
    return [...this.former.values()].reduce((sum, { load }) => sum + load, this.load)
  }

  /** Those with recent traffic. */
  get busy(): number {
    return (this.forwarding?.busy ?? 0) + this.arriving
  }

  get full(): boolean {
    return this.forwarding?.full ?? false
  }

  get roundTrip(): number {
    return this.session?.roundTrip ?? 0
  }

  /** Opens a session unless there is one. SDK errors and LabErrors pass through. */
  ready(signal?: AbortSignal): Promise<void> {
    if (this.session && !this.session.ended) return Promise.resolve()
    this.opening ??= this.start(signal).finally(() => {
      this.opening = undefined
    })
    return this.opening
  }

  /** Whether the connection was taken. */
  async carry(socket: Socket): Promise<boolean> {
    this.arriving++
    try {
      if (this.session && this.session.unheard > avoidAfter) this.leave()
      await this.ready()
    } finally {
      this.arriving--
    }
    if (this.full) return false
    if (!socket.destroyed) this.forwarding?.carry(socket)
    return true
  }

  /** Gives up sessions without progress, and ends unused ones. Called periodically. */
  look(): void {
    const { session, forwarding } = this
    if (session && forwarding && isStuck(session, forwarding)) this.leave()
    for (const [former, theirs] of this.former) {
      const stuck = isStuck(former, theirs)
      if (!stuck && theirs.size > 0) continue
      if (stuck) this.notices.stuck(theirs.size)
      theirs.end()
      this.former.delete(former)
      former.stop()
    }
  }

  async stop(): Promise<void> {
    await this.opening?.catch(() => {})
    this.leave()
    await Promise.all(
      [...this.former].map(([session, forwarding]) => {
        forwarding.end()
        return session.stop()
      }),
    )
  }

  /** The session keeps what it carries, and the next connection gets another one. */
  private leave(): void {
    if (this.session && this.forwarding) this.former.set(this.session, this.forwarding)
    this.session = undefined
    this.forwarding = undefined
  }

  private async start(signal?: AbortSignal): Promise<void> {
    // The agent may send data before `start` has returned; it is kept for the forwarding.
    let forwarding: PortForwarding | undefined
    const early: [number, Buffer][] = []
    const session = await Session.start(
      this.request,
      this.surroundings,
      {
        payload: (type, payload) =>
          forwarding ? forwarding.payload(type, payload) : early.push([type, payload]),
        onDrain: () => forwarding?.onDrain(),
        broken: () => this.notices.broken(),
        resumed: () => {
          this.reconnections++
          this.notices.resumed()
        },
        ended: (ending) => {
          forwarding?.end()
          this.former.delete(session)
          if (ending.how !== 'stopped') this.notices.ended(ending)
        },
      },
      signal,
    )
    const { clock } = this.surroundings
    forwarding = isLater(session.agentVersion, lastBasicAgent)
      ? new MuxPortForwarding(session, clock, this.notices)
      : new BasicPortForwarding(session, clock, this.notices, () => this.notices.free())
    for (const [type, payload] of early) forwarding.payload(type, payload)
    this.session = session
    this.forwarding = forwarding
  }
}

/**
 * A port that doesn't read blocks its session, which has no flow control per connection. A single connection may
 * wait; if others wait too, the session is given up.
 */
function isStuck(session: Session, forwarding: PortForwarding): boolean {
  return session.isCrawling || (session.unheard > stuckAfter && forwarding.load > 1)
}
