import { advise } from '../../aws/advice.js'
import { type Hint, Interrupted, LabError } from '../../core/error.js'
import { waitFor } from '../../core/wait.js'
import { type ListedDump, listDumps } from '../../host/dumps.js'
import { findInstance, identifyLab } from '../../lab/find.js'
import { snapshotMonthlyUsd } from '../../lab/prices.js'
import {
  createSnapshot,
  deleteSnapshot,
  findSnapshots,
  type LabSnapshot,
  snapshotName,
} from '../../resources/snapshots.js'
import { confirmName } from '../confirm-name.js'
import type { Context, GlobalOptions } from '../context.js'
import { hostOf } from '../host-work.js'
import { type LabId, type OpenLab, openLab } from '../open-lab.js'
import { findRunning } from '../running-instance.js'
import { followed } from './progress.js'

/** A snapshot and what it costs a month at the most: AWS counts the blocks that no other snapshot has. */
export interface PricedSnapshot extends LabSnapshot {
  /** USD; undefined where the price is unknown here. */
  mostMonthlyUsd: number | undefined
}

export interface ListedBackups {
  lab: LabId
  dumps: readonly ListedDump[]
  /** Why the dumps on the host can't be listed: the instance's state, or "none". */
  withoutHost: string | undefined
  snapshots: readonly PricedSnapshot[]
}

export const withPrice = ({ region }: LabId, snapshot: LabSnapshot): PricedSnapshot => ({
  ...snapshot,
  mostMonthlyUsd: snapshotMonthlyUsd(region, snapshot.sizeGb),
})

/** LabError `bad-usage`: a snapshot is in AWS, has no file, and is encrypted with the disk's key. */
export function refuseBoth(given: { file: string | undefined; passphraseFile?: string; to?: string }): void {
  const other =
    given.file !== undefined
      ? 'a file'
      : given.to !== undefined
        ? '--to'
        : given.passphraseFile !== undefined
          ? '--passphrase-file'
          : undefined
  if (other === undefined) return
  // A file and S3 exclude each other too.
  const withOne = given.file === undefined ? {} : { to: undefined }
  throw new LabError({
    code: 'bad-usage',
    what: `--snapshot can't be combined with ${other}.`,
    why: 'A snapshot stays in AWS and is encrypted with the key of the disk.',
    fix: [
      { command: { path: 'backup', flags: { snapshot: true } }, text: 'makes a snapshot' },
      {
        command: { keeps: true, path: 'backup', flags: { snapshot: undefined, ...withOne } },
        text: 'makes an encrypted file',
      },
    ],
  })
}

/** A snapshot of the lab's disk, followed until AWS has all of it. LabErrors `no-such-lab`, `snapshot-failed`. */
export async function snapshotLab(options: GlobalOptions, context: Context): Promise<PricedSnapshot> {
  const open = await openLab(options, context)
  const { clients, lab, stored } = open
  await findInstance(clients, lab, stored)
  const { instance } = await identifyLab(clients, lab, stored)
  const root = instance?.BlockDeviceMappings?.find(({ DeviceName }) => DeviceName === instance.RootDeviceName)
  const volumeId = root?.Ebs?.VolumeId
  if (volumeId === undefined) throw withoutDisk(lab)
  const tagged = stored?.tags ? { ...lab, tags: stored.tags } : lab
  const name = freeName((await findSnapshots(clients.ec2, lab)).snapshots, context.clock.now())
  context.ui.emit({
    type: 'note',
    text: 'LibreChat keeps running: the snapshot contains the disk at one moment, as after a power cut.',
  })
  const task = { id: 'snapshot', name: `snapshot ${name}`, usualMs: 300_000 }
  const made = await followed(
    task,
    context,
    async () => {
      const begun = await createSnapshot(clients, { lab: tagged, name, volumeId }, context)
      try {
        return await completed(begun, task, open, context)
      } catch (error) {
        throw begunAlready(error, withPrice(lab, begun), context)
      }
    },
    ({ snapshotId }) => snapshotId,
  )
  return withPrice(lab, made)
}

/** The snapshot once AWS has all of it. LabErrors `snapshot-failed`, `deadline`. */
const completed = (
  { snapshotId }: LabSnapshot,
  task: { id: string; name: string },
  { clients, lab }: OpenLab,
  { clock, signal, ui }: Context,
): Promise<LabSnapshot> =>
  waitFor(
    {
      for: `the snapshot ${snapshotId} to be completed`,
      deadlineMs: 2 * 3_600_000,
      clock,
      signal,
      firstMs: 2_000,
      maxMs: 15_000,
    },
    async () => {
      const { snapshots } = await findSnapshots(clients.ec2, lab)
      const now = snapshots.find((one) => one.snapshotId === snapshotId)
      if (now?.state === 'error') throw failed(now)
      if (now?.state === 'completed') return now
      ui.emit({ type: 'task', ...task, state: 'progress', detail: now?.progress || 'begun' })
      return undefined
    },
  )

