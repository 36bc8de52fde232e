import { constants, generateKeyPairSync, privateDecrypt, publicEncrypt, randomBytes } from 'node:crypto'
import type { Host } from './account.js'

interface UserRequest {
  action: 'add' | 'list' | 'remove' | 'reset-password'
  email: string
  name?: string
  first?: boolean
  password?: { key: string; sealed: string } | null
  publicKey?: string
}

/** A program's answer, and its changes of the host. */
export interface Answer {
  output: string
  users?: Host['users']
  keys?: Host['keys']
}

const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }

/** The answer of `templates/host/key.py`, and the resulting keys. */
export function keyAnswer(keys: Host['keys']): { output: string; keys: Host['keys'] } {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 4096,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const id = randomBytes(12).toString('hex')
  return { output: JSON.stringify({ key: { id, publicKey } }), keys: { ...keys, [id]: privateKey } }
}

/**
 * The answer of `templates/host/user.py` to a request, and its changes. A given password is decrypted and its key
 * deleted; a generated one is encrypted to the request's key, as on a real host.
 */
export function userAnswer(request: string | undefined, { users, keys }: Host): Answer {
  const asked = JSON.parse(request ?? '{}') as UserRequest
  const { password } = asked
  if (!password) return change(asked, users)
  const { [password.key]: key, ...others } = keys
  const problem = key
    ? unreadable(password.sealed, key, `${asked.action} ${asked.email}`)
    : 'is encrypted to no key'
  if (problem) return { output: refusal('password-key', `The password ${problem}.`), keys: others }
  return { ...change(asked, users), keys: others }
}

/** Why a password can't be decrypted, or undefined. */
function unreadable(sealed: string, key: string, purpose: string): string | undefined {
  try {
    privateDecrypt({ key, ...oaep, oaepLabel: Buffer.from(purpose) }, Buffer.from(sealed, 'base64'))
    return undefined
  } catch (error) {
    if (!(error as { code?: string }).code?.startsWith('ERR_OSSL')) throw error
    return 'was encrypted for another request'
  }
}

function change(asked: UserRequest, users: Host['users']): Answer {
  const { email } = asked
  const there = users.some(([known]) => known?.toLowerCase() === email?.toLowerCase())
  const sealed = asked.password || !asked.publicKey ? {} : { sealed: seal(newPassword(), asked.publicKey) }
  switch (asked.action) {
    case 'list':
      return { output: JSON.stringify({ users }) }
    case 'add':
      if (asked.first && users.length > 0) return { output: JSON.stringify({ user: { email, made: false } }) }
      if (there) return { output: refusal('user-exists', `The user ${email} exists already.`) }
      return {
        output: JSON.stringify({ user: { email, made: true, ...sealed } }),
        users: [...users, [email, asked.name ?? email, new Date().toISOString().slice(0, 10)]],
      }
    case 'remove':
      if (!there) return { output: refusal('user-unknown', `There is no user ${email}.`) }
      return {
        output: JSON.stringify({ user: { email } }),
        users: users.filter(([known]) => known !== email),
      }
    case 'reset-password':
      if (!there) return { output: refusal('user-unknown', `There is no user ${email}.`) }
      return { output: JSON.stringify({ user: { email, ...sealed } }) }
  }
}

const refusal = (code: string, what: string): string =>
  JSON.stringify({
    error: { code, what, why: 'Nothing was changed.', fix: [{ code: 'list-users' }] },
  })

/** What `templates/host/portainer.py` answers. */
export function portainerAnswer(request: string | undefined): string {
  const { publicKey } = JSON.parse(request ?? '{}') as { publicKey: string }
  return JSON.stringify({
    portainer: { username: 'admin', works: true, sealed: seal(newPassword(), publicKey) },
  })
}

/**
 * It gives access to nothing, because there is no LibreChat, but it reaches the user in the same way as a real one.
 */
const newPassword = () => `rehearsal-${randomBytes(9).toString('base64url')}`

function seal(text: string, publicKey: string): string {
  return publicEncrypt({ key: publicKey, ...oaep }, Buffer.from(text)).toString('base64')
}
