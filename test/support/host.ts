import {
  constants,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { deflateSync } from 'node:zlib'
import { type Carried, carriedBy } from './archive.js'
import type { Executor, Outcome, Work } from './gateway/runcommand.js'

/** One host: what was really put on it, and how it is. */
interface PlayedHost {
  /** The stages that it ran, in order; the comments of the commands. */
  readonly ran: string[]
  /** Files of the last stack stage: settings.env, librechat.yaml, release. */
  readonly input: Map<string, string>
  readonly users: string[]
  /** The passwords that a person gave, as the host decrypted them: by e-mail address. */
  readonly passwords: Map<string, string>
  /** The directories of files that it was sent, and the keys that it made and has not used. */
  readonly versions: Set<string>
  readonly keys: Map<string, KeyObject>
  /** What each service says of itself. */
  readonly services: Record<string, string>
  /** The last chat proof, which the host keeps. */
  proof: object | undefined
  /** The versions that run there, by service, where it says so. */
  runs: Record<string, string>
}

/** How the hosts behave. A test turns what it needs. */
interface Mood {
  /** Milliseconds that each stage takes. */
  takes: number
  /** Fails these stages, with this on its output. */
  failing: Record<string, string>
  /** These models do not answer, for this reason. */
  silent: Record<string, string>
  /** Why the account refuses a call that may take so many tokens, as the SDK words the error. */
  refuses: (model: string, maxTokens: number) => string | undefined
}

export interface Hosts {
  readonly mood: Mood
  /** The host behind an instance. */
  of(instanceId: string): PlayedHost
  readonly run: Executor
}

const programs = new Set([
  ...[
    'system',
    'docker',
    'images',
    'stack',
    'open',
    'health',
    'key',
    'user',
    'portainer',
    'backup',
    'usage',
    'allowance',
    'graduate',
  ],
])

/**
 * Plays the machines behind the instances: takes what Run Command carried apart as a host would, refuses what it
 * could not run, and answers as the real stages do. What the stages do is proven elsewhere, on a real machine.
 */
export function hosts(): Hosts {
  const mood: Mood = { takes: 0, failing: {}, silent: {}, refuses: () => undefined }
  const known = new Map<string, PlayedHost & { lock: Promise<unknown> }>()
  const of = (id: string) => {
    const host = known.get(id) ?? {
      ran: [],
      input: new Map(),
      users: [],
      passwords: new Map(),
      versions: new Set(),
      keys: new Map(),
      services: healthy(),
      proof: undefined,
      runs: {},
      lock: Promise.resolve(),
    }
    known.set(id, host)
    return host
  }

  async function run(work: Work): Promise<Outcome> {
    const host = of(work.instanceId)
    const script = work.commands.join('\n')
    if (script.includes('CHAT_PROOF=')) return prove(host, script, mood)
    const carried = carriedBy(script)
    if (/host\/health\.py"?$/.test(carried.command)) return { code: 0, stdout: healthLine(host) }
    // The files of a version come in several commands; run.sh is in the last.
    if (carried.command === 'true') return { code: 0, stdout: '' }
    // One stage at a time: a second one waits for the first.
    const turn = host.lock.then(() => stage(host, carried, work))
    host.lock = turn.catch(() => {})
    return turn
  }

  async function stage(host: PlayedHost, carried: Carried, { comment }: Work): Promise<Outcome> {
    const [program = '', ...more] = /run\.sh"? ([\w ]+)$/.exec(carried.command)?.[1]?.split(' ') ?? []
    if (![program, ...more].every((one) => programs.has(one)))
      return { code: 127, stdout: '', stderr: `no ${program}` }
    // A host has a version's files from when they were sent; before that it says so, as the script tells it to.
    if (carried.files.has('code/run.sh')) host.versions.add(carried.version ?? '')
    if (!host.versions.has(carried.version ?? ''))
      return { code: 79, stdout: 'librechat-lab: files missing\n' }
    host.ran.push(comment)
    await sleep(mood.takes)
    let stdout = ''
    for (const one of [program, ...more]) {
      const failing = mood.failing[one]
      if (failing !== undefined) return { code: 1, stdout: failing }
      const done = does[one]?.(host, carried.files) ?? { code: 0, stdout: `${one} is done\n` }
      stdout += done.stdout
      if (done.code !== 0) return { ...done, stdout }
    }
    return { code: 0, stdout }
  }

  return { mood, of, run }
}

const does: Record<string, (host: PlayedHost, files: ReadonlyMap<string, string>) => Outcome | undefined> = {
  stack(host, files) {
    for (const name of ['settings.env', 'librechat.yaml', 'release']) {
      const text = files.get(`input/${name}`)
      if (text === undefined) return { code: 1, stdout: '', stderr: `no input/${name}` }
      // A host has its release once its ports are open.
      if (name !== 'release' || !files.has('input/open-later')) host.input.set(name, text)
    }
    const asked = files.get('input/request.json')
    return { code: 0, stdout: `${asked ? `${user(host, asked)}\n` : ''}the stack runs\n` }
  },
  open(host, files) {
    const release = files.get('input/release')
    if (release === undefined) return { code: 1, stdout: '', stderr: 'no input/release' }
    host.input.set('release', release)
    return undefined
  },
  health: (host) => ({ code: 0, stdout: healthLine(host) }),
  key(host) {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 4096 })
    const id = randomBytes(12).toString('hex')
    host.keys.set(id, privateKey)
    const pem = publicKey.export({ type: 'spki', format: 'pem' })
    return { code: 0, stdout: `${JSON.stringify({ key: { id, publicKey: pem } })}\n` }
  },
  // It has no dumps; what the real program does is proven in test/host-unit and on the machine.
  backup(_host, files) {
    const { action } = JSON.parse(files.get('input/request.json') ?? '{}')
    if (action === 'list') return { code: 0, stdout: '{"dumps":[]}\n' }
    if (action === 'pack') {
      const sizes = { bytes: 12, stoppedSeconds: 1, files: { 'files.tar': 12 } }
      const packed = { id: '20260101T000000Z-backup', ...sizes, index: 'ab'.repeat(32), left: null }
      return { code: 0, stdout: `${JSON.stringify({ packed })}\n` }
    }
    if (action === 'upload')
      return { code: 0, stdout: '{"uploaded":{"bytes":12,"checksum":"x-1","region":"us-east-1"}}\n' }
    const error = {
      code: 'dump-unknown',
      what: 'There is no such dump.',
      why: 'Played.',
      fix: [{ code: 'list-dumps' }],
    }
    return { code: 1, stdout: `${JSON.stringify({ error })}\n` }
  },
  usage(_host, files) {
    const { days, months } = JSON.parse(files.get('input/request.json') ?? '{}')
    const empty = (periods: [string][]) => periods.map(([name]) => [name, 0, 0, 0, 0, 0, 0])
    const found = { days: empty(days), months: empty(months), models: [], users: [] }
    return {
      code: 0,
      stdout: JSON.stringify({ usage: deflateSync(JSON.stringify(found)).toString('base64') }),
    }
  },
  allowance(host, files) {
    const { email, usd, preview } = JSON.parse(files.get('input/request.json') ?? '{}')
    const usual =
      preview ?? Number(/^LAB_ALLOWANCE=(.*)$/m.exec(host.input.get('settings.env') ?? '')?.[1] ?? 10)
    const users = host.users
      .filter((one) => !email || one === email)
      .map((one) => ({
        email: one,
        usd: typeof usd === 'number' ? usd : usual,
        own: typeof usd === 'number',
        used: 0,
        before: null,
        left: usual,
      }))
    return { code: 0, stdout: JSON.stringify({ allowances: { usd: usual, users, more: 0 } }) }
  },
  user: (host, files) => ({ code: 0, stdout: user(host, files.get('input/request.json') ?? '{}') }),
  portainer(_host, files) {
    const { publicKey } = JSON.parse(files.get('input/request.json') ?? '{}')
    const portainer = { username: 'admin', works: true, sealed: seal('portainer-secret', publicKey) }
    return { code: 0, stdout: JSON.stringify({ portainer }) }
  },
}

