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
/** After this time of late and slow messages, waiting doesn't help. */
const crawlFor = 6000

export interface SessionSurroundings extends Surroundings {
  ssm: SSMClient
  generateDataKey?: GenerateDataKey
}

export interface SessionEvents {
  payload(type: number, payload: Buffer): void
  /** The send window is open again. */
  onDrain(): void
  /** The connection broke and is being reopened, or was reopened. */
  broken(): void
  resumed(): void
  ended(ending: Ending): void
}

/**
 * One Session Manager session: opened, kept over any number of connections, and ended in AWS. Data arrives once and
 * in order while the session exists.
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

  /** Milliseconds without an acknowledgement while messages wait and we read. */
  get unheard(): number {
    return this.held ? 0 : this.channel.unheard
  }

  /** Whether so much incoming data was lost that waiting for it is useless. */
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

  /** `repeated`: the payload to use for a repetition; default: the same. */
  send(type: number, payload: Buffer, repeated?: (payload: Buffer) => Buffer): void {
    if (this.ended) return
    this.usedAt = this.surroundings.clock.now()
    const sealed = this.negotiation.seal(type, payload)
    this.put(type, sealed, sealed === payload ? repeated : undefined)
  }

  /** Makes the remote side wait, because nothing is read until `release`. */
  hold(): void {
    this.held = true
    this.socket?.pause()
  }

  release(): void {
    this.held = false
    this.channel.excuse()
    this.socket?.resume()
  }

  /** Ends the session here and in AWS. Never rejects: if the call fails, AWS ends the session itself later. */
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

  /** The remote side violated the protocol, or one of our handlers failed: the session can't continue. */
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
    // Continues senders that waited for the window.
    this.events.onDrain()
  }

  private put(type: number, payload: Buffer, repeated?: (payload: Buffer) => Buffer): void {
    this.channel.send(type, payload, repeated)
    if (this.repeating) return
    this.repeating = true
    this.run(this.repeat())
  }

  /** Repeats overdue messages while any are unacknowledged; a quiet session needs no timer. */
  private async repeat(): Promise<void> {
    while (this.channel.waiting > 0) {
      await this.surroundings.clock.sleep(resendEvery, this.over.signal)
      this.channel.repeatOverdue()
    }
    this.repeating = false
  }

  /** Runs something in the background until the session ends. */
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
    // Data written in this turn, such as the flag that ends the session, is sent first.
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
        // The oldest agents have no handshake, so a shell's first output is its start.
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
