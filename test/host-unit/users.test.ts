import { constants, publicEncrypt } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { addUser, listUsers, problemWith, removeUser, resetPassword } from '../../src/host/users.js'
import { carriedBy } from '../support/archive.js'
import { awsError, scriptedHost, sent, succeeded } from './scripted.js'

/** The request that a command carried. */
function requestIn(
  input: Record<string, unknown> | undefined,
): Record<string, never> & Record<string, unknown> {
  return JSON.parse(filesIn(input).get('input/request.json') ?? '')
}

function filesIn(input: Record<string, unknown> | undefined): ReadonlyMap<string, string> {
  const { commands } = (input?.Parameters ?? {}) as { commands?: string[] }
  return carriedBy(commands?.[0] ?? '').files
}

/** A host that makes what it is asked for. */
function obliging() {
  let asked: ReturnType<typeof requestIn> = {}
  return scriptedHost({
    SendCommand: (input) => {
      asked = requestIn(input)
      return sent
    },
    GetCommandInvocation: () => {
      const oaep = {
        key: String(asked.publicKey),
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash: 'sha256',
      }
      const sealed = publicEncrypt(oaep, Buffer.from('made on the host')).toString('base64')
      const user = { email: asked.email, made: true, ...(asked.password === null ? { sealed } : {}) }
      return succeeded(`LibreChat answers\n${JSON.stringify({ user })}\n`)
    },
  })
}

describe('a user', () => {
  it('gets a password that the host makes, sealed to a key that is used once', async () => {
    const { host, calls } = obliging()
    expect(await addUser(host, { email: 'me@example.org' })).toEqual({
      email: 'me@example.org',
      made: true,
      password: 'made on the host',
    })
    await resetPassword(host, { email: 'me@example.org' })
    const requests = calls.filter(({ name }) => name === 'SendCommand').map(({ input }) => requestIn(input))
    expect(requests.map(({ action, password }) => [action, password])).toEqual([
      ['add', null],
      ['reset-password', null],
    ])
    expect(requests[0]?.publicKey).not.toBe(requests[1]?.publicKey)
    expect(calls.some(({ name }) => name === 'PutParameter')).toBe(false)
  })

  it('gets a password that the person gives through a parameter, and through nothing else', async () => {
    const { host, calls } = obliging()
    const password = 'correct horse "battery" $(staple)'
    expect(await addUser(host, { email: 'me@example.org', password })).toEqual({
      email: 'me@example.org',
      made: true,
    })
    const [put, send] = calls
    expect(calls.map(({ name }) => name)).toEqual([
      'PutParameter',
      'SendCommand',
      'GetCommandInvocation',
      'DeleteParameter',
    ])
    expect(put?.input).toMatchObject({ Type: 'SecureString', Value: password })
    expect(put?.input.Name).toMatch(/^\/librechat-lab\/team-a\/secret\/[0-9a-f]{24}$/)
    expect(calls[3]?.input).toEqual({ Name: put?.input.Name })
    const files = filesIn(send?.input)
    expect([...files.values()].some((text) => text.includes('horse'))).toBe(false)
  })

  it('leaves no parameter behind when the host fails', async () => {
    const { host, calls } = scriptedHost({ SendCommand: [awsError('AccessDeniedException')] })
    const adding = addUser(host, { email: 'me@example.org', password: 'long enough' })
    await expect(adding).rejects.toMatchObject({ name: 'AccessDeniedException' })
    expect(calls.at(-1)?.name).toBe('DeleteParameter')
  })

  it('is told of a parameter that could not be deleted, without its content', async () => {
    const { host, events } = scriptedHost({
      SendCommand: [awsError('AccessDeniedException')],
      DeleteParameter: [awsError('ThrottlingException', 'slow down')],
    })
    await addUser(host, { email: 'me@example.org', password: 'long enough' }).catch(() => {})
    expect(events).toEqual([
      { type: 'warning', text: expect.stringMatching(/secret\/[0-9a-f]+ .*slow down/) },
    ])
    expect(JSON.stringify(events)).not.toContain('long enough')
  })

  it.each([
    ['email', 'has no @', 'no-at.example.org'],
    ['email', 'begins with a dash', '-rf@example.org'],
    ['email', 'looks like an option', '--email-verified=false@example.org'],
    ['email', 'has two lines', 'a@b.org\nb@c.org'],
    ['email', 'has 10,000 characters', `${'a'.repeat(10_000)}@example.org`],
    ['email', 'holds a command', '"$(id)"@example.org'],
    ['email', 'is of another alphabet', 'снег@example.org'],
    ['name', 'is too short', 'ab'],
    ['name', 'looks like an option', '--provider=google'],
    ['name', 'has two lines', 'two\nlines'],
    ['name', 'has 10,000 characters', 'a'.repeat(10_000)],
    ['password', 'is too short', 'pas$wd'],
    ['password', 'is nothing but spaces', '          '],
    ['password', 'has two lines', 'two\nlines of it'],
    ['password', 'is too long', 'a'.repeat(129)],
  ] as const)('is refused before anything is sent when its %s %s', async (field, _why, value) => {
    const { host, calls } = scriptedHost({})
    expect(problemWith(field, value)).toBeTypeOf('string')
    const adding = addUser(host, { email: 'me@example.org', [field]: value })
    const failure = await adding.catch((error) => error)
    expect(failure).toMatchObject({ code: `${field}-refused` })
    if (field === 'password') expect(JSON.stringify(failure) + failure.message).not.toContain(value)
    expect(calls).toEqual([])
  })

  it.each(["o'brien+lab@example.org", 'a.b_c-d@sub.example.co'])('may be %s', (email) => {
    expect(problemWith('email', email)).toBeUndefined()
  })

  it('is listed and removed', async () => {
    const { host, calls } = scriptedHost({
      SendCommand: [sent, sent],
      GetCommandInvocation: [
        succeeded('{"users":[["a@b.org","Ann","Mon"]]}'),
        succeeded('{"user":{"email":"a@b.org"}}'),
      ],
    })
    expect(await listUsers(host)).toEqual([{ email: 'a@b.org', name: 'Ann', created: 'Mon' }])
    await removeUser(host, 'a@b.org')
    expect(calls.filter(({ name }) => name === 'SendCommand').map(({ input }) => input.Comment)).toEqual([
      'librechat-lab team-a user-list',
      'librechat-lab team-a user-remove',
    ])
  })
})
