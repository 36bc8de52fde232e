import { createHash } from 'node:crypto'
import { type FileHandle, lstat, open, rename, rm, stat, unlink } from 'node:fs/promises'
import { resolve } from 'node:path'
import * as z from 'zod'
import { systemClock } from '../../core/clock.js'
import { type CommandLine, LabError } from '../../core/error.js'
import { openGiven, UnusableFile } from '../given-file.js'

/** Raised when older versions can no longer read the file. */
export const fileFormat = 1
/** How much of a file one encrypted part holds. */
const partBytes = 4 * 1024 * 1024

const header = z.object({
  format: z.number(),
  lab: z.string(),
  region: z.string(),
  /** UTC */
  at: z.string(),
  /** The dump's name on the host. */
  id: z.string(),
  /** The dump's files with their sizes in bytes, without encryption. */
  files: z.record(z.string(), z.number()),
})
export type Header = z.infer<typeof header>

/** What is in the clear at the front of a file: how to open it without this program. */
export const readme = `A backup of a LibreChat lab, made by librechat-lab. Check it: librechat-lab backup verify <file>
Without that program, with tar and OpenSSL 3:
  tar xf <file> && for part in files.tar.*.cms; do
    openssl cms -decrypt -binary -inform DER -inkey key.pem -passin file:passphrase.txt -in $part; done >files.tar
and the same for mongodb.archive.gz (mongorestore --archive --gzip), secrets.env, allowances.json,
settings.json, manifest.json.
index.json holds the SHA-256 of each part, and index.sig its signature by key.pem.
`

export const partName = (file: string, number: number): string =>
  `${file}.${String(number).padStart(6, '0')}.cms`
export const partsOf = (bytes: number): number => Math.max(1, Math.ceil(bytes / partBytes))

/** One part of a dump's file, and how much of the file it holds at the most. */
export interface Part {
  file: string
  number: number
  bytes: number
}

/** The parts of a dump's files, whose sizes are in bytes. */
export const allParts = (files: Readonly<Record<string, number>>): Part[] =>
  Object.entries(files).flatMap(([file, size]) =>
    Array.from({ length: partsOf(size) }, (_, number) => ({
      file,
      number,
      bytes: Math.min(partBytes, size),
    })),
  )

export const sha256 = (data: Buffer | string): string => createHash('sha256').update(data).digest('hex')

const block = 512

