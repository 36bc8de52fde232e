import {
  AssociateIamInstanceProfileCommand,
  AttachVolumeCommand,
  CreateVolumeCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  DisassociateIamInstanceProfileCommand,
  ModifyInstanceAttributeCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  RemoveRoleFromInstanceProfileCommand,
  UntagInstanceProfileCommand,
  UntagRoleCommand,
} from '@aws-sdk/client-iam'
import { CreateScheduleGroupCommand, DeleteScheduleGroupCommand } from '@aws-sdk/client-scheduler'
import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm'
import { expect, it } from 'vitest'
import type { Account } from '../support/account.js'
import { type Ended, run } from '../support/cli.js'
import { lab, only, tagsOf } from '../support/lab.js'
import { claim, launch, strangers } from '../support/strangers.js'
import { describeAccount } from '../support/suite.js'
import { changes } from '../support/tally.js'

const at = (account: Account) => account.at('us-east-1')
const confirmed = ['destroy', '--confirm', 'default']
const parameter = '/librechat-lab/default/spec'
const few = { models: 3 }
const trust = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
})

async function editSettings(account: Account, edit: (settings: Record<string, unknown>) => void) {
  const { ssm } = at(account)
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: parameter }))
  const settings = JSON.parse(Parameter?.Value ?? '')
  edit(settings)
  const Value = JSON.stringify(settings)
  await ssm.send(new PutParameterCommand({ Name: parameter, Value, Type: 'String', Overwrite: true }))
}
const associationsOf = async (ec2: ReturnType<typeof at>['ec2'], InstanceId: string) => {
  const Filters = [{ Name: 'instance-id', Values: [InstanceId] }]
  const { IamInstanceProfileAssociations = [] } = await ec2.send(
    new DescribeIamInstanceProfileAssociationsCommand({ Filters }),
  )
  return IamInstanceProfileAssociations.map(({ AssociationId }) => AssociationId)
}
const succeeds = async (ending: Promise<Ended>) => {
  const ended = await ending
  expect(ended.code, ended.stderr).toBe(0)
  return ended
}

