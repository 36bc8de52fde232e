import { type KeyObject, privateEncrypt } from 'node:crypto'
import { dnsSuffix } from '../../aws/region.js'
import { LabError } from '../../core/error.js'
import { shellQuote } from '../../core/shell.js'
import { observe } from '../../engine/converge.js'
import { lockKey, publicPem } from '../../host/cms.js'
import { type PackedDump, packDump, type S3Place, type UploadedDump, uploadDump } from '../../host/dumps.js'
import { readHealth } from '../../host/host-health.js'
import { backupPolicyName, grantBackup, withdrawBackup } from '../../resources/backup-grant.js'
import type { Context, GlobalOptions } from '../context.js'
import { hostOf } from '../host-work.js'
import { graphWithSchedule } from '../lab-graph.js'
import { type OpenLab, openLab, settingsReadBy } from '../open-lab.js'
import { underLock } from '../resolve-instance.js'
import { findRunning } from '../running-instance.js'
import { warnOfStop } from '../scheduled-stop.js'
import { withLock } from '../with-lock.js'
import { type BackupOptions, dumped, dumpLine, newKey, noted, sayHowLong } from './backup.js'
import { defaultName, fileFormat, readme } from './file.js'
import { passphraseFor } from './passphrase.js'
import { followed } from './progress.js'
import { parseS3Url, type S3Prefix } from './s3-url.js'

export interface S3Backup extends UploadedDump {
  /** s3://bucket/prefix/librechat-default-….backup */
  url: string
  lab: string
  /** UTC */
  at: string
  /** How long LibreChat did not answer. */
  stoppedSeconds: number
}

/** LabError `bad-usage`: the object gets a name of its own. */
export function refuseFile(file: string | undefined, to: string): void {
  if (file === undefined) return
  throw new LabError({
    code: 'bad-usage',
    what: "--to can't be combined with a file.",
    why: 'The host uploads the backup, and its name has the time in it.',
    fix: [
      { command: { keeps: true, path: 'backup', args: [], flags: { to } }, text: 'uploads it' },
      {
        command: { keeps: true, path: 'backup', args: [file], flags: { to: undefined } },
        text: 'writes the file',
      },
    ],
  })
}

/** A dump and an upload take two hours each at the most, and what is uploaded has to be aborted too. */
const grantedMs = 5 * 3_600_000

/**
 * Backs the lab up into S3, from the host and already encrypted. Its role may write that one object meanwhile. LabErrors
 * `bad-s3-url`, `no-role`, and those of the host: `no-such-bucket`, `s3-denied`, `object-exists`, `s3-unreachable`.
 */
export async function backUpToS3(
  url: string,
  options: BackupOptions & GlobalOptions,
  context: Context,
): Promise<S3Backup> {
  const to = parseS3Url(url)
  const opened = await openLab(options, context)
  const found = await findRunning(opened, context)
  const passphrase = await passphraseFor(options, context, { isNew: true })
  warnOfStop(opened, context)
  sayHowLong((await readHealth(hostOf(opened, found.instanceId, context))).dump, context)
  const key = await newKey()
  const locked = lockKey(key, passphrase)
  const { lab } = opened
  return await withLock(opened, 'backup', context, async (lock) => {
    const { open, instanceId } = await underLock(opened, found.instanceId, lock)
    const host = hostOf(open, instanceId, context)
    const now = context.clock.now()
    const at = new Date(now).toISOString()
    const place = placeOf(open, to, now)
    const asked = {
      publicKey: publicPem(key),
      settings: open.storedText ?? '{}',
      key: locked,
      readme,
      header: { format: fileFormat, lab: lab.name, region: lab.region, at },
      to: place,
    }
    const grant = { place, prefix: to.prefix, until: now + grantedMs }
    const made = await withGrant(open, grant, context, async (begin) => {
      const packed = await dumped(() => packDump(host, asked, stepOf(dumpLine, context)), context)
      sayWhatIsLeft(packed, context)
      begin()
      const request = { id: packed.id, signature: signatureOf(key, packed.index), to: place }
      const sent = await followed(uploadLine, context, () =>
        uploadDump(host, request, stepOf(uploadLine, context)),
      )
      return { ...sent, stoppedSeconds: packed.stoppedSeconds }
    })
    await noted(open, instanceId, context)
    return { ...made, url: `s3://${place.bucket}/${place.key}`, lab: lab.name, at }
  })
}

const stepOf =
  (line: { id: string; name: string }, { ui }: Context) =>
  (detail: string): void =>
    ui.emit({ type: 'task', ...line, state: 'progress', detail })

const uploadLine = { id: 'upload', name: 'upload from the host' }

const placeOf = ({ lab }: OpenLab, { bucket, prefix }: S3Prefix, now: number): S3Place => ({
  bucket,
  key: `${prefix}${defaultName(lab.name, now)}`,
  region: lab.region,
  suffix: dnsSuffix(lab.region),
  account: lab.account,
})

/** An RSA signature (PKCS #1 v1.5) of what has this SHA-256, as `openssl dgst -sha256 -verify` takes it: RFC 8017, 9.2. */
const signatureOf = (key: KeyObject, sha256: string): string =>
  privateEncrypt(key, Buffer.from(`3031300d060960864801650304020105000420${sha256}`, 'hex')).toString(
    'base64',
  )

/**
 * Lets the role write the object while the work lasts. Interrupted after `begin`, the permission stays until it ends by
 * itself, for the host goes on with its upload, or has to abort it.
 */
async function withGrant<T>(
  open: OpenLab,
  { place, prefix, until }: { place: S3Place; prefix: string; until: number },
  { ui, signal }: Context,
  work: (begin: () => void) => Promise<T>,
): Promise<T> {
  const { clients, lab, stored } = open
  if (!stored) throw withoutRole(lab.name)
  const graph = graphWithSchedule(open, stored, settingsReadBy(open))
  const role = (await observe([graph.role])).of(graph.role)
  if (!role) throw withoutRole(lab.name)
  let hasBegun = false
  const { bucket, key } = place
  await grantBackup(clients.iam, role.name, { partition: lab.partition, bucket, key, prefix, until })
  try {
    return await work(() => {
      hasBegun = true
    })
  } finally {
    const ends = `It ends at ${new Date(until).toISOString().slice(0, 16).replace('T', ' ')} UTC, and the next up removes it`
    if (signal.aborted && hasBegun)
      ui.emit({
        type: 'warning',
        text: `The host goes on with its upload, and its role keeps the permission for it (${backupPolicyName}). ${ends}.`,
      })
    // Thrown, it would hide the work's own error.
    else
      await withdrawBackup(clients.iam, role.name).catch((error: Error) => {
        const text = `The policy ${backupPolicyName} could not be removed from the role: ${error.message}. ${ends}.`
        ui.emit({ type: 'warning', text })
      })
  }
}

function sayWhatIsLeft({ left }: PackedDump, { ui }: Context): void {
  if (!left) return
  const { bucket, key, region, uploadId } = left
  ui.emit({
    type: 'warning',
    text: [
      'An interrupted upload to another place is still in S3 and billed. To abort it: ',
      {
        run: `aws s3api abort-multipart-upload --region ${region} --bucket ${bucket} --key ${shellQuote(key)} --upload-id ${shellQuote(uploadId)}`,
      },
    ],
  })
}

const withoutRole = (name: string) =>
  new LabError({
    code: 'no-role',
    what: `The lab "${name}" has no role that could be allowed to write into S3.`,
    why: 'It was deleted, or the lab was never set up completely.',
    fix: [{ command: { path: 'up' }, text: 'repairs it' }],
  })
