import {
  AttachVolumeCommand,
  CreateVolumeCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  ModifyInstanceAttributeCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm'
import { expect, it } from 'vitest'
import type { Account } from '../support/account.js'
import { type Ended, run } from '../support/cli.js'
import { lab, only } from '../support/lab.js'
import { launch, strangers } from '../support/strangers.js'
import { describeAccount } from '../support/suite.js'

const at = (account: Account) => account.at('us-east-1')
const confirmed = ['destroy', '--confirm', 'default']
const parameter = '/librechat-lab/default/spec'
const few = { models: 3 }

async function editSettings(account: Account, edit: (settings: Record<string, unknown>) => void) {
  const { ssm } = at(account)
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: parameter }))
  const settings = JSON.parse(Parameter?.Value ?? '')
  edit(settings)
  const Value = JSON.stringify(settings)
  await ssm.send(new PutParameterCommand({ Name: parameter, Value, Type: 'String', Overwrite: true }))
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
  'settings of somebody else',
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