/** A tar header (POSIX 1003.1, ustar) of a plain file that its owner alone can read. */
function tarHeader(name: string, size: number): Buffer {
  const head = Buffer.alloc(block)
  const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, '0')}\0`
  head.write(name, 0)
  head.write(octal(0o600, 8), 100)
  head.write(octal(0, 8), 108)
  head.write(octal(0, 8), 116)
  head.write(octal(size, 12), 124)
  head.write(octal(0, 12), 136)
  head.write('        ', 148)
  head.write('0', 156)
  head.write('ustar\x0000', 257, 'latin1')
  head.write(
    octal(
      head.reduce((sum, byte) => sum + byte, 0),
      7,
    ),
    148,
  )
  return head
}

const padding = (size: number) => Buffer.alloc((block - (size % block)) % block)

/** How often a run that writes a backup shows that it is alive, and after what silence it counts as killed. */
const beatMs = 1000
const silentMs = 5000

/**
 * A backup while it is written, as `<file>.partial`; it has its own name once all of it is on the disk. Of two runs with
 * the same file, one is refused. The partial file of a killed run is replaced.
 */
export class BackupWriter {
  readonly digests: Record<string, string> = {}
  private last: Promise<unknown> = Promise.resolve()
  private readonly beat: NodeJS.Timeout
  private isKept = false

  private constructor(
    private readonly file: FileHandle,
    readonly path: string,
  ) {
    // A transfer can pause for minutes, so the file's time is set on its own, by the clock of the file system.
    this.beat = setInterval(() => {
      const now = new Date()
      this.inOrder(() => this.file.utimes(now, now)).catch(() => {}) // Thrown to the next call, in order.
    }, beatMs).unref()
  }

  /**
   * LabErrors `file-not-written`, `file-exists`, `backup-under-way`.
   * @param signal ends the wait for another run that may have been killed
   */
  static async create(path: string, signal?: AbortSignal): Promise<BackupWriter> {
    const partial = `${path}.partial`
    try {
      for (;;) {
        const file = await ignoring(['EEXIST'], () => open(partial, 'wx+', 0o600))
        if (file) return await new BackupWriter(file, path).ifFree()
        await untilSilent(path, signal)
        await ignoring(['ENOENT'], () => unlink(partial))
      }
    } catch (error) {
      throw notWritten(path, error)
    }
  }

  /** Another run may have finished the file before this one began. */
  private async ifFree(): Promise<BackupWriter> {
    try {
      await refuseTaken(this.path)
      return this
    } catch (error) {
      await this.discard()
      throw error
    }
  }

  /** Runs one call after the other. A failed one is the failure of all that follow. */
  private inOrder(work: () => Promise<unknown>): Promise<void> {
    const done = this.last.then(async () => {
      await work()
    })
    this.last = done
    return done
  }

  /** Whether `<file>.partial` is still this run's: one that stands still for long is taken for a killed one. */
  private async isOwn(): Promise<boolean> {
    const [own, there] = await Promise.all([
      this.file.stat({ bigint: true }),
      ignoring(['ENOENT'], () => stat(`${this.path}.partial`, { bigint: true })),
    ])
    return own.ino === there?.ino && own.dev === there.dev
  }

  /** What stands before the parts. */
  async begin(header: Header, key: string): Promise<void> {
    await this.add('README.txt', Buffer.from(readme))
    await this.add('backup.json', Buffer.from(`${JSON.stringify(header, null, 1)}\n`))
    await this.add('key.pem', Buffer.from(key))
  }

  /** Adds a file; in the order of the calls. LabError `file-not-written`. */
  add(name: string, data: Buffer): Promise<void> {
    this.digests[name] = sha256(data)
    return this.inOrder(async () => {
      try {
        for (const chunk of [tarHeader(name, data.length), data, padding(data.length)])
          await this.file.write(chunk)
      } catch (error) {
        throw notWritten(this.path, error)
      }
    })
  }

  /** Ends the file with its index and the signature of that. It does not have its own name yet. */
  async seal(sign: (index: Buffer) => Buffer): Promise<string> {
    const index = Buffer.from(`${JSON.stringify(this.digests, null, 1)}\n`)
    await this.add('index.json', index)
    await this.add('index.sig', sign(index))
    await this.inOrder(async () => {
      await this.file.write(Buffer.alloc(2 * block))
      await this.file.sync()
    })
    return `${this.path}.partial`
  }

  /** Once it was read back. LabErrors `file-exists`, `backup-under-way`. */
  async keep(): Promise<void> {
    clearInterval(this.beat)
    await this.last
    if (!(await this.isOwn())) throw underWay(this.path)
    await refuseTaken(this.path)
    await rename(`${this.path}.partial`, this.path)
    this.isKept = true
    await this.file.close()
  }

  async discard(): Promise<void> {
    if (this.isKept) return
    clearInterval(this.beat)
    await this.last.catch(() => {})
    const isOwn = await this.isOwn()
    await this.file.close()
    if (isOwn) await rm(`${this.path}.partial`, { force: true })
  }
}

/**
 * Waits until nothing has touched the partial file for some seconds. Not by a clock that a rehearsal shortens, because
 * another process is waited for. LabError `backup-under-way`.
 */
async function untilSilent(path: string, signal: AbortSignal | undefined): Promise<void> {
  const look = () => ignoring(['ENOENT'], () => stat(`${path}.partial`))
  const first = await look()
  let now = first
  // The wait is counted here too: the file's time is in the future after a wrong clock.
  for (let waitedMs = 0; waitedMs < silentMs; waitedMs += beatMs) {
    if (!now?.isFile() || Date.now() - now.mtimeMs >= silentMs) return
    await systemClock.sleep(beatMs, signal)
    now = await look()
    if (now && now.mtimeMs !== first?.mtimeMs) throw underWay(path)
  }
}

/** A backup that is read, one part at a time. */
export class BackupReader {
  private constructor(
    private readonly file: FileHandle,
    readonly path: string,
    readonly bytes: number,
    private readonly entries: ReadonlyMap<string, Entry>,
    readonly header: Header,
  ) {}

  /** LabErrors `no-such-file`, `backup-foreign`, `backup-newer`, `backup-damaged`. */
  static async open(path: string): Promise<BackupReader> {
    const file = await opened(path)
    try {
      const { size } = await file.stat()
      const { entries, problem } = await entriesOf(file, size)
      const reader = new BackupReader(file, path, size, entries, await headerOf(file, entries, path))
      if (problem) throw damaged(path, problem)
      return reader
    } catch (error) {
      await file.close()
      throw error
    }
  }

  get names(): string[] {
    return [...this.entries.keys()]
  }

  /** LabError `backup-damaged`. */
  async read(name: string): Promise<Buffer> {
    const entry = this.entries.get(name)
    if (!entry) throw damaged(this.path, `${name} is missing in it.`)
    return await bytesAt(this.file, entry.at, entry.size)
  }

  close = (): Promise<void> => this.file.close()
}

export const errnoOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? ''

/** Whether nothing can be at the path of a failed call. */
export const isNowhere = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP'].includes(errnoOf(error))

/** Whether a call failed for the path that the user gave. */
export const isPathError = (error: unknown): boolean =>
  isNowhere(error) || ['EACCES', 'EISDIR'].includes(errnoOf(error))

/** Whether a file system can't take what was to be written to a path. */
export const isUnwritable = (error: unknown): boolean =>
  isPathError(error) || ['EDQUOT', 'EEXIST', 'ENOSPC', 'ENOTEMPTY', 'EPERM', 'EROFS'].includes(errnoOf(error))

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (isNowhere(error)) return false
    throw error
  }
}

/** What has this name: a symbolic link too, wherever it leads. */
async function linkOrFile(path: string) {
  try {
    return await lstat(path)
  } catch (error) {
    if (isNowhere(error)) return undefined
    throw error
  }
}

/** Whether a new file can't have this name. A symbolic link counts, wherever it leads. */
export const isTaken = async (path: string): Promise<boolean> => (await linkOrFile(path)) !== undefined

/** LabError `file-exists`. */
export async function refuseTaken(path: string): Promise<void> {
  const there = await linkOrFile(path)
  if (!there) return
  const leadsNowhere = there.isSymbolicLink() && !(await exists(path))
  throw new LabError({
    code: 'file-exists',
    what: leadsNowhere
      ? `${shortPath(path)} is a symbolic link that leads to no file.`
      : `${shortPath(path)} exists already.`,
    why: 'A backup never replaces a file or a link.',
    fix: [{ command: newName, text: 'uses a new name in this folder' }],
  })
}

export const defaultName = (lab: string, now: number): string =>
  `librechat-${lab}-${new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')}.backup`

/** The path of a new backup, which no other has or is about to get: two can begin within a second. */
export async function freeName(folder: string, lab: string, now: number): Promise<string> {
  for (let at = now; ; at += 1000) {
    const file = resolve(folder, defaultName(lab, at))
    if (!(await isTaken(file)) && !(await isTaken(`${file}.partial`))) return file
  }
}

/** The result of a call; undefined if it fails with one of these codes. */
async function ignoring<T>(codes: readonly string[], call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call()
  } catch (error) {
    if (!codes.includes(errnoOf(error))) throw error
    return undefined
  }
}

