import {
  CreateSnapshotCommand,
  DeleteSnapshotCommand,
  DescribeSnapshotsCommand,
  EC2Client,
  type Snapshot,
} from '@aws-sdk/client-ec2'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import { createSnapshot, deleteSnapshot, findSnapshots, snapshotName } from '../../src/resources/snapshots.js'
import { awsError, context, lab } from './context.js'

const ec2 = mockClient(EC2Client)
beforeEach(() => ec2.reset())
const client = new EC2Client({ region: 'us-east-1' })
const name = snapshotName(Date.UTC(2026, 10, 26, 10, 15))
const disk = { lab, name, volumeId: 'vol-1' }
const create = () => createSnapshot({ ec2: client, ec2Once: client }, disk, context())

/** What AWS then says of the snapshot that the program made. */
async function made(): Promise<Snapshot> {
  ec2.on(CreateSnapshotCommand).resolves({ SnapshotId: 'snap-1', VolumeId: 'vol-1', State: 'pending' })
  await create()
  const sent = ec2.commandCalls(CreateSnapshotCommand)[0]?.args[0].input
  return {
    SnapshotId: 'snap-1',
    VolumeId: sent?.VolumeId,
    State: 'completed',
    Progress: '100%',
    StartTime: new Date('2026-11-26T10:15:00Z'),
    VolumeSize: 30,
    Tags: sent?.TagSpecifications?.[0]?.Tags,
  }
}

const found = async (...Snapshots: Snapshot[]) => {
  ec2.on(DescribeSnapshotsCommand).resolves({ Snapshots })
  return await findSnapshots(client, lab)
}

describe('a snapshot', () => {
  it('is the lab’s by what was tagged when it was created, without the settings', async () => {
    const one = await made()
    expect(await found(one)).toMatchObject({
      snapshots: [{ name: '20261126T101500Z-snapshot', snapshotId: 'snap-1', sizeGb: 30 }],
      strangers: [],
    })
  })

  it.each<[string, (one: Snapshot) => Snapshot]>([
    ['a copy of it, which AWS gives another volume', (one) => ({ ...one, VolumeId: 'vol-ffffffff' })],
    ['its tags on a snapshot of another disk', (one) => ({ ...one, VolumeId: 'vol-2' })],
    [
      'the lab’s tags alone',
      (one) => ({ ...one, Tags: one.Tags?.filter(({ Key }) => !/creation|snapshot/.test(Key ?? '')) }),
    ],
    [
      'another name in its tags',
      (one) => ({
        ...one,
        Tags: one.Tags?.map((tag) =>
          tag.Key === 'librechat-lab:snapshot' ? { ...tag, Value: '20270101T000000Z-snapshot' } : tag,
        ),
      }),
    ],
  ])('is not %s', async (_, change) => {
    const one = change(await made())
    expect(await found(one)).toMatchObject({ snapshots: [], strangers: [{ kind: 'snapshot', id: 'snap-1' }] })
  })

  it('is read to the end of the list', async () => {
    const one = await made()
    ec2
      .on(DescribeSnapshotsCommand)
      .resolvesOnce({ Snapshots: [], NextToken: 'more' })
      .resolvesOnce({ Snapshots: [one] })
    expect((await findSnapshots(client, lab)).snapshots).toHaveLength(1)
  })

  it('is not made twice where the answer was lost', async () => {
    const one = await made()
    ec2.resetHistory()
    ec2.on(CreateSnapshotCommand).rejects(Object.assign(new Error('gone'), { code: 'ECONNRESET' }))
    ec2.on(DescribeSnapshotsCommand).resolves({ Snapshots: [one] })
    expect(await create()).toMatchObject({ snapshotId: 'snap-1' })
    expect(ec2.commandCalls(CreateSnapshotCommand)).toHaveLength(1)
  })

  it('waits where the last one of the volume is less than 15 seconds old', async () => {
    ec2
      .on(CreateSnapshotCommand)
      .rejectsOnce(awsError('SnapshotCreationPerVolumeRateExceeded'))
      .resolvesOnce({ SnapshotId: 'snap-2' })
    expect(await create()).toMatchObject({ snapshotId: 'snap-2' })
  })

  it('says which quota is used up', async () => {
    ec2.on(CreateSnapshotCommand).rejects(awsError('ConcurrentSnapshotLimitExceeded'))
    await expect(create()).rejects.toMatchObject({ code: 'snapshot-refused', fault: 'aws' })
  })

  it('is deleted; one that is gone is success, one with an image is refused, another error is thrown', async () => {
    const one = (await found(await made())).snapshots[0]
    if (!one) throw new Error('no snapshot')
    ec2
      .on(DeleteSnapshotCommand)
      .rejectsOnce(awsError('InvalidSnapshot.NotFound'))
      .rejectsOnce(awsError('InvalidSnapshot.InUse'))
      .rejectsOnce(awsError('UnauthorizedOperation'))
    await deleteSnapshot(client, one)
    await expect(deleteSnapshot(client, one)).rejects.toMatchObject({ code: 'snapshot-in-use' })
    await expect(deleteSnapshot(client, one)).rejects.toThrow('UnauthorizedOperation')
  })
})