function user(host: PlayedHost, request: string): string {
  const { action, email, first, password, publicKey } = JSON.parse(request)
  if (action === 'list') return JSON.stringify({ users: host.users.map((one) => [one, one, '2026-11-23']) })
  if (first && host.users.length > 0) return JSON.stringify({ user: { email, made: false } })
  if (password) {
    const key = host.keys.get(password.key)
    if (!key) throw new Error(`the host has no key ${password.key}`)
    host.keys.delete(password.key)
    const oaepLabel = Buffer.from(`${action} ${email}`)
    const opened = privateDecrypt({ key, ...oaep, oaepLabel }, Buffer.from(password.sealed, 'base64'))
    host.passwords.set(email, opened.toString())
  }
  if (action === 'remove') host.users.splice(host.users.indexOf(email), 1)
  else if (!host.users.includes(email)) host.users.push(email)
  const sealed = password || !publicKey ? {} : { sealed: seal(randomBytes(9).toString('base64'), publicKey) }
  return JSON.stringify({ user: { email, made: true, ...sealed } })
}

/** A title's request limits no tokens, so that it may take as many as the model gives. */
const UNLIMITED = 64_000

function prove(host: PlayedHost, script: string, { silent, refuses }: Mood): Outcome {
  const asked = /CHAT_PROOF=(\S+)/.exec(script)?.[1] ?? ''
  const { presets, titles } = JSON.parse(Buffer.from(asked, 'base64').toString()) as {
    presets: { model: string; maxTokens: number }[]
    titles: string[]
  }
  host.ran.push('chat')
  const at = new Date().toISOString()
  const chat = presets.map(({ model, maxTokens }) => {
    const error = silent[model] ?? refuses(model, maxTokens)
    return error
      ? { model, ok: false, error }
      : { model, ok: true, firstTokenMs: 412, text: 'Hello', since: at }
  })
  const talking = titles.filter((model) => chat.some((one) => one.ok && one.model === model))
  const titled = talking.find((model) => !refuses(model, UNLIMITED))
  const last = talking.at(-1)
  const title = titled
    ? { model: titled, ok: true }
    : last && { model: last, ok: false, error: refuses(last, UNLIMITED) }
  host.proof = { at, presets, chat, ...(title && { title }), role: 'LibreChatInstanceRole' }
  return { code: 0, stdout: `${JSON.stringify(host.proof)}\n` }
}

