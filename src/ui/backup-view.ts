import type { Backup } from '../app/backup/backup.js'
import type { Restored } from '../app/backup/restore.js'
import type { ListedBackups, PricedSnapshot } from '../app/backup/snapshot.js'
import type { S3Backup } from '../app/backup/to-s3.js'
import type { Verified } from '../app/backup/verify.js'
import type { Ui } from '../app/context.js'
import { bytesText } from '../core/bytes.js'
import { shellQuote } from '../core/shell.js'
import { clean } from './style.js'
import { columns } from './table.js'

export const backupText = ({ file, bytes, stoppedSeconds }: Backup, { hint }: Pick<Ui, 'hint'>): string =>
  [
    `Backed up to ${clean(file)} (${bytesText(bytes)}), and read back.`,
    `  LibreChat was stopped for ${Math.ceil(stoppedSeconds)} s. Without the passphrase nobody can read the file.`,
    `  To check it later: ${hint({ command: { path: 'backup verify', args: [file] } })}`,
    `  To restore it:     ${hint({ command: { path: 'restore', args: [file] } })}`,
  ].join('\n')

export function s3Text({ url, bytes, region, stoppedSeconds }: S3Backup, { hint }: Pick<Ui, 'hint'>): string {
  const file = url.slice(url.lastIndexOf('/') + 1)
  return [
    `Backed up to ${clean(url)} (${bytesText(bytes)}, ${clean(region)}). S3 checked the SHA-256 of each part.`,
    `  LibreChat was stopped for ${Math.ceil(stoppedSeconds)} s. Without the passphrase nobody can read the backup.`,
    '  Only a downloaded copy shows that the passphrase opens it:',
    `  To download it: ${hint({ run: `aws s3 cp ${shellQuote(url)} .` })}`,
    `  To check it:    ${hint({ command: { path: 'backup verify', args: [file] } })}`,
    `  To restore it:  ${hint({ command: { path: 'restore', args: [file] } })}`,
  ].join('\n')
}

export const verifiedText = (file: string, { header, librechat, mongodb }: Verified): string =>
  [
    `${clean(file)} is complete and unchanged.`,
    `  lab ${clean(header.lab)} in ${clean(header.region)}, ${clean(header.at)}`,
    `  LibreChat ${clean(librechat)}, MongoDB ${clean(mongodb)}`,
  ].join('\n')

export const verifiedJson = (file: string, { header, bytes, librechat, mongodb }: Verified) => ({
  file,
  bytes,
  lab: header.lab,
  region: header.region,
  at: header.at,
  librechat,
  mongodb,
})

/** The dumps on the host and the snapshots in AWS, and how each is used. */
export function backupsText(
  { dumps, snapshots, withoutHost }: Omit<ListedBackups, 'lab'>,
  { hint }: Pick<Ui, 'hint'>,
): string {
  if (dumps.length === 0 && snapshots.length === 0)
    return `There are no dumps on the host yet. To make a backup: ${hint({ command: { path: 'backup' } })}`
  const blocks = [dumpLines(dumps, hint), snapshotLines(snapshots, hint)]
  if (withoutHost !== undefined)
    blocks.push([
      withoutHost === 'none'
        ? 'The lab has no instance. Its snapshots are still there.'
        : `The instance is ${withoutHost}. The dumps on its disk can be listed when it runs.`,
    ])
  return blocks
    .filter(({ length }) => length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')
}

function dumpLines(dumps: ListedBackups['dumps'], hint: Ui['hint']): string[] {
  if (dumps.length === 0) return []
  const rows = dumps.map(({ id, bytes, librechat }) => [
    clean(id),
    bytesText(bytes),
    librechat === null ? 'damaged' : `LibreChat ${clean(librechat)}`,
  ])
  const newest = dumps.findLast(({ librechat }) => librechat !== null)
  const damaged = dumps.find(({ librechat }) => librechat === null)
  const lines = columns([['DUMP ON THE HOST', 'SIZE', ''], ...rows])
  if (newest)
    lines.push('', `To restore the newest: ${hint({ command: { path: 'restore', args: [newest.id] } })}`)
  if (damaged)
    lines.push(
      '',
      'A damaged dump can’t be restored. To delete it, open a shell on the host and run rm there:',
      `  ${hint({ command: { path: 'shell' } })}`,
      `  ${hint({ run: `sudo rm -r ${shellQuote(`/var/lib/librechat-lab/dumps/${damaged.id}`)}` })}`,
    )
  return lines
}

function snapshotLines(snapshots: readonly PricedSnapshot[], hint: Ui['hint']): string[] {
  const [first] = snapshots
  if (!first) return []
  const rows = snapshots.map((one) => [
    clean(one.name),
    clean(one.snapshotId),
    `${one.sizeGb} GB`,
    one.state === 'completed' ? costOf(one) : `${clean(one.state)} ${clean(one.progress)}`,
  ])
  return [
    ...columns([['EBS SNAPSHOT', 'ID', 'DISK', ''], ...rows]),
    '',
    `To delete one: ${hint({ command: { path: 'backup remove', args: [first.name] } })}`,
  ]
}

const costOf = ({ mostMonthlyUsd }: PricedSnapshot) =>
  mostMonthlyUsd === undefined
    ? 'price unknown in this region'
    : `at most $${mostMonthlyUsd.toFixed(2)} a month`

export const snapshotText = (made: PricedSnapshot, { hint }: Pick<Ui, 'hint'>): string =>
  [
    `Snapshot ${clean(made.name)} is complete: ${clean(made.snapshotId)}, a disk of ${made.sizeGb} GB, ${costOf(made)}.`,
    '  It stays when the lab is destroyed, and costs until it is deleted.',
    `  To list snapshots: ${hint({ command: { path: 'backup list' } })}`,
    `  To delete it:      ${hint({ command: { path: 'backup remove', args: [made.name] } })}`,
  ].join('\n')

export const snapshotRemovedText = ({ name, snapshotId }: PricedSnapshot): string =>
  `Deleted the snapshot ${clean(name)} (${clean(snapshotId)}).`

export const snapshotJson = ({ name, snapshotId, at, state, sizeGb, mostMonthlyUsd }: PricedSnapshot) => ({
  name,
  id: snapshotId,
  at,
  state,
  sizeGb,
  mostMonthlyUsd: mostMonthlyUsd ?? null,
})

export const restoredText = (
  { lab, id, before, search, migrated = [] }: Restored,
  { hint }: Pick<Ui, 'hint'>,
): string =>
  [
    `Restored ${clean(id)} into the lab "${lab}".`,
    '  Users sign in with the passwords of that time.',
    ...(migrated.length > 0
      ? [`  The backup is of an older LibreChat, so these were migrated: ${clean(migrated.join(', '))}.`]
      : []),
    ...(search ? [] : ['  The search in old conversations could not be rebuilt; new ones are found.']),
    `  The data from before is kept on the host. To go back: ${hint({ command: { path: 'restore', args: [before] } })}`,
  ].join('\n')
