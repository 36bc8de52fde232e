import { constants, publicEncrypt, randomBytes } from 'node:crypto'
import type { Host } from './account.js'

interface UserRequest {
  action: 'add' | 'list' | 'remove' | 'reset-password'
  email: string
  name?: string
  first?: boolean
  password?: object | null
  publicKey?: string
}

type Users = Host['users']

/**
 * What `templates/host/user.py` answers to a request, and the users that there are then. A password that the host
 * makes goes back sealed to the request's key, as in life.
 */
export function userAnswer(request: string | undefined, users: Users): { output: string; users?: Users } {
  const asked = JSON.parse(request ?? '{}') as UserRequest
  const { email } = asked
  const there = users.some(([known]) => known?.toLowerCase() === email?.toLowerCase())
  const sealed = asked.password || !asked.publicKey ? {} : { sealed: seal(newPassword(), asked.publicKey) }
  switch (asked.action) {
    case 'list':
      return { output: JSON.stringify({ users }) }
    case 'add':
      if (asked.first && users.length > 0) return { output: JSON.stringify({ user: { email, made: false } }) }
      if (there) return { output: refusal('user-exists', `There is a user ${email} already.`) }
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
    error: { code, what, why: 'Nothing was changed.', fix: ['See who there is: librechat-lab user list'] },
  })

/** What `templates/host/portainer.py` answers. */
export function portainerAnswer(request: string | undefined): string {
  const { publicKey } = JSON.parse(request ?? '{}') as { publicKey: string }
  return JSON.stringify({
    portainer: { username: 'admin', works: true, sealed: seal(newPassword(), publicKey) },
  })
}

/** It opens nothing: there is no LibreChat. It is made all the same, so that its way to the person is the real one. */
const newPassword = () => `rehearsal-${randomBytes(9).toString('base64url')}`

function seal(text: string, publicKey: string): string {
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
  return publicEncrypt({ key: publicKey, ...padding }, Buffer.from(text)).toString('base64')
}