const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }

function seal(secret: string, key: string): string {
  return publicEncrypt({ key, ...oaep }, Buffer.from(secret)).toString('base64')
}

const healthy = () =>
  Object.fromEntries(
    ['librechat', 'mongodb', 'meilisearch', 'proxy', 'portainer'].map((name) => [name, 'healthy']),
  )

function healthLine({ services, input, proof, users, runs }: PlayedHost): string {
  const release = input.get('release') ?? ''
  const sick = Object.entries(services).filter(([, state]) => state !== 'healthy')
  const problems = release
    ? sick.map(([name, state]) => ({ code: `${name}-${state}`, text: `${name} is ${state}` }))
    : [{ code: 'not-set-up', text: 'the host was never set up' }]
  const free = { totalBytes: 4e9, availableBytes: 2e9, swapTotalBytes: 2e9, swapFreeBytes: 2e9 }
  const health = {
    healthy: problems.length === 0,
    release,
    services,
    restarts: {},
    images: {},
    versions: runs,
    disk: { totalBytes: 32e9, freeBytes: 20e9 },
    memory: free,
    certificate: { notAfter: '2029-01-01T00:00:00Z', issuer: 'Caddy Local Authority' },
    metadataProtected: true,
    hostPortsProtected: true,
    site: /^LAB_SITE=(.*)$/m.exec(input.get('settings.env') ?? '')?.[1] ?? '',
    models: [...(input.get('librechat.yaml') ?? '').matchAll(/^\s+- name: "(.*)"$/gm)].map(([, id]) => id),
    users: release ? users.length : null,
    money: null,
    updates: { portainer: null, system: null },
    rebootNeeded: false,
    proof: proof ?? null,
    running: '',
    problems,
    warnings: [],
  }
  return `${JSON.stringify(health)}\n`
}
