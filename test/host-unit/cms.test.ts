import { execFileSync, spawnSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  lockKey,
  openMessage,
  publicPem,
  resealMessage,
  sealMessage,
  UnreadableMessage,
  unlockKey,
} from '../../src/host/cms.js'

const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-cms-'))
afterAll(() => rmSync(folder, { recursive: true }))
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
const other = generateKeyPairSync('rsa', { modulusLength: 3072 })
const there = /^OpenSSL 3/.test(spawnSync('openssl', ['version'], { encoding: 'utf8' }).stdout ?? '')
const file = (name: string, data: string | Buffer) => {
  writeFileSync(join(folder, name), data)
  return join(folder, name)
}
const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] })
const oaep = ['rsa_padding_mode:oaep', 'rsa_oaep_md:sha256', 'rsa_mgf1_md:sha256'].flatMap((one) => [
  '-keyopt',
  one,
])

describe('an encrypted part', () => {
  it.each([0, 1, 127, 200, 70_000])('of %i bytes opens with its key', (size) => {
    const plain = randomBytes(size)
    expect(openMessage(sealMessage(plain, createPublicKey(privateKey)), privateKey)).toEqual(plain)
  })

  it('can be given to another key without its content', () => {
    const plain = Buffer.from('content')
    const given = resealMessage(sealMessage(plain, createPublicKey(privateKey)), privateKey, other.publicKey)
    expect(openMessage(given, other.privateKey)).toEqual(plain)
    expect(() => openMessage(given, privateKey)).toThrow(UnreadableMessage)
  })

  it('cannot be decrypted if it is changed, truncated or something else', () => {
    const message = sealMessage(randomBytes(1000), createPublicKey(privateKey))
    for (const at of [0, 5, 60, 200, 480, 600, message.length - 1]) {
      const changed = Buffer.from(message)
      changed[at] = (changed[at] ?? 0) ^ 1
      if (at === 60) continue // whose certificate it names counts for nothing
      expect(() => openMessage(changed, privateKey), `byte ${at}`).toThrow(UnreadableMessage)
    }
    for (const length of [0, 1, 100, message.length - 1])
      expect(() => openMessage(message.subarray(0, length), privateKey)).toThrow(UnreadableMessage)
    expect(() => openMessage(Buffer.from('no message'), privateKey)).toThrow(UnreadableMessage)
  })

  it.skipIf(!there)('is what openssl writes and reads, and so is the locked key', () => {
    const plain = randomBytes(100_000)
    const key = file('key.pem', lockKey(privateKey, 'correct horse'))
    const input = file('part.cms', sealMessage(plain, createPublicKey(privateKey)))
    const opening = ['cms', '-decrypt', '-binary', '-inform', 'DER', '-inkey', key]
    const opened = openssl(...opening, '-passin', 'pass:correct horse', '-in', input)
    expect(opened.equals(plain)).toBe(true)

    // As the host makes a certificate of a public key.
    const signer = join(folder, 'signer.pem')
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', signer)
    const certificate = join(folder, 'cert.pem')
    const pub = file('public.pem', publicPem(privateKey))
    openssl('x509', '-new', '-subj', '/CN=x', '-force_pubkey', pub, '-signkey', signer, '-out', certificate)
    const sealed = join(folder, 'sealed.cms')
    const how = ['-binary', '-outform', 'DER', '-aes-256-gcm', '-recip', certificate, ...oaep]
    openssl('cms', '-encrypt', ...how, '-in', file('plain', plain), '-out', sealed)
    const message = readFileSync(sealed)
    expect(openMessage(message, privateKey).equals(plain)).toBe(true)

    // As the host opens what was given to its own key.
    const given = file('given.cms', resealMessage(message, privateKey, other.publicKey))
    const theirs = file('theirs.pem', other.privateKey.export({ type: 'pkcs8', format: 'pem' }))
    expect(
      openssl('cms', '-decrypt', '-binary', '-inform', 'DER', '-inkey', theirs, '-in', given).equals(plain),
    ).toBe(true)
  })
})

describe('a locked key', () => {
  it('opens with its passphrase alone', () => {
    const locked = lockKey(privateKey, 'correct horse')
    expect(unlockKey(locked, 'correct horse')?.equals(privateKey)).toBe(true)
    expect(unlockKey(locked, 'wrong')).toBeUndefined()
  })

  it('does not open if its parameters would take hours to try', () => {
    const [first = '', ...lines] = lockKey(privateKey, 'correct horse').split('\n')
    const slow = Buffer.from(lines.slice(0, -2).join(''), 'base64')
    const at = slow.indexOf(Buffer.from('02024000020108', 'hex'))
    slow.set([0x7f], at + 9)
    const pem = [first, slow.toString('base64'), ...lines.slice(-2)].join('\n')
    expect(unlockKey(pem, 'correct horse')).toBeUndefined()
    const other = privateKey.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'pass',
    })
    expect(unlockKey(other.toString(), 'pass')).toBeUndefined()
  })

  it('is not made with a passphrase that could not open it', () => {
    expect(unlockKey(lockKey(privateKey, 'x'.repeat(1023)), 'x'.repeat(1023))).toBeDefined()
    expect(() => lockKey(privateKey, 'x'.repeat(1100))).toThrow('does not open')
  })
})
