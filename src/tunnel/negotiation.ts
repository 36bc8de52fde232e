import { type GenerateDataKey, SessionCipher } from './encryption.js'
import { type Action, type Outcome, parseRequest, response } from './handshake.js'
import { MalformedMessage, parseObject, payloadType } from './message.js'

/** Our side of one session's handshake. Each request is answered once, so that repeated requests cost nothing. */
export class Negotiation {
  agentVersion = ''
  private cipher: SessionCipher | undefined
  private readonly answered = new Set<number>()

  constructor(
    private readonly session: { sessionId: string; instanceId: string },
    private readonly generateDataKey: GenerateDataKey | undefined,
  ) {}

  /** The answer's payload; throws `MalformedMessage`, and KMS's errors. */
  async answer(payload: Buffer): Promise<Buffer> {
    this.once(payloadType.handshakeRequest)
    const { agentVersion, actions } = parseRequest(payload)
    this.agentVersion = agentVersion
    const outcomes: { type: string; outcome: Outcome }[] = []
    for (const action of actions) outcomes.push({ type: action.type, outcome: await this.perform(action) })
    return response(outcomes)
  }

  /** The challenge, decrypted and encrypted again; throws `MalformedMessage`. */
  answerChallenge(payload: Buffer): Buffer {
    this.once(payloadType.challengeRequest)
    const { Challenge } = parseObject(payload)
    if (!this.cipher || typeof Challenge !== 'string') throw new MalformedMessage('a challenge out of place')
    const again = this.cipher.seal(this.cipher.open(Buffer.from(Challenge, 'base64')))
    return Buffer.from(JSON.stringify({ Challenge: again.toString('base64') }))
  }

  seal(type: number, payload: Buffer): Buffer {
    return this.cipher && type === payloadType.output ? this.cipher.seal(payload) : payload
  }

  open(type: number, payload: Buffer): Buffer {
    return this.cipher && sealed.has(type) ? this.cipher.open(payload) : payload
  }

  private once(type: number): void {
    if (this.answered.has(type)) throw new MalformedMessage('a second question of the handshake')
    this.answered.add(type)
  }

  private async perform({ type, parameters }: Action): Promise<Outcome> {
    if (type === 'SessionType') return { result: null }
    if (type !== 'KMSEncryption' || !this.generateDataKey) return { unsupported: true }
    if (this.cipher) throw new MalformedMessage('a second key')
    this.cipher = await SessionCipher.negotiate(parameters, this.session, this.generateDataKey)
    return { result: this.cipher.answer }
  }
}

const sealed = new Set<number>([payloadType.output, payloadType.stderr, payloadType.exitCode])