/** A path in a message. */
export const shortPath = (path: string): string => (path.length > 200 ? `${path.slice(0, 200)}…` : path)

/** The same backup, under a name that is free. */
export const newName = { keeps: true, path: 'backup', args: [] } as const satisfies CommandLine

const underWay = (path: string) =>
  new LabError({
    code: 'backup-under-way',
    what: `Another run is writing ${shortPath(path)}.`,
    why: 'Two runs can’t write the same file.',
    fix: [
      'Wait until it has finished, or give another file.',
      { command: newName, text: 'uses a new name in this folder' },
    ],
  })

/** What a file system refuses, for the user; else the error itself. */
function notWritten(path: string, error: unknown): unknown {
  if (!isUnwritable(error)) return error
  return new LabError({
    code: 'file-not-written',
    what: `${shortPath(path)} can’t be written: ${errnoOf(error)}.`,
    why: 'No part of the backup was left.',
    fix: ['Use a file in another folder, or on another disk.'],
    cause: error,
  })
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await openGiven(path)
  } catch (error) {
    if (!(error instanceof UnusableFile)) throw error
    throw new LabError({
      code: 'no-such-file',
      what: `Can't read ${shortPath(path)}.`,
      why: error.why,
      fix: [{ command: { path: 'backup list' }, text: 'lists the dumps on the host' }],
      cause: error,
    })
  }
}

