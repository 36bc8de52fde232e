import {
  AllocateAddressCommand,
  AssociateAddressCommand,
  CreateTagsCommand,
  DescribeAddressesCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  ModifyInstanceAttributeCommand,
} from '@aws-sdk/client-ec2'
import { DeleteParameterCommand, GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm'
import { expect, it } from 'vitest'
import { launchToken } from '../../src/resources/identity.js'
import type { Account } from '../support/account.js'
import { run } from '../support/cli.js'
import { lab, only, tagsOf } from '../support/lab.js'
import { claim, launch, strangers, strangersVolume } from '../support/strangers.js'
import { describeAccount } from '../support/suite.js'
import { changes } from '../support/tally.js'

const at = (account: Account) => account.at('us-east-1')
const confirmed = ['destroy', '--confirm', 'default']
const parameter = '/librechat-lab/default/spec'

async function editSettings(account: Account, edit: (settings: Record<string, unknown>) => void) {
  const { ssm } = at(account)
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: parameter }))
  const settings = JSON.parse(Parameter?.Value ?? '')
  edit(settings)
  await ssm.send(
    new PutParameterCommand({
      Name: parameter,
      Value: JSON.stringify(settings),
      Type: 'String',
      Overwrite: true,
    }),
  )
}

/** As version 0.1.0 left a lab: no creation ids, and a token that can't be computed again. */
async function asMadeByVersion010(account: Account): Promise<void> {
  const found = await lab(account)
  account.instances.setToken(only(found.instances).InstanceId ?? '', 'a'.repeat(64))
  await editSettings(account, (settings) => {
    delete settings.creations
  })
}

describeAccount('an address with the lab’s tags that is not the lab’s', (account) => {
  it('is not moved by up or released by destroy, whatever its tags are, and both name it', async () => {
    await run(account(), ['up', '--yes'])
    const { ec2 } = at(account())
    const ours = only((await lab(account())).addresses)
    const inUse = await strangers.association(at(account()), account())
    const idle = await strangers.address(at(account()), account())
    // As Tag Editor copies them: with the creation id, and the id of the allocation that they were copied from.
    const copied = await ec2.send(new AllocateAddressCommand({ Domain: 'vpc' }))
    const Tags = ours.Tags?.filter(({ Key }) => Key !== 'Name').map(({ Key, Value }) => ({ Key, Value }))
    await ec2.send(new CreateTagsCommand({ Resources: [copied.AllocationId ?? ''], Tags }))
    const before = [await inUse.state(), await idle.state()]

    const up = await run(account(), ['up', '--yes'])
    expect(up.code, up.stderr).toBe(0)
    const status = await run(account(), ['status', '--json'])
    expect(status.json().strangers).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'address', id: idle.ids[0] }),
        expect.objectContaining({ kind: 'address', id: inUse.ids[0] }),
        expect.objectContaining({ kind: 'address', id: copied.AllocationId }),
      ]) as never,
    )
    const policy = await run(account(), ['address', 'policy'])
    expect(policy.stdout).toContain(ours.AllocationId)
    const notOurs = await run(account(), [...confirmed, '--release-address', `${inUse.ids[1]}`])
    expect(notOurs.code).toBe(1)
    const ended = await run(account(), [...confirmed, '--release-address', ours.PublicIp ?? ''])
    expect(ended.code, ended.stderr).toBe(0)
    for (const id of [idle.ids[0], inUse.ids[0], copied.AllocationId]) {
      expect(up.stdout).toContain(id)
      expect(ended.stdout).toContain(id)
    }
    expect([await inUse.state(), await idle.state()]).toEqual(before)
    const { Addresses = [] } = await ec2.send(new DescribeAddressesCommand({}))
    const left = Addresses.map(({ AllocationId }) => AllocationId)
    expect(left).not.toContain(ours.AllocationId)
    expect(left).toHaveLength(3)
  })

  it('is not taken from an instance to which the lab’s own address was moved', async () => {
    await run(account(), ['up', '--yes'])
    const { ec2 } = at(account())
    const ours = only((await lab(account())).addresses)
    const other = await launch(ec2, 'web')
    await ec2.send(
      new AssociateAddressCommand({
        AllocationId: ours.AllocationId,
        InstanceId: other,
        AllowReassociation: true,
      }),
    )
    const isAtOther = async () => {
      expect(only((await lab(account())).addresses).InstanceId).toBe(other)
    }
    const status = await run(account(), ['status'])
    expect(status.code).toBe(2)
    expect(status.stdout).toContain(other)
    const up = await run(account(), ['up', '--yes'])
    expect(up.stderr).toContain(`in use by ${other}`)
    await isAtOther()
    const released = await run(account(), [...confirmed, '--release-address', ours.PublicIp ?? ''])
    expect(released.code).toBe(1)
    await isAtOther()
    const ended = await run(account(), confirmed)
    expect(ended.code, ended.stderr).toBe(0)
    await isAtOther()
  })
})

