import { ResumeSessionCommand, type SSMClient, TerminateSessionCommand } from '@aws-sdk/client-ssm'
import { isCode } from '../aws/errors.js'
import { LabError } from '../core/error.js'
import { Channel } from './channel.js'
import { type GenerateDataKey, SessionCipher } from './encryption.js'
import { type Ending, endingError, isFinal } from './ending.js'
import { type Action, type Outcome, parseRequest, response } from './handshake.js'
import { flag, flagPayload, MalformedMessage, parseObject, payloadType } from './message.js'
import { type DataSocket, openSocket, type Surroundings } from './socket.js'
import { type Address, readyWithin, type SessionRequest, startAtAws } from './start.js'

/** How long a session that lost its connection is kept alive. */
const resumeFor = 5 * 60_000
const resendEvery = 50

export interface SessionSurroundings extends Surroundings {
  ssm: SSMClient
  generateDataKey?: GenerateDataKey
}

export interface SessionEvents {
  payload(type: number, payload: Buffer): void
  onDrain(): void
  /** The connection broke and is being made anew; and it has been. */
  broken(): void
  resumed(): void
  ended(ending: Ending): void
}

/**
 * One Session Manager session: opened, kept alive over any number of connections, ended at AWS as well.
 * What is sent arrives once and in order for as long as the session lives.
 */
export class Session {
  /** Round trip of the last ping, in milliseconds. */
  roundTrip = 0
  reconnections = 0
  agentVersion = ''
  private readonly channel: Channel
  private readonly over = new AbortController()
  private socket: DataSocket | undefined
  private cipher: SessionCipher | undefined
  private held = false
  private repeating = false
  private settleReady: { done: () => void; failed: (error: unknown) => void } | undefined

  private constructor(
    readonly id: string,
    private readonly request: SessionRequest,
    private readonly surroundings: SessionSurroundings,
    private readonly events: SessionEvents,
  ) {
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

  /** How many messages may be sent now. */
  get sendWindow(): number {
    return this.channel.sendWindow
  }

  get resent(): number {
    return this.channel.resent
  }

  /** For how long nothing was acknowledged though something waits, in milliseconds. */
  get unheard(): number {
    return this.channel.unheard
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
    if (type === payloadType.output && this.cipher) this.put(type, this.cipher.seal(payload))
    else this.put(type, payload, repeated)
  }

  /** Makes the remote side wait: nothing is read until `release`. */
  hold(): void {
    this.held = true
    this.socket?.pause()
  }

  release(): void {
    this.held = false
    this.socket?.resume()
  }

  /** Ends the session here and at AWS. Never rejects: the session ends by itself when AWS can't be told. */
  async stop(): Promise<void> {
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
    const late = new AbortController()
    const deadline = this.surroundings.clock.sleep(readyWithin, late.signal).then(() => {
      throw new LabError({
        code: 'no-handshake',
        what: `The instance did not answer within ${readyWithin / 1000} seconds.`,
        why: 'The session was started at AWS, but the SSM agent on the instance did not open it.',
        fix: ['librechat-lab status   shows whether the agent is well', 'Then run the same command again.'],
        fault: 'aws',
      })
    })
    const interrupted = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    // Whichever comes second is nobody's business.
    for (const loser of [deadline, interrupted, ready]) loser.catch(() => {})
    try {
      await Promise.race([this.connect(answer), deadline, interrupted])
      await Promise.race([ready, deadline, interrupted])
    } finally {
      late.abort()
    }
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
    const { clock } = this.surroundings
    const until = clock.now() + resumeFor
    for (let wait = 250; !this.ended; wait = Math.min(wait * 2, 5000)) {
      try {
        const address = await this.surroundings.ssm.send(new ResumeSessionCommand({ SessionId: this.id }))
        if (!address.TokenValue) return this.end({ how: 'timed-out' })
        await this.connect(address)
        this.reconnections++
        this.events.resumed()
        // Whatever waited for room, or lost its turn meanwhile, goes on.
        return this.events.onDrain()
      } catch (error) {
        if (isCode(error, 'DoesNotExistException', 'InvalidSessionId*')) return this.end({ how: 'timed-out' })
        if (isFinal(error) || clock.now() >= until) return this.end({ how: 'lost', error })
      }
      await clock.sleep(wait, this.over.signal)
    }
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
      if (!this.ended) this.end({ how: 'lost', error })
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
        this.run(this.answer(payload))
        break
      case payloadType.challengeRequest:
        this.answerChallenge(payload)
        break
      case payloadType.handshakeComplete:
        this.ready()
        break
      default:
        // The oldest agents know no handshake: a shell's first output is its beginning.
        this.ready()
        this.events.payload(type, this.isSealed(type) && this.cipher ? this.cipher.open(payload) : payload)
    }
  }

  private isSealed(type: number): boolean {
    return type === payloadType.output || type === payloadType.stderr || type === payloadType.exitCode
  }

  private ready(): void {
    this.settleReady?.done()
    this.settleReady = undefined
  }

  private async answer(payload: Buffer): Promise<void> {
    const { agentVersion, actions } = parseRequest(payload)
    this.agentVersion = agentVersion
    const outcomes: { type: string; outcome: Outcome }[] = []
    for (const action of actions) outcomes.push({ type: action.type, outcome: await this.perform(action) })
    this.put(payloadType.handshakeResponse, response(outcomes))
  }

  private async perform({ type, parameters }: Action): Promise<Outcome> {
    if (type === 'SessionType') return { result: null }
    const { generateDataKey } = this.surroundings
    if (type !== 'KMSEncryption' || !generateDataKey) return { unsupported: true }
    const session = { sessionId: this.id, instanceId: this.request.instanceId }
    this.cipher = await SessionCipher.negotiate(parameters, session, generateDataKey)
    return { result: this.cipher.answer }
  }

  private answerChallenge(payload: Buffer): void {
    const { Challenge } = parseObject(payload)
    if (!this.cipher || typeof Challenge !== 'string') throw new MalformedMessage('a challenge out of place')
    const again = this.cipher.seal(this.cipher.open(Buffer.from(Challenge, 'base64')))
    const answer = JSON.stringify({ Challenge: again.toString('base64') })
    this.put(payloadType.challengeResponse, Buffer.from(answer))
  }
}
