import { constants, generateKeyPair, type KeyObject, privateDecrypt } from 'node:crypto'
import { promisify } from 'node:util'

/** A key for one answer of the host's: what comes back through Run Command is readable to this process alone. */
export interface OneTimeKey {
  /** PEM, for the request. */
  readonly publicKey: string
  /** What the host encrypted with RSA-OAEP and SHA-256, base64. */
  open(sealed: string): string
}

export async function oneTimeKey(): Promise<OneTimeKey> {
  const pair: { publicKey: KeyObject; privateKey: KeyObject } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
  })
  return {
    publicKey: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    open: (sealed) =>
      privateDecrypt(
        { key: pair.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
        Buffer.from(sealed, 'base64'),
      ).toString('utf8'),
  }
}