describeAccount('an instance with the lab’s tags that is not the lab’s', (account) => {
  it('is never terminated, opened or sent a command, although it is older than the lab’s', async () => {
    const { ec2 } = at(account())
    const db = await launch(ec2, 'prod-db')
    const up = await run(account(), ['up', '--yes'])
    expect(up.code, up.stderr).toBe(0)
    expect(up.stdout).toContain(db)
    const ours = only((await lab(account())).instances).InstanceId ?? ''
    account().forget()
    const opened = await run(account(), ['open', '--json'])
    expect(opened.json().url).toBe(`https://${only((await lab(account())).addresses).PublicIp}`)
    await run(account(), ['portainer', 'password'])
    const sent = account().calls.filter(({ action }) => action === 'SendCommand')
    expect(JSON.stringify(sent.map(({ params }) => params.InstanceIds))).toBe(JSON.stringify([[ours]]))

    const dry = await run(account(), ['destroy', '--dry-run', '--json'])
    expect(dry.json().going).not.toContain(db)
    const ended = await run(account(), [...confirmed, '--json'])
    expect(ended.json().strangers).toMatchObject([{ kind: 'instance', id: db, name: 'prod-db' }])
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [db] }))
    expect(Reservations?.[0]?.Instances?.[0]?.State?.Name).toBe('running')
    const again = await run(account(), confirmed)
    expect(again.stdout).toMatch(/nothing to destroy/i)
    expect(again.stdout).toContain(db)
  })

  it('stops every command where both agree: each is named, with the way out', async () => {
    await run(account(), ['up', '--yes'])
    const found = await lab(account())
    const ours = only(found.instances)
    const twin = await launch(at(account()).ec2, 'twin')
    account().instances.setToken(
      twin,
      launchToken(
        { name: 'default', region: 'us-east-1', account: account().id, partition: 'aws' },
        (found.spec as unknown as { generation: string }).generation,
        'something else',
      ),
    )
    account().forget()
    for (const args of [
      ['status'],
      ['up', '--yes'],
      confirmed,
      ['open'],
      ['user', 'list'],
      ['address', 'policy'],
    ]) {
      const { code, stderr } = await run(account(), args)
      expect(code, args.join(' ')).toBe(1)
      expect(stderr).toContain(ours.InstanceId)
      expect(stderr).toContain(`${twin} (t3.medium, launched `)
      expect(stderr).toContain('Name "twin"')
      expect(stderr).toContain(`aws ec2 delete-tags --region us-east-1 --resources ${twin}`)
    }
    expect(changes(account().calls)).toEqual([])
  })

  it('that an interrupted replacement left is named by every command, and ended by the next up', async () => {
    await run(account(), ['up', '--yes'])
    const old = await launch(at(account()).ec2, 'LibreChat')
    const where = { name: 'default', region: 'us-east-1', account: account().id, partition: 'aws' }
    account().instances.setToken(old, launchToken(where, '0123abcd', {}))
    await editSettings(account(), (settings) => {
      settings.previousGeneration = '0123abcd'
    })
    const opened = await run(account(), ['open'])
    expect(opened.stderr).toContain(old)
    expect(opened.stderr).toContain('librechat-lab up')
    const up = await run(account(), ['up', '--yes'])
    expect(up.code, up.stderr).toBe(0)
    expect(up.stderr + up.stdout).toContain(old)
    expect(only((await lab(account())).instances).InstanceId).not.toBe(old)
  })
})

