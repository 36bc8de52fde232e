import { type SSMClient, TerminateSessionCommand } from '@aws-sdk/client-ssm'
import { Channel } from './channel.js'
import type { GenerateDataKey } from './encryption.js'
import { type Ending, endingError } from './ending.js'
import { flag, flagPayload, payloadType } from './message.js'
import { Negotiation } from './negotiation.js'
import { resume } from './resume.js'
import { type DataSocket, openSocket, type Surroundings } from './socket.js'
import { type Address, inTime, type SessionRequest, startAtAws } from './start.js'

const resendEvery = 50
/** What comes late and slowly for so long will not be better soon. */
const crawlFor = 6000

export interface SessionSurroundings extends Surroundings {
  ssm: SSMClient
  generateDataKey?: GenerateDataKey
}

export interface SessionEvents {
  payload(type: number, payload: Buffer): void
  /** There is room in the send window again. */
  onDrain(): void
  /** The connection broke and is being opened again; and it has been. */
  broken(): void
  resumed(): void
  ended(ending: Ending): void
}

/**
 * One Session Manager session: opened, kept alive over any number of connections, ended in AWS as well.
 * What is sent arrives once and in order for as long as the session lives.
 */
export class Session {
  /** Round trip of the last ping, in milliseconds. */
  roundTrip = 0
  reconnections = 0
  private readonly channel: Channel
  private readonly negotiation: Negotiation
  private readonly over = new AbortController()
  private socket: DataSocket | undefined
  private held = false
  private repeating = false
  private usedAt: number
  private stopping: Promise<void> | undefined
  private settleReady: { done: () => void; failed: (error: unknown) => void } | undefined

  private constructor(
    readonly id: string,
    request: SessionRequest,
    private readonly surroundings: SessionSurroundings,
    private readonly events: SessionEvents,
  ) {
    this.usedAt = surroundings.clock.now()
    this.negotiation = new Negotiation(
      { sessionId: id, instanceId: request.instanceId },
      surroundings.generateDataKey,
    )
    this.channel = new Channel(() => surroundings.clock.now(), {
      payload: (type, payload) => this.take(type, payload),
      closed: (reason) => this.end({ how: 'closed', reason }),
      onDrain: () => events.onDrain(),
    })
  }

  /** Starts a session and resolves when its handshake is done. SDK errors pass through; see advice.ts. */
  static async start(
    request: SessionRequest,
    surroundings: SessionSurroundings,
    events: SessionEvents,
    signal?: AbortSignal,
  ): Promise<Session> {
    const answer = await startAtAws(request, surroundings.ssm, signal)
    const session = new Session(answer.SessionId ?? '', request, surroundings, events)
    try {
      await session.open(answer, signal)
    } catch (error) {
      await session.stop()
      throw error
    }
    return session
  }

  get agentVersion(): string {
    return this.negotiation.agentVersion
  }

  /** How many messages may be sent now. */
  get sendWindow(): number {
    return this.channel.sendWindow
  }

  get resent(): number {
    return this.channel.resent
  }

  /** For how long nothing was acknowledged though something waits and we read, in milliseconds. */
  get unheard(): number {
    return this.held ? 0 : this.channel.unheard
  }

  /** Whether so much was lost on the way here that waiting for it is of no use. */
  get isCrawling(): boolean {
    return !this.held && this.channel.crawling > crawlFor
  }

  /** Whether all that was sent has been acknowledged. */
  get settled(): boolean {
    return this.channel.waiting === 0
  }

  get ended(): boolean {
    return this.over.signal.aborted
  }

  /** `repeated`: how the payload is written when it is sent again; as it was, unless given. */
  send(type: number, payload: Buffer, repeated?: (payload: Buffer) => Buffer): void {
    if (this.ended) return
    this.usedAt = this.surroundings.clock.now()
    const sealed = this.negotiation.seal(type, payload)
    this.put(type, sealed, sealed === payload ? repeated : undefined)
  }

  /** Makes the remote side wait: nothing is read until `release`. */
  hold(): void {
    this.held = true
    this.socket?.pause()
  }

  release(): void {
    this.held = false
    this.channel.excuse()
    this.socket?.resume()
  }

  /** Ends the session here and in AWS. Never rejects: the session ends by itself when AWS can't be told. */
  stop(): Promise<void> {
    this.stopping ??= this.terminate()
    return this.stopping
  }