describeAccount(
  'what is not proven',
  (account) => {
    it('is an idle address with the lab’s tags: a second destroy does not release it', async () => {
      await succeeds(run(account(), ['up', '--yes']))
      const idle = await strangers.address(at(account()), account())
      const ours = only((await lab(account())).addresses).PublicIp ?? ''
      await succeeds(run(account(), [...confirmed, '--release-address', ours]))
      const before = await idle.state()
      const again = await run(account(), confirmed)
      expect(again.stdout).toContain(idle.ids[0])
      expect(again.stdout).not.toContain('--release-address')
      const status = await run(account(), ['status'])
      expect(status.code).toBe(3)
      expect(status.stderr).toContain(idle.ids[0])
      expect(await idle.state()).toEqual(before)
    })

    it('is a second volume of the instance: it stays, although it was to go with the instance', async () => {
      await succeeds(run(account(), ['up', '--yes']))
      const { ec2 } = at(account())
      const host = only((await lab(account())).instances)
      const InstanceId = host.InstanceId ?? ''
      const AvailabilityZone = host.Placement?.AvailabilityZone ?? ''
      const { VolumeId = '' } = await ec2.send(new CreateVolumeCommand({ AvailabilityZone, Size: 100 }))
      await ec2.send(new AttachVolumeCommand({ VolumeId, InstanceId, Device: '/dev/sdf' }))
      await ec2.send(
        new ModifyInstanceAttributeCommand({
          InstanceId,
          BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: { DeleteOnTermination: true } }],
        }),
      )
      await succeeds(run(account(), confirmed))
      const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({}))
      expect(Volumes.map((one) => one.VolumeId)).toContain(VolumeId)
    })

    it('is an instance with the lab’s profile: destroy names it and leaves it its role', async () => {
      await succeeds(run(account(), ['up', '--yes']))
      const { ec2, iam } = at(account())
      const InstanceId = await launch(ec2, 'borrower')
      const Name = 'LibreChatInstanceRole'
      await ec2.send(new AssociateIamInstanceProfileCommand({ InstanceId, IamInstanceProfile: { Name } }))
      const other = 'a-profile-of-others'
      await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: other }))
      await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName: other, RoleName: Name }))
      const before = (await lab(account())).role
      const plan = await succeeds(run(account(), ['destroy', '--dry-run', '--json']))
      expect(plan.json<{ kept: unknown[] }>().kept).toEqual(
        expect.arrayContaining([
          { text: `instance profile ${Name}`, why: `in use by ${InstanceId}` },
          { text: `role ${Name}`, why: `in use by ${InstanceId}, the instance profile ${other}` },
        ]),
      )
      const ended = await run(account(), confirmed)
      expect(ended.code).toBe(2)
      expect(ended.stdout).toContain(`instance profile ${Name}`)
      const after = await lab(account())
      expect(after.role).toEqual(before)
      expect(after.profile?.Roles?.map(({ RoleName }) => RoleName)).toEqual([Name])
      expect(after.instances).toEqual([])
      // Once nobody uses them, the same command finishes, because the settings that prove them were kept.
      const [stranger] = await associationsOf(ec2, InstanceId)
      await ec2.send(new DisassociateIamInstanceProfileCommand({ AssociationId: stranger }))
      await iam.send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName: other, RoleName: Name }))
      await succeeds(run(account(), confirmed))
      expect(await lab(account())).toMatchObject({ role: undefined, profile: undefined, spec: undefined })
    })

    it('is a role or a profile of the lab’s name that it did not create: up stops, status and destroy leave it', async () => {
      const { iam } = at(account())
      const names = { RoleName: 'LibreChatInstanceRole', InstanceProfileName: 'LibreChatInstanceRole' }
      await iam.send(new CreateRoleCommand({ ...names, AssumeRolePolicyDocument: trust, Tags: claim }))
      await iam.send(new CreateInstanceProfileCommand({ ...names, Tags: claim }))
      account().forget()
      const up = await run(account(), ['up', '--yes'])
      expect(up.code).toBe(1)
      expect(up.stderr).toMatch(/not proven to be this lab's[\s\S]*--adopt/)
      expect((await run(account(), ['status'])).code).toBe(3)
      const gone = await succeeds(run(account(), [...confirmed, '--json']))
      expect(
        gone
          .json<{ strangers: { kind: string }[] }>()
          .strangers.map(({ kind }) => kind)
          .sort(),
      ).toEqual(['profile', 'role'])
      expect(changes(account().calls)).toEqual([])
      const adopted = await succeeds(run(account(), ['up', '--yes', '--adopt']))
      expect(adopted.stdout + adopted.stderr).toContain('ownership')
      await succeeds(run(account(), confirmed))
      expect(await lab(account())).toMatchObject({ role: undefined, profile: undefined })
    })

    it('is a role or a group of the schedule’s name that it did not create: set stops, off and destroy leave it', async () => {
      await succeeds(run(account(), ['up', '--yes']))
      const { iam, scheduler } = at(account())
      const [RoleName, Name] = ['LibreChatScheduleRole', 'LibreChat']
      await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust, Tags: claim }))
      await scheduler.send(new CreateScheduleGroupCommand({ Name, Tags: claim }))
      account().forget()
      const set = ['schedule', 'set', '--start', '08:00', '--stop', '20:00', '--timezone', 'UTC']
      const refused = await run(account(), set)
      expect(refused.code).toBe(1)
      expect(refused.stderr).toMatch(/not proven to be this lab's[\s\S]*--adopt/)
      const off = await succeeds(run(account(), ['schedule', 'off']))
      expect(off.stderr).toMatch(/not the creation id/)
      const gone = await succeeds(run(account(), [...confirmed, '--json']))
      const { strangers: left } = gone.json<{ strangers: { kind: string }[] }>()
      expect(left.map(({ kind }) => kind).sort()).toEqual(['role', 'schedule-group'])
      const aimed = account().calls.filter(
        ({ changing, params, action }) =>
          changing && (params.RoleName === RoleName || action.includes('/schedule-groups/')),
      )
      expect(aimed.map(({ action }) => action)).toEqual([])
      await iam.send(new DeleteRoleCommand({ RoleName }))
      await scheduler.send(new DeleteScheduleGroupCommand({ Name }))
    })

    it('is no role that an older version made: up gives it an id, and it is proven without its instance', async () => {
      await succeeds(run(account(), ['up', '--yes']))
      const { iam, ec2 } = at(account())
      const TagKeys = ['librechat-lab:creation']
      const Name = 'LibreChatInstanceRole'
      await iam.send(new UntagRoleCommand({ RoleName: Name, TagKeys }))
      await iam.send(new UntagInstanceProfileCommand({ InstanceProfileName: Name, TagKeys }))
      await editSettings(account(), (settings) => {
        const { role: _, profile: __, ...creations } = settings.creations as Record<string, string>
        settings.creations = creations
      })
      const upgraded = await succeeds(run(account(), ['up', '--yes']))
      expect(upgraded.stderr).toMatch(/creation id/)
      const { role, profile, instances } = await lab(account())
      const { creations } = (await lab(account())).spec as unknown as { creations: Record<string, string> }
      expect(tagsOf(role?.Tags)[TagKeys[0] ?? '']).toBe(creations.role)
      expect(tagsOf(profile?.Tags)[TagKeys[0] ?? '']).toBe(creations.profile)
      const InstanceId = only(instances).InstanceId ?? ''
      await ec2.send(
        new ModifyInstanceAttributeCommand({ InstanceId, DisableApiTermination: { Value: false } }),
      )
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] }))
      const ended = await succeeds(run(account(), confirmed))
      expect(ended.stdout).not.toMatch(/Left alone/)
      expect(await lab(account())).toMatchObject({ role: undefined, profile: undefined })
    })

    it('is a copy of the instance that the settings name as accepted', async () => {
      await succeeds(run(account(), ['up', '--yes']))
      const { ec2 } = at(account())
      const group = only((await lab(account())).groups).GroupId ?? ''
      const ours = only((await lab(account())).instances).InstanceId ?? ''
      // "Launch more like this" copies tags and groups.
      const twin = await launch(ec2, 'twin', [group])
      await editSettings(account(), (settings) => {
        settings.generation = 'ffffffff'
        settings.adopted = { instanceId: twin }
      })
      account().forget()
      await run(account(), ['portainer', 'password'])
      await run(account(), ['up', '--yes'])
      await run(account(), confirmed)
      const aimed = account().calls.filter(
        ({ changing, action, params }) =>
          (changing || action === 'SendCommand') && JSON.stringify(params).includes(twin),
      )
      expect(aimed.map(({ action }) => action)).toEqual([])
      const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [twin] }))
      expect(Reservations?.[0]?.Instances?.[0]?.State?.Name).toBe('running')
      expect(ours).not.toBe(twin)
    })
  },
  few,
)

