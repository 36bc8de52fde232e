import { CreateSecurityGroupCommand } from '@aws-sdk/client-ec2'
import { CreateInstanceProfileCommand, CreateRoleCommand } from '@aws-sdk/client-iam'
import { PutParameterCommand } from '@aws-sdk/client-ssm'
import { expect, it } from 'vitest'
import type { Account } from '../support/account.js'
import { run } from '../support/cli.js'
import { inventory } from '../support/inventory.js'
import { lab, only, tagsOf } from '../support/lab.js'
import { describeAccount } from '../support/suite.js'
import { changes } from '../support/tally.js'

const both = ['us-east-1', 'eu-central-1']
const elsewhere = ['--region', 'eu-central-1']

/** Such as a lab of ours would have: it is the missing tags that make it a stranger's. */
const settings = JSON.stringify({
  version: 1,
  generation: '01234567',
  instanceType: 't3.medium',
  diskGb: 30,
  allow: { from: 'detected', cidrs: ['81.2.69.160/32'], everyone: false },
  openPort80: false,
  userData: false,
  models: [],
  profileArns: [],
})

describeAccount(
  'several labs in one account',
  (account) => {
    it('lets two of different names live side by side, and destroys one without touching the other', async () => {
      await run(account(), ['up', '--yes'])
      const first = await inventory(account(), both)
      await run(account(), ['up', '--yes', '--name', 'team-a'])
      const team = await lab(account(), { name: 'team-a' })
      expect(only(team.groups).GroupName).toBe('LibreChatSecurityGroup-team-a')
      expect(team.role?.RoleName).toBe('LibreChatInstanceRole-team-a')
      const address = only(team.addresses).PublicIp ?? ''
      const destroy = ['destroy', '--name', 'team-a', '--confirm', 'team-a', '--release-address', address]
      expect(await run(account(), destroy)).toMatchObject({ code: 0 })
      expect(await inventory(account(), both)).toEqual(first)
    })

    it('lets two live in two regions', async () => {
      await run(account(), ['up', '--yes'])
      const first = await inventory(account(), both)
      expect(await run(account(), ['up', '--yes', '--name', 'eu', ...elsewhere])).toMatchObject({ code: 0 })
      const eu = await lab(account(), { name: 'eu', region: 'eu-central-1' })
      expect(tagsOf(eu.role?.Tags)).toMatchObject({ 'librechat-lab:region': 'eu-central-1' })
      const address = only(eu.addresses).PublicIp ?? ''
      const destroy = [
        'destroy',
        '--name',
        'eu',
        '--confirm',
        'eu',
        ...elsewhere,
        '--release-address',
        address,
      ]
      expect(await run(account(), destroy)).toMatchObject({ code: 0 })
      expect(await inventory(account(), both)).toEqual(first)
    })

    it('refuses the same name in a second region before anything changes', async () => {
      await run(account(), ['up', '--yes'])
      account().forget()
      const up = await run(account(), ['up', '--yes', ...elsewhere])
      expect(up.code).toBe(1)
      expect(up.stderr).toMatch(/us-east-1/)
      expect(up.stderr).toMatch(/--name/)
      const destroy = await run(account(), ['destroy', '--confirm', 'default', ...elsewhere])
      expect(destroy.stdout).toMatch(/nothing to destroy/i)
      expect(destroy.stdout).toMatch('It is in us-east-1: librechat-lab destroy --region us-east-1')
      expect(changes(account().calls)).toEqual([])
      expect(await lab(account())).toMatchObject({ instances: [{}], groups: [{}], addresses: [{}], role: {} })
    })

    const strangers: [string, (account: Account) => Promise<unknown>][] = [
      [
        'role LibreChatInstanceRole',
        (one) => {
          const Statement = [
            { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
          ]
          const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement })
          const role = { RoleName: 'LibreChatInstanceRole', AssumeRolePolicyDocument }
          return one.at('us-east-1').iam.send(new CreateRoleCommand(role))
        },
      ],
      [
        'instance profile LibreChatInstanceRole',
        (one) => {
          const profile = { InstanceProfileName: 'LibreChatInstanceRole' }
          return one.at('us-east-1').iam.send(new CreateInstanceProfileCommand(profile))
        },
      ],
      [
        'security group LibreChatSecurityGroup',
        (one) => {
          const group = { GroupName: 'LibreChatSecurityGroup', Description: 'somebody else’s' }
          return one.at('us-east-1').ec2.send(new CreateSecurityGroupCommand(group))
        },
      ],
      [
        'settings /librechat-lab/default/spec',
        (one) => {
          const parameter = { Name: '/librechat-lab/default/spec', Value: settings, Type: 'String' as const }
          return one.at('us-east-1').ssm.send(new PutParameterCommand(parameter))
        },
      ],
    ]

    it.each(strangers)(
      'stops before the first change at a stranger’s %s, with the two ways on',
      async (what, make) => {
        await make(account())
        const before = await inventory(account(), both)
        account().forget()
        const up = await run(account(), ['up', '--yes'])
        expect(up.code).toBe(1)
        expect(up.stderr).toContain(what.split(' ').pop())
        expect(up.stderr).toMatch(/--name my-lab/)
        expect(up.stderr).toMatch(/--adopt/)
        const destroy = await run(account(), ['destroy', '--confirm', 'default'])
        expect(destroy.stdout).toMatch(/nothing to destroy/i)
        expect(changes(account().calls)).toEqual([])
        expect(await inventory(account(), both)).toEqual(before)
      },
    )

    it('takes a stranger’s over with --adopt, and puts our tags on it', async () => {
      for (const [what, make] of strangers) if (!what.startsWith('settings')) await make(account())
      expect(await run(account(), ['up', '--yes', '--adopt'])).toMatchObject({ code: 0 })
      const found = await lab(account())
      for (const tags of [found.role?.Tags, found.profile?.Tags, only(found.groups).Tags]) {
        expect(tagsOf(tags)).toMatchObject({
          'librechat-lab:name': 'default',
          'librechat-lab:region': 'us-east-1',
        })
      }
      expect(found.role?.attached).toHaveLength(1)
    })

    it('does not adopt what belongs to another lab', async () => {
      await run(account(), ['up', '--yes', '--name', 'team-a'])
      account().forget()
      const stolen = await run(account(), ['up', '--yes', '--name', 'team-a', '--adopt', ...elsewhere])
      expect(stolen.code).toBe(1)
      expect(changes(account().calls)).toEqual([])
    })
  },
  { regions: both },
)
