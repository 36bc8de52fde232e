import { accountId, type Snapshot } from '../account.js'
import type { Answers } from '../answers.js'
import { found } from '../refusal.js'
import { fromTags, tagsFor, type World } from '../world.js'
import { chosen, passes } from './filter.js'
import { volumeOf } from './volumes.js'

const snapshotsOf = ({ here }: World): Record<string, Snapshot> => {
  here.snapshots ??= {}
  return here.snapshots
}

/** How long AWS takes to copy the blocks of a small disk. */
const copyMs = 60_000

function view(SnapshotId: string, one: Snapshot, now: number) {
  const done = now >= one.completeAt
  const share = Math.floor((100 * (now - one.startedAt)) / Math.max(1, one.completeAt - one.startedAt))
  return {
    SnapshotId,
    OwnerId: accountId,
    VolumeId: one.volume,
    VolumeSize: one.size,
    StartTime: new Date(one.startedAt),
    State: done ? ('completed' as const) : ('pending' as const),
    Progress: `${done ? 100 : share}%`,
    Encrypted: one.encrypted,
    Tags: fromTags(one.tags),
  }
}

export const snapshots = {
  CreateSnapshot(input, world) {
    const { volume } = volumeOf(world, input.VolumeId).instance
    const id = world.id('snap')
    const made: Snapshot = {
      volume: volume.id,
      size: volume.size,
      startedAt: world.now,
      completeAt: world.after(copyMs),
      encrypted: volume.encrypted,
      tags: tagsFor(input.TagSpecifications, 'snapshot'),
    }
    snapshotsOf(world)[id] = made
    return view(id, made, world.now)
  },

  DescribeSnapshots(input, world) {
    const all = chosen(snapshotsOf(world), input.SnapshotIds, 'InvalidSnapshot.NotFound', 'snapshot')
    return {
      Snapshots: all
        .filter(([id, one]) =>
          passes(input.Filters, one.tags, { 'snapshot-id': id, 'volume-id': one.volume }),
        )
        .map(([id, one]) => view(id, one, world.now)),
    }
  },

  /** There are no images. */
  DescribeImages: () => ({ Images: [] }),

  DeleteSnapshot({ SnapshotId }, world) {
    const all = snapshotsOf(world)
    found(all, SnapshotId, 'InvalidSnapshot.NotFound', `The snapshot '${SnapshotId}' does not exist.`)
    delete all[SnapshotId ?? '']
    return {}
  },
} satisfies Answers<typeof import('@aws-sdk/client-ec2')>
