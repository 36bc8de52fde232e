import {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  CreateTagsCommand,
  DeleteSecurityGroupCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  EC2Client,
  RevokeSecurityGroupIngressCommand,
  type SecurityGroup,
} from '@aws-sdk/client-ec2'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Identity } from '../../src/resources/identity.js'
import { groupUsers, type Rule, securityGroup } from '../../src/resources/security-group.js'
import { awsError, claim, context, lab, nothing, observed, seen } from './context.js'

const ec2 = mockClient(EC2Client)
beforeEach(() => ec2.reset())
const client = new EC2Client({ region: 'us-east-1' })

const https: Rule = { protocol: 'tcp', fromPort: 443, toPort: 443, source: '81.2.69.160/32' }
const everything: Rule = { protocol: '-1', fromPort: -1, toPort: -1, source: '0.0.0.0/0' }
const asAws = (source: object, port = 443) => ({ IpProtocol: 'tcp', FromPort: port, ToPort: port, ...source })
const found: SecurityGroup = {
  GroupId: 'sg-lab',
  GroupName: 'LibreChatSecurityGroup',
  VpcId: 'vpc-1',
  Tags: claim,
  IpPermissions: [asAws({ IpRanges: [{ CidrIp: '81.2.69.160/32' }] })],
  IpPermissionsEgress: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
}
const state = { groupId: 'sg-lab', owned: true, ingress: [https], egress: [everything] }

const resource = ({
  adopt = false,
  isMade = true,
  group,
}: {
  adopt?: boolean
  isMade?: boolean
  group?: SecurityGroup
} = {}) =>
  securityGroup({
    ec2: client,
    lab,
    adopt,
    name: 'LibreChatSecurityGroup',
    vpcId: isMade ? async () => 'vpc-1' : undefined,
    ingress: [https],
    creation: 'b'.repeat(16),
    identity: observed<Identity>('identity', { ...nothing, group }),
    after: [],
  })

