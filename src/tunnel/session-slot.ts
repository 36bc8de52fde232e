import type { Socket } from 'node:net'
import { BasicPortForwarding } from './basic-port-forwarding.js'
import type { Ending } from './ending.js'
import { isLater } from './handshake.js'
import { MuxPortForwarding } from './mux-port-forwarding.js'
import type { ForwardingNotices, PortForwarding } from './port-forwarding.js'
import { Session, type SessionSurroundings } from './session.js'
import type { SessionRequest } from './start.js'

/** Agents up to this one know no multiplexing. */
const lastBasicAgent = '3.0.196.0'
/** A session that acknowledges nothing for so long gets no new connections, and is then taken for stuck. */
const avoidAfter = 3000
const stuckAfter = 10_000

export interface SlotNotices extends ForwardingNotices {
  broken(): void
  resumed(): void
  /** A session ended that nobody here had stopped; another is opened for the next connection. */
  ended(ending: Ending): void
  /** A session that made no progress was given up, and its connections with it. */
  stuck(connections: number): void
  /** A forwarding of one connection can take another. */
  free(): void
}

/** One session after another: opened when it is needed, replaced when it has ended or does not move. */
export class SessionSlot {
  reconnections = 0
  private opening: Promise<void> | undefined
  private session: Session | undefined
  private forwarding: PortForwarding | undefined
  /** Sessions that have connections to serve but take no new ones. */
  private readonly former = new Map<Session, PortForwarding>()
  /** Connections on their way to a session. */
  private arriving = 0

  constructor(
    private readonly request: SessionRequest,
    private readonly surroundings: SessionSurroundings,
    private readonly notices: SlotNotices,
  ) {}

  /** Connections, those that are about to be carried as well. */
  get load(): number {
    return (this.forwarding?.load ?? 0) + this.arriving
  }

  /** All connections that are in use, those of sessions that take no new ones as well. */
  get open(): number {
    return [...this.former.values()].reduce((sum, { load }) => sum + load, this.load)
  }

  /** Those of them that something moved through a moment ago. */
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

  /** Whether the connection found a place. */
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

  /** Gives up what makes no progress, and ends what is no longer used; called now and then. */
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
    // The agent may speak before `start` has returned: what it says waits for the forwarding.
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
 * A port that takes nothing stops its session, which has no flow control for each connection. A connection that is
 * alone there may wait for it; where others wait too, the session is given up.
 */
function isStuck(session: Session, forwarding: PortForwarding): boolean {
  return session.isCrawling || (session.unheard > stuckAfter && forwarding.load > 1)
}