async function bytesAt(file: FileHandle, at: number, size: number): Promise<Buffer> {
  const data = Buffer.alloc(size)
  const { bytesRead } = await file.read(data, 0, size, at)
  return data.subarray(0, bytesRead)
}

interface Entry {
  at: number
  size: number
}

/** What a file in the backup can have at the most: an encrypted part, the list of all digests, or some lines. */
const largest = (name: string): number => {
  if (name.endsWith('.cms')) return partBytes + 4096
  return name === 'index.json' ? 64 * 1024 * 1024 : 65_536
}

/** Zeros behind the last file: two blocks, and what Python's tarfile adds to fill a record of 20 blocks. */
const longestEnd = 22 * block

const isZero = (data: Buffer): boolean => data.every((byte) => byte === 0)

/** A tar header's name and size; undefined for anything but the header of a plain file whose checksum is right. */
function headerIn(head: Buffer): { name: string; size: number } | undefined {
  const text = (from: number, to: number) => head.toString('latin1', from, to)
  const digits = /^[0-7]+(?=[ \0]+$)/.exec(text(148, 156))?.[0] ?? ''
  // Its own field counts as spaces.
  const sum = head.reduce((all, byte, at) => all + (at >= 148 && at < 156 ? 32 : byte), 0)
  if (Number.parseInt(digits, 8) !== sum) return undefined
  const size = /^[0-7]{11}(?=[ \0]$)/.exec(text(124, 136))?.[0]
  const name = text(0, 100).replace(/\0+$/, '')
  if (text(257, 262) !== 'ustar' || text(156, 157) !== '0' || !size || !/^[\w.]+$/.test(name))
    return undefined
  return { name, size: Number.parseInt(size, 8) }
}

/** Where each file in the tar is, up to the first that is not there as a whole; and what is wrong with the rest. */
async function entriesOf(
  file: FileHandle,
  size: number,
): Promise<{ entries: Map<string, Entry>; problem?: string }> {
  const entries = new Map<string, Entry>()
  for (let at = 0; ; ) {
    const head = await bytesAt(file, at, block)
    if (head.length < block) return { entries, problem: truncated }
    if (head[0] === 0) {
      const end = size - at <= longestEnd ? await bytesAt(file, at, size - at) : head
      if (!entries.has('index.sig') || end.length < 2 * block) return { entries, problem: truncated }
      return isZero(end) && at + end.length === size ? { entries } : { entries, problem: changedAt(at) }
    }
    const found = headerIn(head)
    if (!found || entries.has(found.name) || found.size > largest(found.name))
      return { entries, problem: changedAt(at) }
    const whole = Math.ceil(found.size / block) * block
    if (at + block + whole > size) return { entries, problem: truncated }
    if (!isZero(await bytesAt(file, at + block + found.size, whole - found.size)))
      return { entries, problem: changedAt(at) }
    entries.set(found.name, { at: at + block, size: found.size })
    at += block + whole
  }
}

const truncated = 'Its end is missing: it was truncated.'
const changedAt = (at: number) => `It was changed near byte ${at}.`

async function headerOf(
  file: FileHandle,
  entries: ReadonlyMap<string, Entry>,
  path: string,
): Promise<Header> {
  const entry = entries.get('backup.json')
  if (!entry) throw foreign(path)
  const text = (await bytesAt(file, entry.at, entry.size)).toString()
  const found = header.safeParse(parsed(text))
  if (!found.success) throw foreign(path)
  if (found.data.format <= fileFormat) return found.data
  throw new LabError({
    code: 'backup-newer',
    what: `${path} was made by a newer version of librechat-lab.`,
    why: `Its format is ${found.data.format}; this version reads up to ${fileFormat}.`,
    fix: ['Use the newest version: npx librechat-lab@latest'],
  })
}

/** JSON, or undefined. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const foreign = (path: string) =>
  new LabError({
    code: 'backup-foreign',
    what: `${path} is not a backup of a lab.`,
    why: 'Or its beginning is damaged.',
    fix: [{ command: { path: 'backup' }, text: 'makes a backup' }],
  })

export const damaged = (path: string, why: string): LabError =>
  new LabError({
    code: 'backup-damaged',
    what: `${path} is damaged.`,
    why: `${why} Nothing was changed.`,
    fix: [
      'Use another copy of the file, or another backup.',
      { command: { path: 'backup list' }, text: 'lists the dumps on the host' },
    ],
  })
