import {
  constants,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from 'node:crypto'
import { promisify } from 'node:util'
import * as z from 'zod'
import { LabError } from '../core/error.js'
import type { Host } from './host.js'
import { endOf, lastJson, runStage } from './stage.js'

const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const

/** A key for one answer of the host: only this process can read what Run Command returns. */
export interface OneTimeKey {
  /** PEM, for the request. */
  readonly publicKey: string
  /** Decrypts what the host encrypted with RSA-OAEP and SHA-256, in base64. */
  open(sealed: string): string
}

export async function oneTimeKey(): Promise<OneTimeKey> {
  const pair: { publicKey: KeyObject; privateKey: KeyObject } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
  })
  return {
    publicKey: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    open: (sealed) =>
      privateDecrypt({ key: pair.privateKey, ...oaep }, Buffer.from(sealed, 'base64')).toString('utf8'),
  }
}

/** A password for the host: the key that it is encrypted to, and the ciphertext in base64. */
export interface Sealed {
  readonly key: string
  readonly sealed: string
}

const answer = z.object({ key: z.object({ id: z.string().regex(/^[0-9a-f]{24}$/), publicKey: z.string() }) })

/**
 * Encrypts a password to a key that the host makes for it, keeps in memory and uses once: RSA-OAEP with SHA-256, 4096
 * bits, for up to 446 bytes. Anyone who can answer for the host can supply their own key: see docs/security.md.
 * @param purpose the action and the user, as the host's password_of names them; it can't be decrypted for any other
 */
export async function sealForHost(host: Host, secret: string, purpose: string): Promise<Sealed> {
  const output = await runStage(host, 'key', { timeoutSeconds: 300 })
  const made = answer.safeParse(lastJson(output))
  const key = made.success ? rsaKey(made.data.key.publicKey) : undefined
  if (!made.success || key === undefined) {
    throw new LabError({
      code: 'host-key-unreadable',
      what: 'The host sent no key to encrypt the password with.',
      why: endOf(output),
      fix: ['Run the command again with --debug, and report it if that does not help.'],
      fault: 'program',
    })
  }
  const sealed = publicEncrypt({ key, ...oaep, oaepLabel: Buffer.from(purpose) }, Buffer.from(secret))
  return { key: made.data.key.id, sealed: sealed.toString('base64') }
}

/** The public key, if it has the form that the host's program generates. */
function rsaKey(pem: string): KeyObject | undefined {
  if (!pem.startsWith('-----BEGIN PUBLIC KEY-----')) return undefined
  try {
    const key = createPublicKey(pem)
    return key.asymmetricKeyDetails?.modulusLength === 4096 ? key : undefined
  } catch (error) {
    // OpenSSL's error for an invalid PEM.
    if ((error as { code?: string }).code?.startsWith('ERR_OSSL')) return undefined
    throw error
  }
}