describeAccount(
  'settings that someone else wrote',
  (account) => {
    it('put no address into status that the host does not serve', async () => {
      await succeeds(run(account(), ['up', '--yes']))
      const address = only((await lab(account())).addresses).PublicIp ?? ''
      await editSettings(account(), (settings) =>
        Object.assign(settings, { domain: 'evil.example', openPort80: true }),
      )
      const status = await run(account(), ['status'])
      expect(status.stdout).not.toContain('https://evil.example')
      expect(status.stdout).toContain(`https://${address}`)
    })

    it('do not say who is let in: the rules do', async () => {
      await succeeds(run(account(), ['up', '--yes']))
      await editSettings(account(), (settings) => {
        settings.allow = { from: 'given', cidrs: ['6.6.0.0/16'], everyone: false }
      })
      const status = await run(account(), ['status', '--json'])
      expect(status.json()).toMatchObject({ here: { allowed: true } })
    })

    it('that appear while a new instance is launched are not overwritten', async () => {
      await succeeds(run(account(), ['up', '--yes']))
      const { ec2 } = at(account())
      const InstanceId = only((await lab(account())).instances).InstanceId ?? ''
      await ec2.send(
        new ModifyInstanceAttributeCommand({ InstanceId, DisableApiTermination: { Value: false } }),
      )
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] }))
      account().gateway.faults.add({
        action: 'RunInstances',
        effect: {
          kind: 'run',
          when: 'before',
          act: () =>
            editSettings(account(), (settings) => {
              settings.tags = { Owner: 'ana' }
            }),
        },
      })
      const up = await run(account(), ['up', '--yes'])
      expect(up.stderr).toMatch(/Another run changed the settings/)
      expect((await lab(account())).spec).toMatchObject({ tags: { Owner: 'ana' } })
      await succeeds(run(account(), ['up', '--yes']))
    })

    it('do not count as the ones that were read when the lab was created again meanwhile', async () => {
      await succeeds(run(account(), ['up', '--yes', '--allow-cidr', '81.2.70.0/24']))
      let theirs: Ended[] = []
      account().gateway.faults.add({
        where: ({ action, params }) => action === 'PutParameter' && String(params.Name).endsWith('/lock'),
        effect: {
          kind: 'run',
          when: 'before',
          act: async () => {
            theirs = [
              await run(account(), confirmed),
              await run(account(), ['up', '--yes', '--allow-cidr', '81.2.71.0/24']),
            ]
          },
        },
      })
      const mine = await run(account(), ['up', '--yes', '--disk', '40'])
      expect(theirs.map(({ code }) => code)).toEqual([0, 0])
      const { spec } = await lab(account())
      expect(spec, mine.stderr + mine.stdout).toMatchObject({ allow: { cidrs: ['81.2.71.0/24'] } })
      const status = await run(account(), ['status', '--json'])
      expect(status.json<{ strangers: unknown[] }>().strangers).toEqual([])
    })
  },
  few,
)

