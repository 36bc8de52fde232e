import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  scryptSync,
} from 'node:crypto'

/**
 * The subset of CMS (RFC 5652, RFC 5083, RFC 5084) that backups use: AuthEnvelopedData with AES-256-GCM and one
 * recipient with RSA-OAEP and SHA-256, as `openssl cms -encrypt -aes-256-gcm` writes it and `openssl cms -decrypt`
 * reads it.
 */

const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const
const tags = { integer: 2, octets: 4, oid: 6, sequence: 0x30, set: 0x31, content: 0xa0, data: 0x80 } as const

const oids = {
  authEnvelopedData: '060b2a864886f70d0109100117',
  data: '06092a864886f70d010701',
  aes256gcm: '060960864801650304012e',
  aes256cbc: '060960864801650304012a',
  oaepAlgorithm:
    '303806092a864886f70d010107302ba00d300b0609608648016503040201a11a301806092a864886f70d010108300b0609608648016503040201',
  pbes2: '06092a864886f70d01050d',
  scrypt: '06092b06010401da47040b',
} as const

/** Thrown for bytes that are not such a message, or not encrypted to this key. */
export class UnreadableMessage extends Error {}

interface Element {
  tag: number
  /** The offsets of its contents. */
  start: number
  end: number
}

function elementAt(der: Buffer, at: number, tag: number): Element {
  const found = der[at]
  let length = der[at + 1] ?? 0
  let start = at + 2
  if (length & 0x80) {
    const bytes = length & 0x7f
    if (bytes === 0 || bytes > 4 || start + bytes > der.length) throw new UnreadableMessage('length')
    length = der.readUIntBE(start, bytes)
    start += bytes
  }
  if (found !== tag || start + length > der.length) throw new UnreadableMessage(`element ${tag} at ${at}`)
  return { tag, start, end: start + length }
}

interface Parts {
  /** The content's key, encrypted to the recipient. */
  key: Element
  nonce: Buffer
  content: Buffer
  mac: Buffer
}

function parts(der: Buffer): Parts {
  const at = (from: number, tag: number) => elementAt(der, from, tag)
  const message = at(0, tags.sequence)
  const type = at(message.start, tags.oid)
  if (der.subarray(message.start, type.end).toString('hex') !== oids.authEnvelopedData)
    throw new UnreadableMessage('another kind of message')
  const body = at(at(type.end, tags.content).start, tags.sequence)
  const recipients = at(at(body.start, tags.integer).end, tags.set)
  const recipient = at(recipients.start, tags.sequence)
  const id = at(at(recipient.start, tags.integer).end, tags.sequence)
  const key = at(at(id.end, tags.sequence).end, tags.octets)
  const info = at(recipients.end, tags.sequence)
  const algorithm = at(at(info.start, tags.oid).end, tags.sequence)
  const cipher = at(algorithm.start, tags.oid)
  if (der.subarray(algorithm.start, cipher.end).toString('hex') !== oids.aes256gcm)
    throw new UnreadableMessage('another cipher')
  const nonce = at(at(cipher.end, tags.sequence).start, tags.octets)
  const content = at(algorithm.end, tags.data)
  const mac = at(info.end, tags.octets)
  const bytes = ({ start, end }: Element) => der.subarray(start, end)
  return { key, nonce: bytes(nonce), content: bytes(content), mac: bytes(mac) }
}

/** Decrypts a message. UnreadableMessage if it was modified, or is not encrypted to this key. */
export function openMessage(der: Buffer, privateKey: KeyObject): Buffer {
  const { nonce, content, mac, key } = parts(der)
  try {
    const contentKey = privateDecrypt({ key: privateKey, ...oaep }, der.subarray(key.start, key.end))
    const decipher = createDecipheriv('aes-256-gcm', contentKey, nonce, { authTagLength: 16 })
    decipher.setAuthTag(mac)
    return Buffer.concat([decipher.update(content), decipher.final()])
  } catch (error) {
    throw new UnreadableMessage('the message was changed, or is for another key', { cause: error })
  }
}

/**
 * Re-encrypts a message to another recipient with a key of the same length. Only the content key is encrypted again.
 */