describe('the security group', () => {
  it('is what identity proves, with the rules that are really there', async () => {
    expect(await resource({ group: found }).observe(seen)).toEqual(state)
    const IpPermissions = [
      asAws({ Ipv6Ranges: [{ CidrIpv6: '::/0' }] }, 22),
      asAws({ PrefixListIds: [{ PrefixListId: 'pl-1' }] }, 22),
      asAws({ UserIdGroupPairs: [{ GroupId: 'sg-other' }] }, 22),
    ]
    const observed = await resource({ group: { ...found, IpPermissions } }).observe(seen)
    expect(observed?.ingress.map(({ source }) => source)).toEqual(['::/0', 'pl-1', 'sg-other'])
  })

  it('looks on every page for a group that takes its name, and only in its own VPC', async () => {
    ec2
      .on(DescribeSecurityGroupsCommand)
      .resolvesOnce({ SecurityGroups: [{ ...found, VpcId: 'vpc-2' }], NextToken: 'more' })
      .resolvesOnce({ SecurityGroups: [{ ...found, Tags: [] }] })
    await expect(resource().observe(seen)).rejects.toMatchObject({ code: 'unowned' })
    ec2.on(DescribeSecurityGroupsCommand).resolves({ SecurityGroups: [{ ...found, VpcId: 'vpc-2' }] })
    expect(await resource().observe(seen)).toBeUndefined()
  })

  it('is not searched by name for a command that creates none', async () => {
    expect(await resource({ isMade: false }).observe(seen)).toBeUndefined()
    expect(ec2.commandCalls(DescribeSecurityGroupsCommand)).toHaveLength(0)
  })

  it.each([
    ['without the lab’s tags', []],
    ['with the lab’s tags and no proof', claim],
  ])('is not one %s, unless it is adopted: then it gets the creation id', async (_, Tags) => {
    ec2.on(DescribeSecurityGroupsCommand).resolves({ SecurityGroups: [{ ...found, Tags }] })
    await expect(resource().observe(seen)).rejects.toMatchObject({
      code: 'unowned',
      fix: expect.arrayContaining([
        expect.objectContaining({ command: { keeps: true, path: 'up', flags: { adopt: true } } }),
      ]),
    })
    const adopting = resource({ adopt: true })
    const seenState = await adopting.observe(seen)
    expect(seenState).toMatchObject({ owned: false })
    expect(adopting.changes(seenState, () => undefined)).toMatchObject([{ what: 'ownership' }])
    ec2.on(CreateTagsCommand).resolves({})
    await adopting.ensure(seenState, context())
    expect(ec2.commandCalls(CreateTagsCommand)[0]?.args[0].input.Tags).toEqual([
      { Key: 'librechat-lab:creation', Value: 'b'.repeat(16) },
      ...claim,
    ])
  })

  it('is created with its tags and its creation id, and waits until AWS knows it', async () => {
    ec2.on(CreateSecurityGroupCommand).resolves({ GroupId: 'sg-lab' })
    ec2.on(AuthorizeSecurityGroupIngressCommand).rejectsOnce(awsError('InvalidGroup.NotFound')).resolves({})
    expect(await resource().ensure(undefined, context())).toEqual(state)
    const [asked] = ec2.commandCalls(CreateSecurityGroupCommand)
    expect(asked?.args[0].input).toMatchObject({
      VpcId: 'vpc-1',
      TagSpecifications: [
        {
          Tags: expect.arrayContaining([{ Key: 'librechat-lab:creation', Value: 'b'.repeat(16) }, ...claim]),
        },
      ],
    })
  })

  it('closes what is too much and opens what lacks, in both directions', async () => {
    ec2.on(RevokeSecurityGroupIngressCommand).resolves({})
    ec2.on(AuthorizeSecurityGroupIngressCommand).resolves({})
    ec2.on(AuthorizeSecurityGroupEgressCommand).resolves({})
    const ssh: Rule = { ...https, fromPort: 22, toPort: 22, source: '::/0' }
    const drifted = { ...state, ingress: [ssh], egress: [] }
    expect(resource().changes(drifted, () => undefined)).toEqual([
      { what: 'port 22', from: 'open to ::/0', to: 'closed to ::/0' },
      { what: 'port 443', from: 'closed to 81.2.69.160/32', to: 'open to 81.2.69.160/32' },
      { what: 'outgoing', from: 'limited', to: 'everything' },
    ])
    expect(await resource().ensure(drifted, context())).toEqual(state)
    expect(ec2.commandCalls(RevokeSecurityGroupIngressCommand)[0]?.args[0].input.IpPermissions).toEqual([
      asAws({ Ipv6Ranges: [{ CidrIpv6: '::/0' }] }, 22),
    ])
    expect(ec2.commandCalls(AuthorizeSecurityGroupEgressCommand)).toHaveLength(1)
  })

  it('is deleted once nothing uses it, and gone already is success', async () => {
    ec2.on(DeleteSecurityGroupCommand).rejectsOnce(awsError('DependencyViolation')).resolves({})
    await resource().remove(state, context())
    ec2.on(DeleteSecurityGroupCommand).rejects(awsError('InvalidGroup.NotFound'))
    await resource().remove(state, context())
    ec2.on(DeleteSecurityGroupCommand).rejects(awsError('UnauthorizedOperation'))
    await expect(resource().remove(state, context())).rejects.toMatchObject({ name: 'UnauthorizedOperation' })
  })

  it('names its users from every page', async () => {
    ec2
      .on(DescribeNetworkInterfacesCommand)
      .resolvesOnce({
        NetworkInterfaces: [{ NetworkInterfaceId: 'eni-1', Attachment: { InstanceId: 'i-db' } }],
        NextToken: 'more',
      })
      .resolvesOnce({ NetworkInterfaces: [{ NetworkInterfaceId: 'eni-2', Description: 'a load balancer' }] })
    expect(await groupUsers(client, 'sg-lab')).toEqual([
      { instanceId: 'i-db', text: 'eni-1 (i-db)' },
      { instanceId: undefined, text: 'eni-2 (a load balancer)' },
    ])
  })
})
