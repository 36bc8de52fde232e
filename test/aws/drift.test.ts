import {
  AuthorizeSecurityGroupIngressCommand,
  DeleteTagsCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DisassociateAddressCommand,
  DisassociateIamInstanceProfileCommand,
  ModifyInstanceAttributeCommand,
  ModifyInstanceMetadataOptionsCommand,
  ModifyVolumeCommand,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2'
import {
  AttachRolePolicyCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Account, openAccount } from '../support/account.js'
import { run } from '../support/cli.js'
import { type Found, inbound, lab, only, tagsOf } from '../support/lab.js'
import { describeAws } from '../support/moto.js'
import { describeAccount } from '../support/suite.js'
import { changes } from '../support/tally.js'

interface Drift {
  what: string
  /** Somebody changes it by hand. */
  happens: (account: Account, found: Found) => Promise<unknown>
  /** What status and the plan say of it. */
  shows: RegExp
  /** What status exits with, where it is not 2. */
  exits?: number
  /** What moto shows when it is repaired. */
  repaired: (found: Found) => void
}

const group = (found: Found) => only(found.groups).GroupId
const instance = (found: Found) => only(found.instances).InstanceId ?? ''
const RoleName = 'LibreChatInstanceRole'
const at = (account: Account) => account.at('us-east-1')
const open = (port: number, to: object) => ({ IpProtocol: 'tcp', FromPort: port, ToPort: port, ...to })

const drifts: Drift[] = [
  {
    what: 'another address was let in instead of yours',
    happens: async (account, found) => {
      const { ec2 } = at(account)
      const GroupId = group(found)
      const yours = only(only(found.groups).IpPermissions?.filter(({ FromPort }) => FromPort === 443))
      await ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId, IpPermissions: [yours] }))
      const IpPermissions = [open(443, { IpRanges: [{ CidrIp: '81.2.99.9/32' }] })]
      return ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions }))
    },
    shows: /443: (is )?open to 81\.2\.99\.9\/32/,
    repaired: (found) => {
      const rules = ['443', '80', '9443'].map((port) => `tcp ${port} 81.2.69.160/32`)
      expect(inbound(only(found.groups))).toEqual(rules)
    },
  },
  {
    what: 'your own address has changed',
    happens: async (account) => {
      account.gateway.publicIp = '81.2.69.161'
    },
    // The lab is as it was chosen; it is the user who has moved.
    exits: 0,
    shows: /81\.2\.69\.161/,
    repaired: (found) => {
      const rules = ['443', '80', '9443'].map((port) => `tcp ${port} 81.2.69.161/32`)
      expect(inbound(only(found.groups))).toEqual(rules)
    },
  },
  {
    what: 'port 22 was opened by hand',
    happens: (account, found) => {
      const IpPermissions = [open(22, { IpRanges: [{ CidrIp: '0.0.0.0/0' }] })]
      return at(account).ec2.send(
        new AuthorizeSecurityGroupIngressCommand({ GroupId: group(found), IpPermissions }),
      )
    },
    shows: /22: (is )?open to 0\.0\.0\.0\/0/,
    repaired: (found) => expect(inbound(only(found.groups)).join()).not.toMatch(/ 22 /),
  },
  {
    what: 'a port was opened over IPv6',
    happens: (account, found) => {
      const IpPermissions = [open(443, { Ipv6Ranges: [{ CidrIpv6: '::/0' }] })]
      return at(account).ec2.send(
        new AuthorizeSecurityGroupIngressCommand({ GroupId: group(found), IpPermissions }),
      )
    },
    shows: /443: (is )?open to ::\/0/,
    repaired: (found) => expect(inbound(only(found.groups)).join()).not.toMatch(/::/),
  },
  {
    what: 'the way out was closed',
    happens: (account, found) => {
      const IpPermissions = [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }]
      return at(account).ec2.send(
        new RevokeSecurityGroupEgressCommand({ GroupId: group(found), IpPermissions }),
      )
    },
    shows: /outgoing/,
    repaired: (found) =>
      expect(only(found.groups).IpPermissionsEgress).toMatchObject([
        { IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] },
      ]),
  },
  {
    what: 'the instance profile was detached',
    happens: async (account, found) => {
      const { ec2 } = at(account)
      const Filters = [{ Name: 'instance-id', Values: [instance(found)] }]
      const all = await ec2.send(new DescribeIamInstanceProfileAssociationsCommand({ Filters }))
      const AssociationId = only(all.IamInstanceProfileAssociations).AssociationId
      return ec2.send(new DisassociateIamInstanceProfileCommand({ AssociationId }))
    },
    shows: /instance profile.*detached/,
    repaired: (found) => expect(only(found.instances).profileArn).toBe(found.profile?.Arn),
  },
  {
    what: 'IMDSv1 was switched on',
    happens: (account, found) =>
      at(account).ec2.send(
        new ModifyInstanceMetadataOptionsCommand({
          InstanceId: instance(found),
          HttpTokens: 'optional',
          HttpPutResponseHopLimit: 5,
          HttpEndpoint: 'enabled',
        }),
      ),
    shows: /IMDSv2.*optional/,
    repaired: (found) =>
      expect(only(found.instances).MetadataOptions).toMatchObject({
        HttpTokens: 'required',
        HttpPutResponseHopLimit: 2,
      }),
  },
  {
    what: 'termination protection was lifted',
    happens: (account, found) =>
      at(account).ec2.send(
        new ModifyInstanceAttributeCommand({
          InstanceId: instance(found),
          DisableApiTermination: { Value: false },
        }),
      ),
    shows: /termination protection/,
    repaired: (found) => expect(only(found.instances).protectedFromTermination).toBe(true),
  },
  {
    what: 'the instance was stopped',
    happens: (account, found) =>
      at(account).ec2.send(new StopInstancesCommand({ InstanceIds: [instance(found)] })),
    shows: /stopped/,
    repaired: (found) => expect(only(found.instances).State?.Name).toBe('running'),
  },
  {
    what: 'the disk was given other IOPS',
    happens: (account, found) =>
      at(account).ec2.send(new ModifyVolumeCommand({ VolumeId: only(found.volumes).VolumeId, Iops: 4000 })),
    shows: /IOPS.*4000/,
    repaired: (found) => expect(only(found.volumes).Iops).toBe(3000),
  },
  {
    what: 'the managed policy was detached from the role',
    happens: (account) =>
      at(account).iam.send(
        new DetachRolePolicyCommand({
          RoleName,
          PolicyArn: 'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore',
        }),
      ),
    shows: /managed policy.*detached/,
    repaired: (found) => expect(found.role?.attached).toHaveLength(1),
  },
  {
    what: 'the Bedrock policy was widened',
    happens: (account) => {
      const Statement = [{ Effect: 'Allow', Action: '*', Resource: '*' }]
      const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement })
      return at(account).iam.send(
        new PutRolePolicyCommand({ RoleName, PolicyName: 'LibreChatBedrock', PolicyDocument }),
      )
    },
    shows: /LibreChatBedrock.*changed/,
    repaired: (found) => expect(JSON.stringify(found.role?.inline)).not.toMatch(/"Action":"\*"/),
  },
  {
    what: 'the Bedrock policy was deleted',
    happens: (account) =>
      at(account).iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: 'LibreChatBedrock' })),
    shows: /LibreChatBedrock.*missing/,
    repaired: (found) => expect(JSON.stringify(found.role?.inline)).toMatch(/bedrock:InvokeModel/),
  },
  {
    what: 'somebody else may assume the role',
    happens: (account) => {
      const Statement = [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }]
      const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement })
      return at(account).iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }))
    },
    shows: /assume/,
    repaired: (found) =>
      expect(decodeURIComponent(found.role?.AssumeRolePolicyDocument ?? '')).toMatch(/"ec2\.amazonaws\.com"/),
  },
  {
    what: 'the address was taken off the instance',
    happens: (account, found) =>
      at(account).ec2.send(
        new DisassociateAddressCommand({ AssociationId: only(found.addresses).AssociationId }),
      ),
    shows: /association/,
    repaired: (found) => expect(only(found.addresses).InstanceId).toBe(instance(found)),
  },
  {
    what: 'the protecting tag was removed from the address',
    happens: (account, found) =>
      at(account).ec2.send(
        new DeleteTagsCommand({
          Resources: [only(found.addresses).AllocationId ?? ''],
          Tags: [{ Key: 'librechat-lab:protected' }],
        }),
      ),
    shows: /protect/,
    repaired: (found) =>
      expect(tagsOf(only(found.addresses).Tags)).toMatchObject({ 'librechat-lab:protected': 'true' }),
  },
  {
    what: 'the address was offered to another account',
    happens: async (account, found) =>
      account.addresses.offer(only(found.addresses).AllocationId ?? '', '210987654321'),
    shows: /210987654321/,
    repaired: () => {},
  },
]

