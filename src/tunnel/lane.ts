import type { Socket } from 'node:net'
import { BasicCarrier } from './basic.js'
import type { Carrier, CarrierNotices } from './carrier.js'
import type { Ending } from './ending.js'
import { isLater } from './handshake.js'
import { Session, type SessionSurroundings } from './session.js'
import type { SessionRequest } from './start.js'
import { StreamCarrier } from './streams.js'

/** Agents up to this one know no multiplexing. */
const lastBasicAgent = '3.0.196.0'
/** A session that acknowledges nothing for so long is taken for stuck. */
const stuckAfter = 30_000

export interface LaneNotices extends CarrierNotices {
  broken(): void
  resumed(): void
  /** A session ended that nobody here had stopped; another is opened for the next connection. */
  ended(ending: Ending): void
  stuck(): void
  /** A carrier of one connection can take another. */
  free(): void
}

/** One session after another: opened when it is needed, replaced when it has ended or does not move. */
export class Lane {
  reconnections = 0
  private opening: Promise<void> | undefined
  private session: Session | undefined
  private carrier: Carrier | undefined
  /** Sessions that have connections to serve but take no new ones. */
  private readonly former = new Set<Session>()

  constructor(
    private readonly request: SessionRequest,
    private readonly surroundings: SessionSurroundings,
    private readonly notices: LaneNotices,
  ) {}

  get load(): number {
    return this.carrier?.load ?? 0
  }

  get full(): boolean {
    return this.carrier?.full ?? false
  }

  get isBasic(): boolean {
    return this.carrier instanceof BasicCarrier
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
    if (!socket.destroyed) this.carrier?.carry(socket)
    return true
  }

  /** Ends connections that a stuck session keeps waiting; called now and then. */
  look(): void {
    const { session, carrier } = this
    if (!session || !carrier || carrier.load < 2 || session.unheard <= stuckAfter) return
    this.notices.stuck()
    this.leave(session)
    carrier.end()
    this.stopFormer(session)
  }

  async stop(): Promise<void> {
    await this.opening?.catch(() => {})
    const sessions = [...this.former, ...(this.session ? [this.session] : [])]
    this.carrier?.end()
    await Promise.all(sessions.map((session) => session.stop()))
  }

  /** The session keeps what it carries, and the next connection gets another one. */
  private leave(session: Session): void {
    this.former.add(session)
    this.session = undefined
    this.carrier = undefined
  }

  private stopFormer(session: Session): void {
    session.stop().finally(() => this.former.delete(session))
  }

  private async start(signal?: AbortSignal): Promise<void> {
    // The agent may speak before `start` has returned: what it says waits for the carrier.
    let carrier: Carrier | undefined
    const early: [number, Buffer][] = []
    const session = await Session.start(
      this.request,
      this.surroundings,
      {
        payload: (type, payload) => (carrier ? carrier.payload(type, payload) : early.push([type, payload])),
        room: () => carrier?.room(),
        broken: () => this.notices.broken(),
        resumed: () => {
          this.reconnections++
          this.notices.resumed()
        },
        ended: (ending) => {
          carrier?.end()
          this.former.delete(session)
          if (ending.how !== 'stopped') this.notices.ended(ending)
        },
      },
      signal,
    )
    const { clock } = this.surroundings
    carrier = isLater(session.agentVersion, lastBasicAgent)
      ? new StreamCarrier(session, clock, this.notices)
      : new BasicCarrier(session, clock, this.notices, () => this.notices.free())
    for (const [type, payload] of early) carrier.payload(type, payload)
    this.session = session
    this.carrier = carrier
  }
}