export function resealMessage(der: Buffer, privateKey: KeyObject, to: KeyObject): Buffer {
  const { key } = parts(der)
  const sealed = publicEncrypt(
    { key: to, ...oaep },
    privateDecrypt({ key: privateKey, ...oaep }, der.subarray(key.start, key.end)),
  )
  if (sealed.length !== key.end - key.start) throw new UnreadableMessage('a key of another length')
  return Buffer.concat([der.subarray(0, key.start), sealed, der.subarray(key.end)])
}

function element(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents)
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  const short = length.subarray(length.findIndex((byte) => byte !== 0))
  return Buffer.concat([Buffer.from([tag, 0x80 | short.length]), short, body])
}
const hex = (text: string) => Buffer.from(text, 'hex')
const number = (value: number) => {
  const text = value.toString(16)
  const even = text.length % 2 ? `0${text}` : text
  return element(tags.integer, hex(Number.parseInt(even.slice(0, 2), 16) > 0x7f ? `00${even}` : even))
}

/** Encrypts a message in the host's format. */
export function sealMessage(plain: Buffer, to: KeyObject): Buffer {
  const [contentKey, nonce] = [randomBytes(32), randomBytes(12)]
  const cipher = createCipheriv('aes-256-gcm', contentKey, nonce, { authTagLength: 16 })
  const content = Buffer.concat([cipher.update(plain), cipher.final()])
  const noName = element(tags.sequence, element(tags.sequence), number(1))
  const recipient = element(
    tags.sequence,
    number(0),
    noName,
    hex(oids.oaepAlgorithm),
    element(tags.octets, publicEncrypt({ key: to, ...oaep }, contentKey)),
  )
  const parameters = element(tags.sequence, element(tags.octets, nonce), number(16))
  const body = element(
    tags.sequence,
    number(0),
    element(tags.set, recipient),
    element(
      tags.sequence,
      hex(oids.data),
      element(tags.sequence, hex(oids.aes256gcm), parameters),
      element(tags.data, content),
    ),
    element(tags.octets, cipher.getAuthTag()),
  )
  return element(tags.sequence, hex(oids.authEnvelopedData), element(tags.content, body))
}

/** scrypt within the 32 MiB that openssl allows itself: 16 MiB, four times over. */
const cost = { N: 16_384, r: 8, p: 4 } as const

/**
 * A private key as PEM (PKCS #8 with PBES2), encrypted with the passphrase; scrypt makes guessing slow. Throws if that
 * passphrase does not open it again.
 */
export function lockKey(key: KeyObject, passphrase: string): string {
  const [salt, iv] = [randomBytes(16), randomBytes(16)]
  const cipher = createCipheriv('aes-256-cbc', scryptSync(passphrase, salt, 32, cost), iv)
  const der = key.export({ type: 'pkcs8', format: 'der' })
  const kdf = element(
    tags.sequence,
    hex(oids.scrypt),
    element(tags.sequence, element(tags.octets, salt), number(cost.N), number(cost.r), number(cost.p)),
  )
  const scheme = element(tags.sequence, hex(oids.aes256cbc), element(tags.octets, iv))
  const locked = element(
    tags.sequence,
    element(tags.sequence, hex(oids.pbes2), element(tags.sequence, kdf, scheme)),
    element(tags.octets, cipher.update(der), cipher.final()),
  )
  const lines = locked.toString('base64').replace(/.{64}(?=.)/g, '$&\n')
  const pem = `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${lines}\n-----END ENCRYPTED PRIVATE KEY-----\n`
  if (!unlockKey(pem, passphrase)?.equals(key)) throw new Error('This passphrase does not open its own key.')
  return pem
}

/** The only way that lockKey derives a key. With another file's parameters, it could take hours. */
const ownKdf = new RegExp(`${oids.scrypt}30..0410.{32}02024000020108020104`)

/** The private key, or undefined with another passphrase, or if lockKey did not write it. */
export function unlockKey(pem: string, passphrase: string): KeyObject | undefined {
  const der = Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ''), 'base64')
  if (!ownKdf.test(der.toString('hex', 0, 100))) return undefined
  try {
    return createPrivateKey({ key: pem, passphrase })
  } catch (error) {
    if (!(error as { code?: string }).code?.startsWith('ERR_OSSL')) throw error
    return undefined
  }
}

export const publicPem = (key: KeyObject): string =>
  createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()
