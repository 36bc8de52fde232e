import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { LabError } from '../core/error.js'

const nonceLength = 12
const tagLength = 16

/** Requests a key of `NumberOfBytes` from KMS, bound to the context; the instance can decrypt its ciphertext. */
export type GenerateDataKey = (request: {
  KeyId: string
  NumberOfBytes: number
  EncryptionContext: Record<string, string>
}) => Promise<{ plaintext: Buffer; ciphertext: Buffer }>

/** Encrypts a shell's payloads if the account's preferences name a KMS key. */
export class SessionCipher {
  private constructor(
    private readonly theirs: Buffer,
    private readonly ours: Buffer,
    /** The part of the handshake's answer that gives the agent the same key. */
    readonly answer: { KMSCipherTextKey: string; ChallengeAcknowledgement: boolean },
  ) {}

  /**
   * A cipher for one session. `parameters` are the handshake action's: the key, and, from newer agents, a challenge
   * that the key is also bound to.
   */
  static async negotiate(
    parameters: Record<string, unknown>,
    session: { sessionId: string; instanceId: string },
    generateDataKey: GenerateDataKey,
  ): Promise<SessionCipher> {
    const { KMSKeyId, Challenge } = parameters
    const challenge = typeof Challenge === 'string' && Challenge !== '' ? Challenge : undefined
    const { plaintext, ciphertext } = await generateDataKey({
      KeyId: String(KMSKeyId ?? ''),
      NumberOfBytes: 64,
      EncryptionContext: {
        'aws:ssm:SessionId': session.sessionId,
        'aws:ssm:TargetId': session.instanceId,
        ...(challenge ? { 'aws:ssm:RandomChallenge': challenge } : {}),
      },
    })
    // The agent encrypts with the first half, the client with the second.
    return new SessionCipher(plaintext.subarray(0, 32), plaintext.subarray(32, 64), {
      KMSCipherTextKey: ciphertext.toString('base64'),
      ChallengeAcknowledgement: challenge !== undefined,
    })
  }

  /** AES-256-GCM: nonce, ciphertext, tag. */
  seal(plain: Buffer): Buffer {
    const nonce = randomBytes(nonceLength)
    const cipher = createCipheriv('aes-256-gcm', this.ours, nonce)
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  }

  open(sealed: Buffer): Buffer {
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.theirs, sealed.subarray(0, nonceLength))
      decipher.setAuthTag(sealed.subarray(sealed.length - tagLength))
      return Buffer.concat([
        decipher.update(sealed.subarray(nonceLength, sealed.length - tagLength)),
        decipher.final(),
      ])
    } catch (error) {
      throw new LabError({
        code: 'encryption-failed',
        what: 'The data from the instance could not be decrypted, so the session was ended.',
        why: 'The KMS key of the session does not match.',
        fix: ['Run the same command again.', 'If it happens again, update the SSM agent on the instance.'],
        fault: 'aws',
        cause: error,
      })
    }
  }
}