describeAws('a lab that was changed by hand', (moto) => {
  // One lab for all of them, each repaired before the next: a lab of its own for each would take minutes.
  let account: Account
  beforeAll(async () => {
    account = await openAccount(moto())
    expect(await run(account, ['up', '--yes'])).toMatchObject({ code: 0 })
  })
  afterAll(() => account.close())

  it.each(drifts)('$what: status shows it, the plan shows it, up repairs it', async (drift) => {
    const before = await lab(account)
    await drift.happens(account, before)

    account.forget()
    const [status, plan] = await Promise.all([run(account, ['status']), run(account, ['up', '--dry-run'])])
    expect(status.code, status.stdout + status.stderr).toBe(drift.exits ?? 2)
    expect(status.stdout).toMatch(drift.shows)
    expect(plan.stdout + plan.stderr).toMatch(drift.shows)
    expect(changes(account.calls)).toEqual([])

    const up = await run(account, ['up', '--yes'])
    expect(up.code, up.stdout + up.stderr).toBe(0)
    const after = await lab(account)
    drift.repaired(after)
    expect(instance(after)).toBe(instance(before))
    expect(account.addresses.offered(only(after.addresses).AllocationId ?? '')).toBeUndefined()
  })

  it('is as it should be afterwards: no changes', async () => {
    account.forget()
    const again = await run(account, ['up', '--yes'])
    expect(again.stdout + again.stderr).toMatch(/no changes/i)
    expect(changes(account.calls)).toEqual([])
  })
})