describeAccount('a lab without a proof', (account) => {
  it('of version 0.1.0 is accepted once, and only by a flag of its own', async () => {
    await run(account(), ['up', '--yes'])
    await asMadeByVersion010(account())
    const InstanceId = only((await lab(account())).instances).InstanceId ?? ''
    await launch(at(account()).ec2, 'prod-db')
    expect(await run(account(), ['open'])).toMatchObject({ code: 0 })
    account().forget()
    const refused = await run(account(), ['up', '--yes'])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain(InstanceId)
    expect(refused.stderr).toContain('librechat-lab up --yes --adopt')
    expect(changes(account().calls)).toEqual([])
    const plan = await run(account(), ['up', '--dry-run'])
    expect(plan.stdout).toContain(`accepted as the lab’s: none → ${InstanceId}`)
    expect(await run(account(), ['up', '--yes', '--adopt'])).toMatchObject({ code: 0 })
    const again = await run(account(), ['up', '--yes'])
    expect(again.stdout).toMatch(/no changes/i)
    expect(
      only((await lab(account())).instances.filter((one) => one.InstanceId === InstanceId)),
    ).toBeDefined()
  })

  it('whose settings are lost is accepted in the same way, and destroy lists it before it is deleted', async () => {
    await run(account(), ['up', '--yes'])
    await at(account()).ssm.send(new DeleteParameterCommand({ Name: parameter }))
    const found = await lab(account())
    expect((await run(account(), ['up', '--yes'])).code).toBe(1)
    const dry = await run(account(), ['destroy', '--dry-run'])
    for (const id of [
      only(found.instances).InstanceId,
      only(found.volumes).VolumeId,
      only(found.groups).GroupId,
      only(found.addresses).AllocationId,
    ]) {
      expect(dry.stdout).toContain(id)
    }
    const ended = await run(account(), confirmed)
    expect(ended.code, ended.stderr).toBe(0)
    expect((await lab(account())).instances).toEqual([])
  })
})

describeAccount('what goes with a lab', (account) => {
  it('is only its root volume: destroy deletes it even if it was set to stay, and keeps other volumes with the tags', async () => {
    await run(account(), ['up', '--yes'])
    const { ec2 } = at(account())
    const host = only((await lab(account())).instances)
    const root = only((await lab(account())).volumes).VolumeId ?? ''
    await ec2.send(
      new ModifyInstanceAttributeCommand({
        InstanceId: host.InstanceId,
        BlockDeviceMappings: [{ DeviceName: host.RootDeviceName, Ebs: { DeleteOnTermination: false } }],
      }),
    )
    const other = await strangersVolume(at(account()))
    const ended = await run(account(), [...confirmed])
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stdout).toContain(`aws ec2 delete-volume --region us-east-1 --volume-id ${other.ids[0]}`)
    const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({}))
    const left = Volumes.map(({ VolumeId }) => VolumeId)
    expect(left).toContain(other.ids[0])
    expect(left).not.toContain(root)
  })

  it('has its stop and termination protection lifted before anything is removed', async () => {
    await run(account(), ['up', '--yes'])
    const InstanceId = only((await lab(account())).instances).InstanceId ?? ''
    await at(account()).ec2.send(
      new ModifyInstanceAttributeCommand({ InstanceId, DisableApiStop: { Value: true } }),
    )
    const dry = await run(account(), ['destroy', '--dry-run'])
    expect(dry.stdout).toMatch(/stop protection/)
    account().permissions.deny('ec2:ModifyInstanceAttribute')
    account().forget()
    const refused = await run(account(), confirmed)
    expect(refused.code).toBe(2)
    const done = changes(account().calls.filter(({ error }) => !error)).filter(
      (call) => !call.startsWith('ssm:'),
    )
    expect(done).toEqual([])
  })

  it('is not a security group that another instance uses: it stays, with a message', async () => {
    await run(account(), ['up', '--yes'])
    const { ec2 } = at(account())
    const group = only((await lab(account())).groups).GroupId ?? ''
    const other = await launch(ec2, 'web', [group])
    const dry = await run(account(), ['destroy', '--dry-run'])
    expect(dry.stdout).toMatch(new RegExp(`${group}\\)\\s+kept: in use by .*${other}`))
    const ended = await run(account(), confirmed)
    expect(ended.code, ended.stderr).toBe(2)
    expect(ended.stdout).toContain(group)
    expect(only((await lab(account())).groups).GroupId).toBe(group)
    expect(tagsOf(only((await lab(account())).groups).Tags)).toMatchObject(tagsOf(claim))
  })
})
