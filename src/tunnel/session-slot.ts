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
/** A session that acknowledges nothing for so long is taken for stuck. */
const stuckAfter = 30_000

export interface SlotNotices extends ForwardingNotices {
  broken(): void
  resumed(): void
  /** A session ended that nobody here had stopped; another is opened for the next connection. */
  ended(ending: Ending): void
  stuck(): void
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
  private readonly former = new Set<Session>()

  constructor(
    private readonly request: SessionRequest,
    private readonly surroundings: SessionSurroundings,
    private readonly notices: SlotNotices,
  ) {}

  get load(): number {
    return this.forwarding?.load ?? 0
  }

  get full(): boolean {
    return this.forwarding?.full ?? false
  }

  get isBasic(): boolean {
    return this.forwarding instanceof BasicPortForwarding
  }

  get roundTrip(): number {
    return this.session?.roundTrip ?? 0
  }

  /** Opens a session unless there is one. SDK errors and LabErrors pass through. */
  open(signal?: AbortSignal): Promise<void> {
    if (this.session && !this.session.ended) return Promise.resolve()
    this.opening ??= this.start(signal).finally(() => {
      this.opening = undefined
    })
    return this.opening
  }

  /** Whether the connection found a place. */
  async carry(socket: Socket): Promise<boolean> {
    if (this.session && this.session.unheard > stuckAfter) this.leave(this.session)
    await this.open()
    if (this.full) return false
    if (!socket.destroyed) this.forwarding?.carry(socket)
    return true
  }

  /** Ends connections that a stuck session keeps waiting; called now and then. */
  look(): void {
    const { session, forwarding } = this
    if (!session || !forwarding || forwarding.load < 2 || session.unheard <= stuckAfter) return
    this.notices.stuck()
    this.leave(session)
    forwarding.end()
    this.stopFormer(session)
  }

  async stop(): Promise<void> {
    await this.opening?.catch(() => {})
    const sessions = [...this.former, ...(this.session ? [this.session] : [])]
    this.forwarding?.end()
    await Promise.all(sessions.map((session) => session.stop()))
  }

  /** The session keeps what it carries, and the next connection gets another one. */
  private leave(session: Session): void {
    this.former.add(session)
    this.session = undefined
    this.forwarding = undefined
  }

  private stopFormer(session: Session): void {
    session.stop().finally(() => this.former.delete(session))
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
