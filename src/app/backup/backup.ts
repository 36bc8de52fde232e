import {
  constants as cryptoConstants,
  generateKeyPair,
  type KeyObject,
  privateDecrypt,
  sign,
} from 'node:crypto'
import { statfs } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import { isCode } from '../../aws/errors.js'
import { bytesText } from '../../core/bytes.js'
import { LabError } from '../../core/error.js'
import { withGrace } from '../../core/wait.js'
import { lockKey, publicPem } from '../../host/cms.js'
import { endOffer, type OfferedDump, offerDump } from '../../host/dumps.js'
import type { Host } from '../../host/host.js'
import { type HostHealth, readHealth } from '../../host/host-health.js'
import { noteBackup } from '../../lab/last-backup.js'
import type { Context, GlobalOptions } from '../context.js'
import { hostOf } from '../host-work.js'
import { type OpenLab, openLab } from '../open-lab.js'
import { type ReachedInstance, reachInstance, sessionTo, underLock } from '../resolve-instance.js'
import { warnOfStop } from '../scheduled-stop.js'
import { withLock } from '../with-lock.js'
import { Carrier } from './carry.js'
import {
  allParts,
  BackupReader,
  BackupWriter,
  exists,
  fileFormat,
  freeName,
  type Header,
  newName,
  partName,
  refuseTaken,
  shortPath,
} from './file.js'
import { passphraseFor } from './passphrase.js'
import { followed, transferTask } from './progress.js'
import { isS3Url } from './s3-url.js'
import { keyOf, type Verified, verifyReader } from './verify.js'

export interface BackupOptions {
  passphraseFile?: string
  snapshot?: boolean
  /** s3://bucket/prefix */
  to?: string
}

export interface Backup extends Verified {
  file: string
  /** How long LibreChat did not answer. */
  stoppedSeconds: number
}

/** Backs the lab up into one encrypted file, and reads it back. */
export async function backUp(
  given: string | undefined,
  options: BackupOptions & GlobalOptions,
  context: Context,
): Promise<Backup> {
  return await backUpLab(await openLab(options, context), given, options, context)
}

/** The same for a lab that is open. */
export async function backUpLab(
  open: OpenLab,
  given: string | undefined,
  options: BackupOptions,
  context: Context,
): Promise<Backup> {
  const file = await checkedTarget(given, open.lab.name, context)
  // Before anything else is done: a folder that can't be written is not found when LibreChat was stopped.
  const writer = await BackupWriter.create(file, context.signal)
  try {
    return await writeBackup(open, writer, options, context)
  } catch (error) {
    await writer.discard()
    throw error
  }
}

async function writeBackup(
  open: OpenLab,
  writer: BackupWriter,
  options: BackupOptions,
  context: Context,
): Promise<Backup> {
  const { path: file } = writer
  const { instanceId } = await reachInstance(open, context)
  const passphrase = await passphraseFor(options, context, { isNew: true })
  warnOfStop(open, context)
  const { dump: last } = await readHealth(hostOf(open, instanceId, context))
  await checkSpace(file, last?.bytes ?? 0, 'LibreChat was not stopped.')
  sayHowLong(last, context)
  const key = await newKey()
  const locked = lockKey(key, passphrase)
  return await withLock(open, 'backup', context, async (lock) => {
    const now = await underLock(open, instanceId, lock)
    const host = hostOf(now.open, now.instanceId, context)
    const instance = await sessionTo(now.open, now.instanceId, context)
    const settings = now.open.storedText ?? '{}'
    const offered = await dumped(() => offerDump(host, publicPem(key), settings), context)
    try {
      const offer = { open: now.open, instance, offered, key, locked, passphrase, writer }
      return await fetchOffer(offer, context)
    } finally {
      await withdraw(host, offered, context)
    }
  })
}

interface Offer {
  open: OpenLab
  instance: ReachedInstance
  offered: OfferedDump
  key: KeyObject
  /** The key, encrypted with the passphrase. */
  locked: string
  passphrase: string
  writer: BackupWriter
}

/** Fetches the offered dump into the file, and reads it back. */
async function fetchOffer(
  { open, instance, offered, key, locked, passphrase, writer }: Offer,
  context: Context,
): Promise<Backup> {
  const { path: file } = writer
  await checkSpace(file, offered.bytes, 'LibreChat runs again.')
  const header: Header = {
    format: fileFormat,
    lab: open.lab.name,
    region: open.lab.region,
    at: new Date(context.clock.now()).toISOString(),
    id: offered.id,
    files: offered.files,
  }
  await writer.begin(header, locked)
  const carrier = await Carrier.open(
    instance,
    { port: offered.port, token: tokenFor(key, offered.token) },
    context.signal,
  )
  try {
    await fetchAll(carrier, offered, writer, context)
  } finally {
    await carrier.close()
  }
  const partial = await writer.seal((index) => sign('sha256', index, key))
  const verified = await readBack(partial, passphrase, offered.bytes, context)
  await writer.keep()
  await noted(open, instance.instanceId, context)
  return { ...verified, file, stoppedSeconds: offered.stoppedSeconds }
}

