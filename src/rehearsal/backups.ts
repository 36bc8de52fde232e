import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
} from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync, gzipSync } from 'node:zlib'
import { openMessage, sealMessage } from '../host/cms.js'
import type { Host } from './account.js'
import { playedKeys } from './host-graduate.js'

/** Where the host's transfer program would listen. */
export const transferPort = '47001'
const partBytes = 4 * 1024 * 1024

interface Request {
  action: 'make' | 'receive' | 'restore' | 'done' | 'list' | 'pack' | 'upload'
  publicKey: string
  to?: { bucket: string; key: string; region: string }
  settings?: string
  id: string
  received?: boolean
}

/** What the command line fetches or sends in this process. */
interface Transfer {
  files: Map<string, Buffer>
  /** Whom parts are encrypted to, or the key that opens them. */
  key: KeyObject
}
/** By their tokens: while data moves, one host offers it and another takes it in. */
const transfers = new Map<string, Transfer>()
let server: Promise<Server> | undefined

export interface BackupAnswer {
  output: string
  users?: Host['users']
  allowances?: Record<string, number>
  dumps?: Host['dumps']
  data?: string
  restored?: Host['restored']
}

const seal = (token: string, publicKey: string) =>
  publicEncrypt(
    { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
    Buffer.from(token),
  ).toString('base64')

const keysText = Object.entries(playedKeys)
  .map(([name, value]) => `${name}=${value}\n`)
  .join('')

const nameOf = (reason: string, now: number) =>
  `${new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')}-${reason}`

type Dump = NonNullable<Host['dumps']>[number]

const dumpOf = (reason: string, { users, allowances = {} }: Host, now: number): Dump => ({
  id: nameOf(reason, now),
  at: new Date(now).toISOString(),
  reason,
  bytes: 2_400_000,
  librechat: 'v0.8.8',
  users,
  allowances,
})

/** What `templates/host/backup.py` answers, and what it changes on the host. */
export function backupAnswer(request: string | undefined, host: Host, now: number): BackupAnswer {
  const asked = JSON.parse(request ?? '{}') as Request
  const dumps = host.dumps ?? []
  switch (asked.action) {
    case 'make':
      return { output: make(asked, dumpOf('backup', host, now)) }
    case 'receive':
      return { output: receive(asked) }
    case 'restore':
      return restore(asked, host, now)
    case 'done':
      transfers.delete(offeredToken(asked.id))
      return { output: JSON.stringify({ done: asked.id }) }
    case 'pack':
      return pack(asked, dumpOf('backup', host, now))
    case 'upload': {
      const region = asked.to?.region
      return {
        output: JSON.stringify({
          uploaded: { bytes: packedBytes, checksum: `${sha256('parts')}-1`, region },
        }),
      }
    }
    case 'list':
      return { output: JSON.stringify({ dumps: dumps.map(({ users, allowances, ...dump }) => dump) }) }
  }
}

const packedBytes = 2_450_000
const sha256 = (text: string) => createHash('sha256').update(text).digest('base64')

/** The packed dump of a host whose uploads only a bucket of this name does not take. */
function pack({ to }: Request, { id, bytes }: Dump): BackupAnswer {
  if (to?.bucket === 'no-such-bucket') {
    const error = {
      code: 'no-such-bucket',
      what: `There is no bucket ${to.bucket}.`,
      why: 'S3 answered NoSuchBucket (404): The specified bucket does not exist.',
      fix: ['Create the bucket, or name another one.'],
    }
    return { output: JSON.stringify({ error }) }
  }
  const index = createHash('sha256').update(id).digest('hex')
  const files = { 'files.tar': bytes }
  return {
    output: JSON.stringify({
      packed: { id, bytes, seconds: 4, stoppedSeconds: 31, files, index, left: null },
    }),
  }
}

const offeredToken = (id: string) => `rehearsal-offered-${id}`
const receivedToken = (id: string) => `rehearsal-received-${id}`

function make({ publicKey, settings = '{}' }: Request, dump: Dump): string {
  const { users, allowances = {}, ...described } = dump
  const files = new Map([
    ['mongodb.archive.gz', gzipSync(JSON.stringify(users))],
    ['files.tar', Buffer.alloc(dump.bytes, 'A file of this rehearsal. ')],
    ['secrets.env', Buffer.from(keysText)],
    ['allowances.json', Buffer.from(JSON.stringify(allowances))],
    ['settings.json', Buffer.from(settings)],
  ])
  const listed = [...files].map(([name, data]) => ({
    name,
    bytes: data.length,
    sha256: createHash('sha256').update(data).digest('hex'),
  }))
  const manifest = { format: 1, ...described, mongodb: '8.0.20', files: listed }
  files.set('manifest.json', Buffer.from(JSON.stringify(manifest)))
  const token = offeredToken(dump.id)
  transfers.set(token, { files, key: createPublicKey(publicKey) })
  const offered = {
    id: dump.id,
    bytes: dump.bytes,
    seconds: 4,
    stoppedSeconds: 31,
    files: Object.fromEntries([...files].map(([name, data]) => [name, data.length])),
    transfer: token,
    port: Number(transferPort),
    token: seal(token, publicKey),
  }
  return JSON.stringify({ backup: offered })
}

function receive({ publicKey, id }: Request): string {
  const { privateKey, publicKey: mine } = generateKeyPairSync('rsa', { modulusLength: 3072 })
  const token = receivedToken(id)
  transfers.set(token, { files: new Map(), key: privateKey })
  const pem = mine.export({ type: 'spki', format: 'pem' })
  return JSON.stringify({
    receive: { publicKey: pem, transfer: token, port: Number(transferPort), token: seal(token, publicKey) },
  })
}

function restore({ id, received }: Request, host: Host, now: number): BackupAnswer {
  const dumps = host.dumps ?? []
  const known = received ? sentDump(id) : dumps.find((dump) => dump.id === id)
  if (!known) {
    const error = {
      code: 'dump-unknown',
      what: `There is no dump ${id} on the host.`,
      why: 'It was deleted, or made on another host.',
      fix: [{ code: 'list-dumps' }],
    }
    return { output: JSON.stringify({ error }) }
  }
  const before = dumpOf('before-restore', host, now)
  const restored = { id, before: before.id, seconds: 70, stoppedSeconds: 64, search: true }
  const { users, allowances = {} } = known
  // The same restore again: the data from before is in the first one's dump.
  const last = host.restored?.id === id && dumps.some((dump) => dump.id === host.restored?.before)
  const first = (last && host.restored?.before) || before.id
  return {
    output: JSON.stringify({ restored }),
    users,
    allowances,
    dumps: pruned([...dumps, before], first),
    data: `-r${now}`,
    restored: { id, before: first },
  }
}

/** As the host keeps them: two from before a restore, of which `first` is always one. */
function pruned(dumps: readonly Dump[], first: string): Dump[] {
  const own = dumps.filter(({ id, reason }) => reason === 'before-restore' && id !== first)
  const removed = own.slice(0, -1)
  return dumps.filter((dump) => !removed.includes(dump))
}

/** What a received backup holds; undefined where none came. */
function sentDump(id: string): Pick<Dump, 'users' | 'allowances'> | undefined {
  const files = transfers.get(receivedToken(id))?.files
  const [users, allowances] = [files?.get('mongodb.archive.gz'), files?.get('allowances.json')]
  return users && allowances
    ? { users: JSON.parse(gunzipSync(users).toString()), allowances: JSON.parse(allowances.toString()) }
    : undefined
}

/** The local port of the transfer program; undefined while nothing is offered. */
export async function transferStandIn(): Promise<number | undefined> {
  if (transfers.size === 0) return undefined
  server ??= listen()
  return ((await server).address() as AddressInfo).port
}

async function listen(): Promise<Server> {
  const made = createServer((request, response) => {
    const [, name = '', number = ''] = /^\/([a-z.]+)\/(\d+)$/.exec(request.url ?? '') ?? []
    const transfer = transfers.get(request.headers.authorization?.replace(/^Bearer /, '') ?? '')
    if (!transfer) return response.writeHead(403).end()
    if (request.method === 'GET') return give(transfer, name, Number(number), response)
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => take(transfer, name, Number(number), Buffer.concat(chunks), response))
  })
  made.on('connection', (socket) => socket.unref())
  made.listen(0, '127.0.0.1').unref()
  await once(made, 'listening')
  return made
}

function give(transfer: Transfer, name: string, number: number, response: ServerResponse): void {
  const data = transfer.files.get(name)
  if (!data) return void response.writeHead(404).end()
  const part = data.subarray(number * partBytes, (number + 1) * partBytes)
  response.end(sealMessage(part, transfer.key))
}

function take(
  transfer: Transfer,
  name: string,
  number: number,
  sealed: Buffer,
  response: ServerResponse,
): void {
  const part = openMessage(sealed, transfer.key)
  const before = transfer.files.get(name) ?? Buffer.alloc(0)
  const all = Buffer.alloc(Math.max(before.length, number * partBytes + part.length))
  before.copy(all)
  part.copy(all, number * partBytes)
  transfer.files.set(name, all)
  response.writeHead(204).end()
}
