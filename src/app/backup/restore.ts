import { createPublicKey, type KeyObject } from 'node:crypto'
import { type Hint, Interrupted, LabError } from '../../core/error.js'
import { publicPem, resealMessage } from '../../host/cms.js'
import { type RestoredDump, receiveDump, restoreDump } from '../../host/dumps.js'
import type { Host } from '../../host/host.js'
import { checkedName } from '../../lab/names.js'
import { confirmName } from '../confirm-name.js'
import type { Context, GlobalOptions } from '../context.js'
import { hostOf } from '../host-work.js'
import { type OpenLab, openLab } from '../open-lab.js'
import { toPartialFailure } from '../partial-failure.js'
import { type ReachedInstance, reachInstance, sessionTo, underLock } from '../resolve-instance.js'
import { warnOfStop } from '../scheduled-stop.js'
import { withLock } from '../with-lock.js'
import { type BackupOptions, tokenFor } from './backup.js'
import { Carrier } from './carry.js'
import { allParts, BackupReader, damaged, partName } from './file.js'
import { passphraseFor } from './passphrase.js'
import { followed, transferTask } from './progress.js'
import { backupPath } from './s3-url.js'
import { keyOf, type Verified, verifyReader } from './verify.js'

export interface RestoreOptions extends BackupOptions {
  confirm?: string
}

export interface Restored extends RestoredDump {
  lab: string
}

const dumpName = /^\d{8}T\d{6}Z-[a-z][a-z0-9-]{0,29}$/

/**
 * Puts a backup's data, or that of a dump on the host, into the lab. The lab's present data is dumped first. LabErrors
 * `bad-usage`, `not-confirmed`, before anything is read.
 */
export async function restore(
  source: string,
  options: RestoreOptions & GlobalOptions,
  context: Context,
): Promise<Restored> {
  const isDump = dumpName.test(source)
  if (isDump && options.passphraseFile !== undefined) throw withPassphrase(source)
  if (options.confirm !== undefined) await confirmReplacement(checkedName(options.name), options, context)
  // What is wrong with the file is said before anything else is done.
  const reader = isDump ? undefined : await BackupReader.open(backupPath(source))
  try {
    const key = reader && (await keyOf(reader, await passphraseFor(options, context, { isNew: false })))
    if (reader && key) await verified(reader, key, context)
    const open = await openLab(options, context)
    const { instanceId } = await reachInstance(open, context)
    warnOfStop(open, context)
    await confirmReplacement(open.lab.name, options, context)
    return await withLock(open, 'restore', context, async (lock) => {
      const now = await underLock(open, instanceId, lock)
      const host = hostOf(now.open, now.instanceId, context)
      const instance = await sessionTo(now.open, now.instanceId, context)
      const dump = reader && key ? await upload(reader, key, { host, instance }, context) : { id: source }
      const restored = await putBack(() => restoreDump(host, dump), open, context)
      return { ...restored, lab: open.lab.name }
    })
  } finally {
    await reader?.close()
  }
}

const confirmReplacement = (lab: string, { confirm }: RestoreOptions, context: Context): Promise<void> =>
  confirmName(
    { lab, confirm, path: 'restore' },
    {
      to: 'replace its data',
      hint: 'Its current users, conversations and files are dumped on the host first. LibreChat stops for some minutes.',
      declined: 'Nothing was changed.',
    },
    context,
  )

const withPassphrase = (dump: string) =>
  new LabError({
    code: 'bad-usage',
    what: "--passphrase-file can't be combined with a dump on the host.",
    why: 'A dump on the host has no passphrase. A backup file has one.',
    fix: [
      {
        command: { keeps: true, path: 'restore', args: [dump], flags: { 'passphrase-file': undefined } },
        text: 'restores the dump',
      },
    ],
  })

/** Reads a backup to its end, without a lab. */
export async function verifyBackup(
  file: string,
  options: BackupOptions,
  context: Context,
): Promise<Verified> {
  const reader = await BackupReader.open(backupPath(file))
  try {
    const key = await keyOf(reader, await passphraseFor(options, context, { isNew: false }))
    return await verified(reader, key, context)
  } finally {
    await reader.close()
  }
}

const sizeOf = ({ header }: BackupReader) => Object.values(header.files).reduce((sum, size) => sum + size, 0)

const verified = (reader: BackupReader, key: KeyObject, context: Context): Promise<Verified> =>
  transferTask('verification', sizeOf(reader), context, (_, at) =>
    verifyReader(reader, key, { onRead: at, signal: context.signal }),
  )

/** Sends the backup to the host: each part is encrypted again, to a key that the host made for it. */
async function upload(
  reader: BackupReader,
  key: KeyObject,
  { host, instance }: { host: Host; instance: ReachedInstance },
  context: Context,
): Promise<{ id: string; transfer: string }> {
  const { id, files } = reader.header
  const receiver = await receiveDump(host, publicPem(key), { id, files })
  const to = createPublicKey(receiver.publicKey)
  if (to.asymmetricKeyDetails?.modulusLength !== 3072)
    throw damaged(reader.path, 'The host sent another kind of key.')
  const remote = { port: receiver.port, token: tokenFor(key, receiver.token) }
  const carrier = await Carrier.open(instance, remote, context.signal)
  try {
    await transferTask('upload', sizeOf(reader), context, (moved) =>
      carrier.each(allParts(files), async (part) => {
        const sealed = await reader.read(partName(part.file, part.number))
        await carrier.send(part, resealMessage(sealed, key, to))
        moved(part.bytes)
      }),
    )
  } finally {
    await carrier.close()
  }
  return { id, transfer: receiver.transfer }
}

async function putBack(
  work: () => Promise<RestoredDump>,
  { lab }: OpenLab,
  context: Context,
): Promise<RestoredDump> {
  try {
    return await followed(
      { id: 'restore', name: 'restore on the host', usualMs: 120_000 },
      context,
      work,
      ({ stoppedSeconds }) => `LibreChat was stopped for ${Math.ceil(stoppedSeconds)} s`,
    )
  } catch (error) {
    if (context.signal.aborted)
      throw new Interrupted({
        why: goesOn,
        fix: [previousData],
        again: 'waits for the host, and restores again',
      })
    // The host's own answer says which data LibreChat uses.
    if (error instanceof LabError && error.code !== 'command-deadline') throw error
    throw toPartialFailure(error, { region: lab.region }, [goesOn, previousData])
  }
}

const goesOn =
  'The host goes on with the restore by itself: LibreChat gets the restored data when that has finished, and keeps the previous data if it fails.'

const previousData: Hint = {
  command: { path: 'backup list' },
  text: 'names the dump of the previous data (…-before-restore)',
}