  private async terminate(): Promise<void> {
    if (!this.ended) {
      this.send(payloadType.flag, flagPayload(flag.terminate))
      this.end({ how: 'stopped' })
    }
    await this.surroundings.ssm
      .send(new TerminateSessionCommand({ SessionId: this.id }), { abortSignal: AbortSignal.timeout(5000) })
      .catch(() => {})
  }

  private async open(answer: Address, signal?: AbortSignal): Promise<void> {
    const ready = new Promise<void>((done, failed) => {
      this.settleReady = { done, failed }
    })
    ready.catch(() => {})
    await inTime(
      this.connect(answer).then(() => ready),
      this.surroundings.clock,
      signal,
    )
  }

  private async connect({ StreamUrl, TokenValue }: Address): Promise<void> {
    const address = { url: StreamUrl ?? '', token: TokenValue ?? '' }
    const socket: DataSocket = await openSocket(address, this.surroundings, {
      frame: (frame) => this.receive(frame),
      gone: () => this.socket && !this.socket.isOpen && this.lose(),
      pong: (roundTrip) => {
        this.roundTrip = roundTrip
      },
    })
    if (this.ended) return socket.close()
    if (!socket.isOpen) throw new Error('the connection was closed as soon as it was open')
    this.socket = socket
    if (this.held) socket.pause()
    this.channel.attach(socket)
  }

  private receive(frame: Buffer): void {
    if (this.ended) return
    try {
      this.channel.receive(frame)
    } catch (error) {
      this.fail(error)
    }
  }

  /** The other side breaks the protocol, or a handler of ours failed: this session can't go on. */
  private fail(error: unknown): void {
    this.end({ how: 'lost', error })
    this.run(this.stop())
  }

  private lose(): void {
    if (this.ended) return
    this.socket = undefined
    this.channel.detach()
    this.events.broken()
    this.run(this.resume())
  }

  private async resume(): Promise<void> {
    const idleFor = this.surroundings.clock.now() - this.usedAt
    const ending = await resume(this.id, this.surroundings, (to) => this.connect(to), this.over.signal)
    if (ending) return this.end(ending.how === 'ended-at-aws' ? { ...ending, idleFor } : ending)
    if (this.ended) return
    this.reconnections++
    this.events.resumed()
    // Whatever waited for room, or lost its turn meanwhile, goes on.
    this.events.onDrain()
  }

  private put(type: number, payload: Buffer, repeated?: (payload: Buffer) => Buffer): void {
    this.channel.send(type, payload, repeated)
    if (this.repeating) return
    this.repeating = true
    this.run(this.repeat())
  }

  /** Repeats what is overdue for as long as anything waits: a quiet session needs no timer. */
  private async repeat(): Promise<void> {
    while (this.channel.waiting > 0) {
      await this.surroundings.clock.sleep(resendEvery, this.over.signal)
      this.channel.repeatOverdue()
    }
    this.repeating = false
  }

  /** Runs something beside; only the session's own end may stop it. */
  private run(work: Promise<void>): void {
    work.catch((error) => {
      if (!this.ended) this.fail(error)
    })
  }

  private end(ending: Ending): void {
    if (this.ended) return
    this.over.abort()
    this.channel.detach()
    const { socket } = this
    this.socket = undefined
    // What was written in this turn, such as the flag that ends the session, leaves first.
    setImmediate(() => setImmediate(() => socket?.close()))
    if (this.settleReady) this.settleReady.failed(endingError(ending))
    else this.events.ended(ending)
  }

  private take(type: number, payload: Buffer): void {
    switch (type) {
      case payloadType.handshakeRequest:
        this.run(
          this.negotiation.answer(payload).then((answer) => this.put(payloadType.handshakeResponse, answer)),
        )
        break
      case payloadType.challengeRequest:
        this.put(payloadType.challengeResponse, this.negotiation.answerChallenge(payload))
        break
      case payloadType.handshakeComplete:
        this.ready()
        break
      default:
        // The oldest agents know no handshake: a shell's first output is its beginning.
        this.ready()
        this.usedAt = this.surroundings.clock.now()
        this.events.payload(type, this.negotiation.open(type, payload))
    }
  }

  private ready(): void {
    this.settleReady?.done()
    this.settleReady = undefined
  }
}