/** What ended the wait for a snapshot that AWS has begun: it goes on and is billed, and the same command makes another. */
function begunAlready(
  error: unknown,
  { name, snapshotId, mostMonthlyUsd }: PricedSnapshot,
  { signal }: Context,
): unknown {
  if (error instanceof LabError && error.code === 'snapshot-failed') return error
  const cost =
    mostMonthlyUsd === undefined ? 'is billed' : `costs at most $${mostMonthlyUsd.toFixed(2)} a month`
  const why = `AWS completes the snapshot ${name} (${snapshotId}) by itself. It stays and ${cost}.`
  const ways: Hint[] = [
    { command: { path: 'backup list' }, text: 'shows how far it is' },
    { command: { path: 'backup remove', args: [name] }, text: 'deletes it' },
  ]
  if (signal.aborted) return new Interrupted({ why, fix: ways, again: 'makes another one', cause: error })
  const { code, message, fix, fault, requestId } = advise(error, {})
  // Its advice would be to run the same command again.
  const own = code === 'deadline' ? [] : fix
  return new LabError({
    code,
    what: message,
    why,
    fix: [...own, ...ways],
    fault,
    exitCode: 2,
    requestId,
    cause: error,
  })
}

/** The name of a snapshot that is made now, or of the next second that none has: names are what users remove them by. */
function freeName(snapshots: readonly LabSnapshot[], now: number): string {
  const taken = snapshots.map(({ name }) => name)
  let at = now
  while (taken.includes(snapshotName(at))) at += 1000
  return snapshotName(at)
}

/** The dumps on the host, where it runs, and the snapshots, which need no lab. LabError `no-such-lab`. */
export async function listBackups(options: GlobalOptions, context: Context): Promise<ListedBackups> {
  const open = await openLab(options, context)
  const { clients, lab } = open
  const { snapshots } = await findSnapshots(clients.ec2, lab)
  const priced = snapshots.map((one) => withPrice(lab, one))
  // Without a snapshot there is nothing to list but the dumps: then what keeps them from view is the answer.
  if (snapshots.length === 0) {
    const { instanceId } = await findRunning(open, context)
    const dumps = await listDumps(hostOf(open, instanceId, context))
    return { lab, dumps, withoutHost: undefined, snapshots: [] }
  }
  const { instance } = await identifyLab(clients, lab, open.stored)
  const state = instance?.State?.Name ?? 'none'
  const dumps = state === 'running' ? await listDumps(hostOf(open, instance?.InstanceId ?? '', context)) : []
  return { lab, dumps, withoutHost: state === 'running' ? undefined : state, snapshots: priced }
}

/** Deletes the snapshot of this name or id. LabErrors `no-such-lab`, `no-such-snapshot`, `ambiguous-snapshot`, `snapshot-in-use`, `not-confirmed`. */
export async function removeSnapshot(
  wanted: string,
  options: { confirm?: string } & GlobalOptions,
  context: Context,
): Promise<PricedSnapshot> {
  const { clients, lab, stored } = await openLab(options, context)
  const { snapshots, strangers } = await findSnapshots(clients.ec2, lab)
  const [found, ...more] = snapshots.filter(
    ({ name, snapshotId }) => name === wanted || snapshotId === wanted,
  )
  if (!found) {
    if (snapshots.length === 0) await findInstance(clients, lab, stored)
    const stranger = strangers.find(({ id }) => id === wanted)
    throw new LabError({
      code: 'no-such-snapshot',
      what: `The lab "${lab.name}" in ${lab.region} has no snapshot ${JSON.stringify(wanted.slice(0, 60))}.`,
      why:
        stranger?.why ??
        'Only snapshots that backup --snapshot created are removed. The host removes old dumps itself.',
      fix: [{ command: { path: 'backup list' }, text: 'lists them' }],
    })
  }
  if (more.length > 0) throw ambiguous(wanted, [found, ...more])
  await confirmName(
    { lab: lab.name, confirm: options.confirm, path: 'backup remove' },
    {
      to: `delete the snapshot ${found.name}`,
      hint: `It holds the disk of ${found.sizeGb} GB as of ${found.at}. This can’t be undone.`,
      declined: 'Nothing was deleted.',
    },
    context,
  )
  await deleteSnapshot(clients.ec2, found)
  return withPrice(lab, found)
}

const withoutDisk = ({ name }: LabId) =>
  new LabError({
    code: 'no-disk',
    what: `The instance of the lab "${name}" has no root volume.`,
    why: 'It was detached, or the instance is just being created.',
    fix: [{ command: { path: 'status' }, text: 'shows the lab' }],
  })

const failed = ({ name, snapshotId }: LabSnapshot) =>
  new LabError({
    code: 'snapshot-failed',
    what: `AWS could not complete the snapshot ${snapshotId}.`,
    why: 'Its state is "error". The lab itself is unchanged.',
    fix: [
      { command: { path: 'backup remove', args: [name] }, text: 'deletes it' },
      { command: { path: 'backup', flags: { snapshot: true } }, text: 'makes another one' },
    ],
    fault: 'aws',
  })

const ambiguous = (wanted: string, found: readonly LabSnapshot[]) =>
  new LabError({
    code: 'ambiguous-snapshot',
    what: `${found.length} snapshots have the name ${wanted}: ${found.map(({ snapshotId, at }) => `${snapshotId} (${at})`).join('; ')}.`,
    why: 'Nothing was deleted.',
    fix: found.map(({ snapshotId }) => ({
      command: { path: 'backup remove' as const, args: [snapshotId] },
      text: 'deletes this one',
    })),
  })
