import { constants, generateKeyPairSync, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { addUser, listUsers, problemWith, removeUser, resetPassword } from '../../src/host/users.js'
import { carriedBy } from '../support/archive.js'
import { scriptedHost, sent, succeeded } from './scripted.js'

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

const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
const shortKey = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .publicKey.export({ type: 'spki', format: 'pem' })
  .toString()

const pair = generateKeyPairSync('rsa', { modulusLength: 4096 })

/** A host that makes keys for passwords, and what it was sent that was encrypted to them. */
function withKeys() {
  const opened: { key: KeyObject; sealed: string }[] = []
  const publicKey = pair.publicKey.export({ type: 'spki', format: 'pem' })
  const id = 'a1'.repeat(12)
  let answer = ''
  const scripted = scriptedHost({
    SendCommand: (input) => {
      const request = filesIn(input).get('input/request.json')
      const { email, password } = JSON.parse(request ?? '{}')
      answer = JSON.stringify(request ? { user: { email, made: true } } : { key: { id, publicKey } })
      if (password?.key === id) opened.push({ key: pair.privateKey, sealed: password.sealed })
      return sent
    },
    GetCommandInvocation: () => succeeded(answer),
  })
  return { ...scripted, opened }
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

  it.each([
    'correct horse "battery" $(staple)',
    // As long as a password may be, in the characters that take the most bytes.
    '☃'.repeat(128),
  ])(
    'gets a password that the user gives encrypted to the host’s key, and through nothing else: %s',
    async (password) => {
      const { host, calls } = withKeys()
      for (const user of [{ email: 'me@example.org' }, { email: 'you@example.org' }])
        expect(await addUser(host, { ...user, password })).toEqual({ ...user, made: true })
      expect(new Set(calls.map(({ name }) => name))).toEqual(new Set(['SendCommand', 'GetCommandInvocation']))
      const sends = calls.filter(({ name }) => name === 'SendCommand').map(({ input }) => input)
      expect(sends.map(({ Comment }) => String(Comment).split(' ').at(-1))).toEqual([
        'key',
        'user-add',
        'key',
        'user-add',
      ])
      const texts = sends.flatMap((input) => [...filesIn(input).values(), JSON.stringify(input)])
      expect(texts.filter((text) => text.includes(password.slice(0, 12)))).toEqual([])
    },
  )

  it('is bound with its password to one action and one address', async () => {
    const { host, opened } = withKeys()
    await addUser(host, { email: 'me@example.org', password: 'long enough' })
    const [{ key, sealed } = { key: '', sealed: '' }] = opened
    const unseal = (purpose: string) =>
      privateDecrypt(
        { key, ...oaep, oaepLabel: Buffer.from(purpose) },
        Buffer.from(sealed, 'base64'),
      ).toString()
    expect(unseal('add me@example.org')).toBe('long enough')
    for (const other of ['add you@example.org', 'reset-password me@example.org', ''])
      expect(() => unseal(other)).toThrow()
  })

  it.each([
    ['no key', '{"key":null}'],
    [
      'a key that is none',
      JSON.stringify({ key: { id: 'a'.repeat(24), publicKey: '-----BEGIN PUBLIC KEY-----' } }),
    ],
    ['a short key', JSON.stringify({ key: { id: 'a'.repeat(24), publicKey: shortKey } })],
    ['another name than a key has', JSON.stringify({ key: { id: '../../etc/x', publicKey: shortKey } })],
  ])('sends no password to a host that answers with %s', async (_, answer) => {
    const { host, calls } = scriptedHost({ SendCommand: [sent], GetCommandInvocation: [succeeded(answer)] })
    const adding = addUser(host, { email: 'me@example.org', password: 'long enough' })
    await expect(adding).rejects.toMatchObject({ code: 'host-key-unreadable' })
    expect(calls.filter(({ name }) => name === 'SendCommand')).toHaveLength(1)
  })

  it('is sent again with this version’s files to a host that does not have them', async () => {
    const missing = {
      Status: 'Failed',
      ResponseCode: 79,
      StandardOutputContent: 'librechat-lab: files missing\n',
    }
    const { host, calls } = scriptedHost({
      SendCommand: [sent, sent, sent, sent],
      GetCommandInvocation: [missing, succeeded(''), succeeded(''), succeeded('{"users":[]}')],
    })
    expect(await listUsers(host)).toEqual([])
    const sends = calls.filter(({ name }) => name === 'SendCommand').map(({ input }) => filesIn(input))
    expect(sends.map((files) => files.has('code/run.sh'))).toEqual([false, false, false, true])
  })

  it('is refused in the host’s own words, without a line of its JSON', async () => {
    const error = {
      code: 'user-unknown',
      what: 'There is no user a@b.org.',
      why: 'Nothing was changed.',
      fix: ['x'],
    }
    const { host, events } = scriptedHost({
      SendCommand: [sent],
      GetCommandInvocation: [
        { Status: 'Failed', ResponseCode: 1, StandardOutputContent: `${JSON.stringify({ error })}\n` },
      ],
    })
    await expect(removeUser(host, 'a@b.org')).rejects.toMatchObject({ code: 'user-unknown' })
    expect(events).toEqual([])
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
