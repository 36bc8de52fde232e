import { createHash } from 'node:crypto'
import {
  CreateSnapshotCommand,
  DeleteSnapshotCommand,
  type EC2Client,
  paginateDescribeSnapshots,
  type Snapshot,
} from '@aws-sdk/client-ec2'
import { codeOf, isCode, isOutcomeUnknown, requestIdOf } from '../aws/errors.js'
import type { Clock } from '../core/clock.js'
import { collect } from '../core/collect.js'
import { LabError } from '../core/error.js'
import { retryWhile } from '../core/wait.js'
import type { Stranger } from './identity.js'
import { type LabId, ownedFilters, tagKeys, tagsOf, tagValue } from './ownership.js'

/** An EBS snapshot of the lab's disk. It outlives the instance, the settings and the lab. */
export interface LabSnapshot {
  /** "20261126T101500Z-snapshot", by which the user names it. */
  name: string
  snapshotId: string
  /** UTC */
  at: string
  /** "pending" until all of it is copied, then "completed"; "error" where that failed. */
  state: string
  /** "37%" */
  progress: string
  sizeGb: number
}

/**
 * Proves a snapshot without the settings, which are gone after a destroy: a digest of the lab, the snapshot's name
 * and the volume's id. AWS keeps the volume's id in a snapshot, and gives a copy of a snapshot another one:
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Snapshot.html
 */
const proofOf = ({ account, region, name }: LabId, snapshot: string, volumeId: string): string =>
  createHash('sha256')
    .update(JSON.stringify([account, region, name, snapshot, volumeId]))
    .digest('hex')
    .slice(0, 32)

export const snapshotName = (now: number): string =>
  `${new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')}-snapshot`

/** All snapshots with the lab's tags: the proven ones, oldest first, and the others. One call per page. */
export async function findSnapshots(
  ec2: EC2Client,
  lab: LabId,
): Promise<{ snapshots: LabSnapshot[]; strangers: Stranger[] }> {
  const found = await collect(
    paginateDescribeSnapshots({ client: ec2 }, { OwnerIds: ['self'], Filters: ownedFilters(lab) }),
    ({ Snapshots = [] }) => Snapshots,
  )
  const isProven = ({ Tags, VolumeId = '' }: Snapshot) => {
    const name = tagValue(Tags, tagKeys.snapshot)
    return name !== undefined && tagValue(Tags, tagKeys.creation) === proofOf(lab, name, VolumeId)
  }
  return {
    snapshots: found
      .filter(isProven)
      .map(described)
      .sort((a, b) => (a.at < b.at ? -1 : 1)),
    strangers: found
      .filter((one) => !isProven(one))
      .map(({ SnapshotId = '', Tags }) => ({
        kind: 'snapshot' as const,
        id: SnapshotId,
        name: tagValue(Tags, 'Name') ?? '',
        why: 'It has the lab’s tags, but backup --snapshot did not create it.',
      })),
  }
}

const described = (one: Snapshot): LabSnapshot => ({
  name: tagValue(one.Tags, tagKeys.snapshot) ?? '',
  snapshotId: one.SnapshotId ?? '',
  at: one.StartTime?.toISOString() ?? '',
  state: one.State ?? 'pending',
  progress: one.Progress ?? '',
  sizeGb: one.VolumeSize ?? 0,
})

/**
 * Starts a snapshot of the volume. The call has no idempotency token: after a lost answer, it looks for a snapshot of
 * this name before it retries. LabError `snapshot-refused` for a quota.
 */
export async function createSnapshot(
  { ec2, ec2Once }: { ec2: EC2Client; ec2Once: EC2Client },
  { lab, name, volumeId }: { lab: LabId; name: string; volumeId: string },
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<LabSnapshot> {
  const Tags = [
    { Key: 'Name', Value: `LibreChat ${name}` },
    { Key: tagKeys.snapshot, Value: name },
    { Key: tagKeys.creation, Value: proofOf(lab, name, volumeId) },
    ...tagsOf(lab),
  ]
  const wait = { for: 'EBS to take another snapshot', deadlineMs: 120_000, clock, signal, firstMs: 5_000 }
  const create = async (): Promise<LabSnapshot> => {
    try {
      return described(
        await ec2Once.send(
          new CreateSnapshotCommand({
            VolumeId: volumeId,
            Description: `Disk of the LibreChat lab "${lab.name}". Made by librechat-lab.`,
            TagSpecifications: [{ ResourceType: 'snapshot', Tags }],
          }),
        ),
      )
    } catch (error) {
      if (!isOutcomeUnknown(error)) throw error
      // A new snapshot can take a moment to show.
      await clock.sleep(2_000, signal)
      const made = (await findSnapshots(ec2, lab)).snapshots.find((one) => one.name === name)
      if (made) return made
      throw error
    }
  }
  try {
    return await retryWhile(wait, isBusy, create)
  } catch (error) {
    throw isCode(error, ...quotas) ? refused(lab, error) : error
  }
}

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
const quotas = ['ConcurrentSnapshotLimitExceeded', 'SnapshotLimitExceeded']
const isBusy = (error: unknown) =>
  isCode(error, 'SnapshotCreationPerVolumeRateExceeded') || isOutcomeUnknown(error)

const refused = ({ region }: LabId, cause: unknown) =>
  new LabError({
    code: 'snapshot-refused',
    what: `AWS refused a snapshot in ${region}: ${codeOf(cause)}.`,
    why: 'A quota of the account is used up. Nothing was created.',
    fix: [
      { command: { path: 'backup list' }, text: 'lists the snapshots of this lab' },
      `Or request a higher quota: https://${region}.console.aws.amazon.com/servicequotas/home/services/ebs/quotas`,
    ],
    fault: 'aws',
    requestId: requestIdOf(cause),
    cause,
  })

/** LabError `snapshot-in-use` if an image uses it. Succeeds if it is already gone. */
export async function deleteSnapshot(ec2: EC2Client, snapshot: LabSnapshot): Promise<void> {
  try {
    await ec2.send(new DeleteSnapshotCommand({ SnapshotId: snapshot.snapshotId }))
  } catch (error) {
    if (isCode(error, 'InvalidSnapshot.NotFound')) return
    if (!isCode(error, 'InvalidSnapshot.InUse')) throw error
    throw new LabError({
      code: 'snapshot-in-use',
      what: `The snapshot ${snapshot.name} (${snapshot.snapshotId}) is part of a machine image.`,
      why: 'AWS doesn’t delete a snapshot that an image uses. Nothing was deleted.',
      fix: [
        'Deregister the image in the EC2 console, if you no longer need it. Then run the same command again.',
      ],
      requestId: requestIdOf(error),
      cause: error,
    })
  }
}

export const snapshotActions = {
  read: ['ec2:DescribeSnapshots'],
  create: ['ec2:CreateSnapshot', 'ec2:CreateTags'],
  remove: ['ec2:DeleteSnapshot'],
} as const