describeAccount('a role that was given more', (account) => {
  it('is shown by status and by the plan, and up removes what is not the lab’s', async () => {
    await run(account(), ['up', '--yes'])
    const PolicyArn = 'arn:aws:iam::aws:policy/AdministratorAccess'
    const { iam } = at(account())
    await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }))
    const PolicyDocument = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
    })
    await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'Everything', PolicyDocument }))
    const status = await run(account(), ['status'])
    expect(status.code).toBe(2)
    const planned = await run(account(), ['up', '--dry-run'])
    for (const { stdout, stderr } of [status, planned]) {
      expect(stdout + stderr).toMatch(/foreign managed policy: .*AdministratorAccess/)
      expect(stdout + stderr).toMatch(/foreign inline policy: .*Everything/)
    }
    expect(await run(account(), ['up', '--yes'])).toMatchObject({ code: 0 })
    const { role } = await lab(account())
    expect(role?.attached).toEqual(['arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore'])
    expect(Object.keys(role?.inline ?? {})).toEqual(['LibreChatBedrock'])
    expect(await run(account(), ['status'])).toMatchObject({ code: 0 })
  })
})

describeAccount('a lab that is to be another', (account) => {
  it('swaps the rule before it closes the door: the new address is let in and the old one is not', async () => {
    await run(account(), ['up', '--yes'])
    const { code } = await run(account(), [
      'up',
      '--yes',
      '--allow-cidr',
      '81.2.70.0/24',
      '--allow-cidr',
      '81.2.71.9',
    ])
    expect(code).toBe(0)
    const sources = new Set(inbound(only((await lab(account())).groups)).map((rule) => rule.split(' ')[2]))
    expect([...sources]).toEqual(['81.2.70.0/24', '81.2.71.9/32'])
  })

  it('never replaces the instance on its own: a smaller disk is refused, with the way to a new one', async () => {
    await run(account(), ['up', '--yes', '--disk', '40'])
    const before = await lab(account())
    const smaller = await run(account(), ['up', '--yes', '--disk', '20'])
    const after = await lab(account())
    expect(instance(after)).toBe(instance(before))
    expect(smaller.stdout + smaller.stderr).toMatch(/--replace-instance|only grow/)
  })
})
