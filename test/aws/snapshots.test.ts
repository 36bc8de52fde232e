import {
  CopySnapshotCommand,
  CreateImageCommand,
  CreateNetworkInterfaceCommand,
  CreateTagsCommand,
  DescribeImagesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSnapshotsCommand,
  DescribeSubnetsCommand,
} from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Account, openAccount } from '../support/account.js'
import { run } from '../support/cli.js'
import { lab, only } from '../support/lab.js'
import { describeAws } from '../support/moto.js'
import { claim } from '../support/strangers.js'

interface Snapshots {
  snapshots: { name: string; id: string }[]
}

describeAws('snapshots of a lab', (moto) => {
  let account: Account
  beforeAll(async () => {
    account = await openAccount(moto(), { regions: ['us-east-1'] })
    expect((await run(account, ['up', '--yes'])).code).toBe(0)
  }, 120_000)
  afterAll(() => account.close())

  const succeeds = async (...args: string[]) => {
    const ended = await run(account, args)
    expect(ended.code, `${args.join(' ')}\n${ended.stdout}${ended.stderr}`).toBe(0)
    return ended
  }
  const own = async () =>
    (await account.at('us-east-1').ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] })))
      .Snapshots ?? []

  it('are created, outlive the lab like copies that are not changed, and are removed by name', {
    timeout: 120_000,
  }, async () => {
    const { ec2 } = account.at('us-east-1')
    const { snapshot } = (await succeeds('backup', '--snapshot', '--json')).json<{
      snapshot: { name: string; id: string }
    }>()
    const made = only((await own()).filter(({ SnapshotId }) => SnapshotId === snapshot.id))
    const there = await lab(account)
    expect(made).toMatchObject({ VolumeId: only(there.volumes).VolumeId, State: 'completed' })

    // Whatever the lab's tags can be copied to.
    const copy = await ec2.send(
      new CopySnapshotCommand({ SourceRegion: 'us-east-1', SourceSnapshotId: snapshot.id }),
    )
    const image = await ec2.send(
      new CreateImageCommand({ InstanceId: only(there.instances).InstanceId, Name: 'copy', NoReboot: true }),
    )
    const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}))
    const face = await ec2.send(new CreateNetworkInterfaceCommand({ SubnetId: Subnets[0]?.SubnetId }))
    const faceId = face.NetworkInterface?.NetworkInterfaceId ?? ''
    const copies = [copy.SnapshotId ?? '', image.ImageId ?? '', faceId]
    await ec2.send(new CreateTagsCommand({ Resources: copies, Tags: claim }))

    const before = account.calls.length
    const gone = await succeeds('destroy', '--confirm', 'default', '--no-backup', '--json')
    const { strangers, keptSnapshots } = gone.json<{
      strangers: { id: string }[]
      keptSnapshots: { id: string }[]
    }>()
    expect(strangers.map(({ id }) => id)).toEqual(expect.arrayContaining(copies))
    expect(keptSnapshots.map(({ id }) => id)).toEqual([snapshot.id])
    const changed = account.calls.slice(before).filter(({ action }) => !/^(Describe|Get|List)/.test(action))
    for (const id of [...copies, snapshot.id]) expect(JSON.stringify(changed)).not.toContain(id)
    expect((await ec2.send(new DescribeImagesCommand({ ImageIds: [copies[1] ?? ''] }))).Images).toHaveLength(
      1,
    )
    const faces = await ec2.send(new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [faceId] }))
    expect(faces.NetworkInterfaces).toHaveLength(1)

    const listed = (await succeeds('backup', 'list', '--json')).json<Snapshots>()
    expect(listed.snapshots.map(({ id }) => id)).toEqual([snapshot.id])
    await succeeds('backup', 'remove', snapshot.name, '--confirm', 'default')
    const left = (await own()).map(({ SnapshotId }) => SnapshotId)
    expect(left).not.toContain(snapshot.id)
    expect(left).toContain(copies[0])
  })
})