/**
 * Ends the offer, also after a failure and Ctrl-C: its dump takes the host's disk, and its transfer keeps the host
 * awake.
 */
async function withdraw(host: Host, offered: OfferedDump, { ui, signal }: Context): Promise<void> {
  // Thrown, it would hide the work's own error, or fail a backup that is complete.
  await endOffer({ ...host, signal: withGrace(signal) }, offered).catch((error: Error) =>
    ui.emit({
      type: 'warning',
      text: `The host still has the dump ${offered.id} of this backup (${error.message}). It keeps two of them at the most.`,
    }),
  )
}

/** For `destroy`, which says how old the last backup is. The backup is complete without it, so it never fails. */
export async function noted({ clients }: OpenLab, instanceId: string, { ui, clock }: Context): Promise<void> {
  await noteBackup(clients.ec2, instanceId, clock.now()).catch((error: Error) => {
    const why = isCode(error, 'UnauthorizedOperation')
      ? 'You may not tag the instance'
      : `The instance could not be tagged (${error.message})`
    ui.emit({
      type: 'warning',
      text: `${why}, so destroy will not know of this backup. The backup itself is complete.`,
    })
  })
}

/** The key pair of one backup. */
export const newKey = async (): Promise<KeyObject> =>
  (await promisify(generateKeyPair)('rsa', { modulusLength: 3072 })).privateKey

const oaep = { padding: cryptoConstants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const
export const tokenFor = (key: KeyObject, sealed: string): string =>
  privateDecrypt({ key, ...oaep }, Buffer.from(sealed, 'base64')).toString()

export function sayHowLong(last: HostHealth['dump'], { ui }: Context): void {
  const usual = last?.stoppedSeconds
    ? `The last dump took ${Math.ceil(last.stoppedSeconds)} s.`
    : 'That takes about a minute.'
  ui.emit({ type: 'note', text: `LibreChat stops while its data is dumped. ${usual}` })
}

export const dumpLine = { id: 'dump', name: 'dump on the host' }

export const dumped = <T extends Pick<OfferedDump, 'bytes' | 'stoppedSeconds'>>(
  make: () => Promise<T>,
  context: Context,
): Promise<T> =>
  followed({ ...dumpLine, usualMs: 60_000 }, context, make, (offered) =>
    [bytesText(offered.bytes), `LibreChat was stopped for ${Math.ceil(offered.stoppedSeconds)} s`].join('; '),
  )

async function fetchAll(
  carrier: Carrier,
  { files, bytes }: OfferedDump,
  writer: BackupWriter,
  context: Context,
): Promise<void> {
  await transferTask('download', bytes, context, (moved) =>
    carrier.each(allParts(files), async (part) => {
      await writer.add(partName(part.file, part.number), await carrier.fetch(part))
      moved(part.bytes)
    }),
  )
}

/** It counts when it was read back from the disk, and its own key opened with the passphrase. */
const readBack = (path: string, passphrase: string, bytes: number, context: Context): Promise<Verified> =>
  transferTask('verification', bytes, context, async (_, at) => {
    const reader = await BackupReader.open(path)
    try {
      const key = await keyOf(reader, passphrase)
      return await verifyReader(reader, key, { onRead: at, signal: context.signal })
    } finally {
      await reader.close()
    }
  })

/** The file to write; its name is free. LabErrors `file-exists`, `no-such-folder`, `name-too-long`, `backup-to-s3`. */
async function checkedTarget(given: string | undefined, lab: string, { clock }: Context): Promise<string> {
  if (given === undefined) return await freeName('.', lab, clock.now())
  if (isS3Url(given)) throw isFile(given)
  const file = resolve(given)
  await refuseTaken(file)
  // Until it is complete, it has a longer name.
  if (Buffer.byteLength(basename(file)) > 255 - '.partial'.length) {
    throw new LabError({
      code: 'name-too-long',
      what: `${shortPath(file)} is too long for a file’s name.`,
      fix: [{ command: newName, text: 'uses a new name in this folder' }],
    })
  }
  if (await exists(dirname(file))) return file
  throw new LabError({
    code: 'no-such-folder',
    what: `There is no folder ${shortPath(dirname(file))}.`,
    fix: [
      { command: { keeps: true, path: 'backup', args: [basename(file)] }, text: 'writes into this folder' },
    ],
  })
}

const isFile = (url: string) =>
  new LabError({
    code: 'backup-to-s3',
    what: 'A backup in S3 is made with --to.',
    why: 'Here the backup is a file on this computer.',
    fix: [
      {
        command: { keeps: true, path: 'backup', args: [], flags: { to: url } },
        text: 'uploads a backup from the host',
      },
    ],
  })

/** LabError `disk-full`. */
async function checkSpace(file: string, bytes: number, state: string): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(file))
  // Encryption adds half a kilobyte to each part, and the tar its headers.
  const needed = bytes * 1.01 + 1024 * 1024
  if (bavail * bsize >= needed) return
  throw new LabError({
    code: 'disk-full',
    what: `${dirname(file)} has ${bytesText(bavail * bsize)} left, and the backup needs ${bytesText(needed)}.`,
    why: `Nothing was written. ${state}`,
    fix: ['Free some space, or give a file on another disk.'],
  })
}