describeAccount(
  'a destroy',
  (account) => {
    it('looks again under the lock: what another run replaced while it waited at its question is not half removed', async () => {
      await succeeds(run(account(), ['up', '--yes']))
      const id = only((await lab(account())).instances).InstanceId ?? ''
      let theirs: Ended | undefined
      account().gateway.faults.add({
        where: ({ action, params }) => action === 'PutParameter' && String(params.Name).endsWith('/lock'),
        effect: {
          kind: 'run',
          when: 'before',
          act: async () => {
            theirs = await run(account(), ['up', '--yes', '--replace-instance', id, '--discard-data'])
          },
        },
      })
      const ended = await run(account(), confirmed)
      expect(theirs?.code, theirs?.stderr).toBe(0)
      expect(ended.code).toBe(1)
      expect(ended.stderr).toMatch(/changed while this run waited/)
      const found = await lab(account())
      expect(found.role).toBeDefined()
      only(found.instances)
    })
  },
  few,
)

describeAccount(
  'doctor and leftovers',
  (account) => {
    it('doctor does not call a stranger’s address the lab’s', async () => {
      const idle = await strangers.association(at(account()), account())
      const before = await run(account(), ['doctor'])
      expect(before.stdout + before.stderr).not.toContain(`${idle.ids[1]} is the lab's`)
    })

    it('up removes a secret that an older run left', async () => {
      await succeeds(run(account(), ['up', '--yes']))
      const Name = '/librechat-lab/default/secret/0123'
      await at(account()).ssm.send(new PutParameterCommand({ Name, Value: 'x', Type: 'SecureString' }))
      const up = await succeeds(run(account(), ['up', '--yes']))
      expect(up.stdout + up.stderr).toContain(Name)
      await expect(at(account()).ssm.send(new GetParameterCommand({ Name }))).rejects.toMatchObject({
        name: 'ParameterNotFound',
      })
      const status = await run(account(), ['status', '--json'])
      expect(status.json()).toMatchObject({ exitCode: 0 })
    })
  },
  few,
)
