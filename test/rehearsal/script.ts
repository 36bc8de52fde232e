import * as budgets from '@aws-sdk/client-budgets'
import * as ec2 from '@aws-sdk/client-ec2'
import * as iam from '@aws-sdk/client-iam'
import * as ssm from '@aws-sdk/client-ssm'
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import type { Clients } from '../../src/aws/clients.js'

export type Side = Omit<Clients, 'bedrock' | 'bedrockHome' | 'cloudwatch' | 'ec2Once'>

/** What one side has answered so far: each side has ids of its own. */
export class Seen {
  private readonly ids = new Map<string, string>()
  keep(name: string, id: string | undefined): void {
    if (id) this.ids.set(name, id)
  }
  id(name: string): string {
    return this.ids.get(name) ?? `no-${name}`
  }
}

export interface Step {
  name: string
  call: (side: Side, seen: Seen) => Promise<object>
}

const trust = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
})
const policy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'bedrock:InvokeModel', Resource: '*' }],
})
const managed = 'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore'
const Tags = [{ Key: 'librechat-lab:name', Value: 'parity' }]
const tagged = [{ Name: 'tag:librechat-lab:name', Values: ['parity'] }]
const rule = (port: number, cidr: string) => ({
  IpProtocol: 'tcp',
  FromPort: port,
  ToPort: port,
  IpRanges: [{ CidrIp: cidr, Description: `port ${port}` }],
})
const budget = { AccountId: '123456789012', BudgetName: 'Parity' }
const monthly = {
  BudgetName: 'Parity',
  BudgetLimit: { Amount: '50', Unit: 'USD' },
  TimeUnit: 'MONTHLY',
  BudgetType: 'COST',
} as const
const notice = {
  NotificationType: 'ACTUAL',
  ComparisonOperator: 'GREATER_THAN',
  Threshold: 80,
  ThresholdType: 'PERCENTAGE',
} as const
const reader = { SubscriptionType: 'EMAIL', Address: 'me@example.org' } as const
const image = '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64'

const steps: [string, Step['call']][] = [
  ['who calls', ({ sts }) => sts.send(new GetCallerIdentityCommand({}))],

  ['no budget yet', ({ budgets: c }) => c.send(new budgets.DescribeBudgetCommand(budget))],
  [
    'create a budget',
    ({ budgets: c }) =>
      c.send(
        new budgets.CreateBudgetCommand({
          AccountId: budget.AccountId,
          Budget: monthly,
          NotificationsWithSubscribers: [{ Notification: notice, Subscribers: [reader] }],
        }),
      ),
  ],
  [
    'create it a second time',
    ({ budgets: c }) =>
      c.send(new budgets.CreateBudgetCommand({ AccountId: budget.AccountId, Budget: monthly })),
  ],
  ['the budget', ({ budgets: c }) => c.send(new budgets.DescribeBudgetCommand(budget))],
  ['its notices', ({ budgets: c }) => c.send(new budgets.DescribeNotificationsForBudgetCommand(budget))],
  [
    'delete its notice',
    ({ budgets: c }) => c.send(new budgets.DeleteNotificationCommand({ ...budget, Notification: notice })),
  ],
  ['no notices', ({ budgets: c }) => c.send(new budgets.DescribeNotificationsForBudgetCommand(budget))],
  ['delete the budget', ({ budgets: c }) => c.send(new budgets.DeleteBudgetCommand(budget))],
  ['delete it a second time', ({ budgets: c }) => c.send(new budgets.DeleteBudgetCommand(budget))],

  // IAM, in the order of a lab's life.
  ['no role yet', ({ iam: c }) => c.send(new iam.GetRoleCommand({ RoleName: 'Parity' }))],
  [
    'a document that is none',
    ({ iam: c }) => c.send(new iam.CreateRoleCommand({ RoleName: 'Broken', AssumeRolePolicyDocument: '{' })),
  ],
  [
    'create a role',
    ({ iam: c }) =>
      c.send(
        new iam.CreateRoleCommand({
          RoleName: 'Parity',
          AssumeRolePolicyDocument: trust,
          Tags,
          Description: 'parity',
        }),
      ),
  ],
  [
    'create it twice',
    ({ iam: c }) =>
      c.send(new iam.CreateRoleCommand({ RoleName: 'Parity', AssumeRolePolicyDocument: trust })),
  ],
  [
    'attach a policy',
    ({ iam: c }) => c.send(new iam.AttachRolePolicyCommand({ RoleName: 'Parity', PolicyArn: managed })),
  ],
  [
    'attach it twice',
    ({ iam: c }) => c.send(new iam.AttachRolePolicyCommand({ RoleName: 'Parity', PolicyArn: managed })),
  ],
  [
    'put an inline policy',
    ({ iam: c }) =>
      c.send(new iam.PutRolePolicyCommand({ RoleName: 'Parity', PolicyName: 'P', PolicyDocument: policy })),
  ],
  [
    'tag the role',
    ({ iam: c }) =>
      c.send(new iam.TagRoleCommand({ RoleName: 'Parity', Tags: [{ Key: 'more', Value: '1' }] })),
  ],
  ['get the role', ({ iam: c }) => c.send(new iam.GetRoleCommand({ RoleName: 'Parity' }))],
  [
    'what is attached',
    ({ iam: c }) => c.send(new iam.ListAttachedRolePoliciesCommand({ RoleName: 'Parity' })),
  ],
  ['which are inline', ({ iam: c }) => c.send(new iam.ListRolePoliciesCommand({ RoleName: 'Parity' }))],
  [
    'the inline one',
    ({ iam: c }) => c.send(new iam.GetRolePolicyCommand({ RoleName: 'Parity', PolicyName: 'P' })),
  ],
  [
    'an inline one that is not there',
    ({ iam: c }) => c.send(new iam.GetRolePolicyCommand({ RoleName: 'Parity', PolicyName: 'Q' })),
  ],
  [
    'set a boundary',
    ({ iam: c }) =>
      c.send(new iam.PutRolePermissionsBoundaryCommand({ RoleName: 'Parity', PermissionsBoundary: managed })),
  ],
  ['the role has a boundary', ({ iam: c }) => c.send(new iam.GetRoleCommand({ RoleName: 'Parity' }))],
  [
    'take the boundary away',
    ({ iam: c }) => c.send(new iam.DeleteRolePermissionsBoundaryCommand({ RoleName: 'Parity' })),
  ],
  [
    'change who may assume it',
    ({ iam: c }) =>
      c.send(new iam.UpdateAssumeRolePolicyCommand({ RoleName: 'Parity', PolicyDocument: trust })),
  ],
  [
    'no profile yet',
    ({ iam: c }) => c.send(new iam.GetInstanceProfileCommand({ InstanceProfileName: 'Parity' })),
  ],
  [
    'create a profile',
    ({ iam: c }) => c.send(new iam.CreateInstanceProfileCommand({ InstanceProfileName: 'Parity', Tags })),
  ],
  [
    'create the profile twice',
    ({ iam: c }) => c.send(new iam.CreateInstanceProfileCommand({ InstanceProfileName: 'Parity' })),
  ],
  [
    'put the role into it',
    ({ iam: c }) =>
      c.send(new iam.AddRoleToInstanceProfileCommand({ InstanceProfileName: 'Parity', RoleName: 'Parity' })),
  ],
  [
    'put another into it',
    ({ iam: c }) =>
      c.send(new iam.AddRoleToInstanceProfileCommand({ InstanceProfileName: 'Parity', RoleName: 'Parity' })),
  ],
  [
    'get the profile',
    ({ iam: c }) => c.send(new iam.GetInstanceProfileCommand({ InstanceProfileName: 'Parity' })),
  ],
  ['delete a role in use', ({ iam: c }) => c.send(new iam.DeleteRoleCommand({ RoleName: 'Parity' }))],
  [
    'delete a profile in use',
    ({ iam: c }) => c.send(new iam.DeleteInstanceProfileCommand({ InstanceProfileName: 'Parity' })),
  ],

  // Where an instance can stand.
  [
    'the default VPC',
    async ({ ec2: c }, seen) => {
      const out = await c.send(
        new ec2.DescribeVpcsCommand({ Filters: [{ Name: 'is-default', Values: ['true'] }] }),
      )
      seen.keep('vpc', out.Vpcs?.[0]?.VpcId)
      return out
    },
  ],
  ['make a second default VPC', ({ ec2: c }) => c.send(new ec2.CreateDefaultVpcCommand({}))],
  [
    'its subnets',
    async ({ ec2: c }, seen) => {
      const out = await c.send(
        new ec2.DescribeSubnetsCommand({ Filters: [{ Name: 'default-for-az', Values: ['true'] }] }),
      )
      const inZone = (zone: string) => out.Subnets?.find((one) => one.AvailabilityZone === zone)?.SubnetId
      seen.keep('subnet', inZone('us-east-1a'))
      seen.keep('old subnet', inZone('us-east-1e'))
      return {
        ...out,
        Subnets: out.Subnets?.sort((a, b) =>
          (a.AvailabilityZone ?? '').localeCompare(b.AvailabilityZone ?? ''),
        ),
      }
    },
  ],
  [
    'a subnet that is not there',
    ({ ec2: c }) => c.send(new ec2.DescribeSubnetsCommand({ SubnetIds: ['subnet-01234567'] })),
  ],
  [
    'a VPC that is not there',
    ({ ec2: c }) => c.send(new ec2.DescribeVpcsCommand({ VpcIds: ['vpc-01234567'] })),
  ],
  [
    'zones with t3.medium',
    ({ ec2: c }) =>
      c.send(
        new ec2.DescribeInstanceTypeOfferingsCommand({
          LocationType: 'availability-zone',
          Filters: [{ Name: 'instance-type', Values: ['t3.medium'] }],
        }),
      ),
  ],
  [
    'what t3.medium is',
    ({ ec2: c }) => c.send(new ec2.DescribeInstanceTypesCommand({ InstanceTypes: ['t3.medium'] })),
  ],
  [
    'what t4g.large is',
    ({ ec2: c }) => c.send(new ec2.DescribeInstanceTypesCommand({ InstanceTypes: ['t4g.large'] })),
  ],
  [
    'a type that is none',
    ({ ec2: c }) => c.send(new ec2.DescribeInstanceTypesCommand({ InstanceTypes: ['t9.huge' as never] })),
  ],
  [
    'the newest image',
    async ({ ssm: c }, seen) => {
      const out = await c.send(new ssm.GetParametersCommand({ Names: [image, '/none'] }))
      seen.keep('image', out.Parameters?.[0]?.Value)
      return out
    },
  ],

  // The group.
  [
    'no group of that tag',
    ({ ec2: c }) => c.send(new ec2.DescribeSecurityGroupsCommand({ Filters: tagged })),
  ],
  [
    'a group that is not there',
    ({ ec2: c }) => c.send(new ec2.DescribeSecurityGroupsCommand({ GroupIds: ['sg-01234567'] })),
  ],
  [
    'create a group',
    async ({ ec2: c }, seen) => {
      const out = await c.send(
        new ec2.CreateSecurityGroupCommand({
          GroupName: 'Parity',
          Description: 'parity',
          VpcId: seen.id('vpc'),
          TagSpecifications: [{ ResourceType: 'security-group', Tags }],
        }),
      )
      seen.keep('group', out.GroupId)
      return out
    },
  ],
  [
    'create the group twice',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.CreateSecurityGroupCommand({
          GroupName: 'Parity',
          Description: 'parity',
          VpcId: seen.id('vpc'),
        }),
      ),
  ],
  [
    'let somebody in',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.AuthorizeSecurityGroupIngressCommand({
          GroupId: seen.id('group'),
          IpPermissions: [rule(80, '192.0.2.1/32'), rule(443, '192.0.2.1/32'), rule(443, '192.0.2.2/32')],
        }),
      ),
  ],
  [
    'let them in twice',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.AuthorizeSecurityGroupIngressCommand({
          GroupId: seen.id('group'),
          IpPermissions: [rule(443, '192.0.2.1/32')],
        }),
      ),
  ],
  [
    'shut one out',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.RevokeSecurityGroupIngressCommand({
          GroupId: seen.id('group'),
          IpPermissions: [rule(443, '192.0.2.2/32')],
        }),
      ),
  ],
  [
    'shut out who was not in',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.RevokeSecurityGroupIngressCommand({
          GroupId: seen.id('group'),
          IpPermissions: [rule(22, '192.0.2.2/32')],
        }),
      ),
  ],
  ['the group', ({ ec2: c }) => c.send(new ec2.DescribeSecurityGroupsCommand({ Filters: tagged }))],
  [
    'delete a group that is not there',
    ({ ec2: c }) => c.send(new ec2.DeleteSecurityGroupCommand({ GroupId: 'sg-01234567' })),
  ],

  // The instance.
  ['no instance of that tag', ({ ec2: c }) => c.send(new ec2.DescribeInstancesCommand({ Filters: tagged }))],
  [
    'an instance that is not there',
    ({ ec2: c }) => c.send(new ec2.DescribeInstancesCommand({ InstanceIds: ['i-0123456789abcdef0'] })),
  ],
  [
    'launch from an image that is none',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.RunInstancesCommand({
          ImageId: 'ami-01234567',
          InstanceType: 't3.medium',
          MinCount: 1,
          MaxCount: 1,
          SubnetId: seen.id('subnet'),
        }),
      ),
  ],
  [
    'launch a type that is none',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.RunInstancesCommand({
          ImageId: seen.id('image'),
          InstanceType: 't9.huge' as never,
          MinCount: 1,
          MaxCount: 1,
          SubnetId: seen.id('subnet'),
        }),
      ),
  ],
  [
    'launch in a subnet that is none',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.RunInstancesCommand({
          ImageId: seen.id('image'),
          InstanceType: 't3.medium',
          MinCount: 1,
          MaxCount: 1,
          SubnetId: 'subnet-01234567',
        }),
      ),
  ],
  [
    'launch',
    async ({ ec2: c }, seen) => {
      const out = await c.send(
        new ec2.RunInstancesCommand({
          ImageId: seen.id('image'),
          InstanceType: 't3.medium',
          MinCount: 1,
          MaxCount: 1,
          IamInstanceProfile: { Name: 'Parity' },
          ClientToken: 'parity',
          MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2, HttpEndpoint: 'enabled' },
          NetworkInterfaces: [
            {
              DeviceIndex: 0,
              SubnetId: seen.id('subnet'),
              Groups: [seen.id('group')],
              AssociatePublicIpAddress: true,
            },
          ],
          BlockDeviceMappings: [
            {
              DeviceName: '/dev/xvda',
              Ebs: {
                VolumeType: 'gp3',
                VolumeSize: 30,
                Iops: 3000,
                Throughput: 125,
                Encrypted: true,
                DeleteOnTermination: true,
              },
            },
          ],
          TagSpecifications: [
            { ResourceType: 'instance', Tags },
            { ResourceType: 'volume', Tags },
          ],
        }),
      )
      seen.keep('instance', out.Instances?.[0]?.InstanceId)
      return out
    },
  ],
  [
    'it runs',
    async ({ ec2: c }, seen) => {
      await ec2.waitUntilInstanceRunning(
        { client: c, maxWaitTime: 20, minDelay: 1, maxDelay: 1 },
        { InstanceIds: [seen.id('instance')] },
      )
      return c.send(
        new ec2.DescribeInstancesCommand({
          Filters: [...tagged, { Name: 'instance-state-name', Values: ['running'] }],
        }),
      )
    },
  ],
  [
    'its disk',
    async ({ ec2: c }, seen) => {
      const out = await c.send(
        new ec2.DescribeVolumesCommand({
          Filters: [{ Name: 'attachment.instance-id', Values: [seen.id('instance')] }],
        }),
      )
      seen.keep('volume', out.Volumes?.[0]?.VolumeId)
      return out
    },
  ],
  [
    'a disk that is not there',
    ({ ec2: c }) => c.send(new ec2.DescribeVolumesCommand({ VolumeIds: ['vol-0123456789abcdef0'] })),
  ],
  [
    'its profile',
    async ({ ec2: c }, seen) => {
      const out = await c.send(
        new ec2.DescribeIamInstanceProfileAssociationsCommand({
          Filters: [{ Name: 'instance-id', Values: [seen.id('instance')] }],
        }),
      )
      seen.keep('association', out.IamInstanceProfileAssociations?.[0]?.AssociationId)
      return out
    },
  ],
  [
    'give it a second profile',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.AssociateIamInstanceProfileCommand({
          InstanceId: seen.id('instance'),
          IamInstanceProfile: { Name: 'Parity' },
        }),
      ),
  ],
  [
    'protect it',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.ModifyInstanceAttributeCommand({
          InstanceId: seen.id('instance'),
          DisableApiTermination: { Value: true },
        }),
      ),
  ],
  [
    'is it protected',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.DescribeInstanceAttributeCommand({
          InstanceId: seen.id('instance'),
          Attribute: 'disableApiTermination',
        }),
      ),
  ],
  [
    'terminate a protected one',
    ({ ec2: c }, seen) => c.send(new ec2.TerminateInstancesCommand({ InstanceIds: [seen.id('instance')] })),
  ],
  [
    'a type while it runs',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.ModifyInstanceAttributeCommand({
          InstanceId: seen.id('instance'),
          InstanceType: { Value: 't3.medium' },
        }),
      ),
  ],
  [
    'protect one that is not there',
    ({ ec2: c }) =>
      c.send(
        new ec2.ModifyInstanceAttributeCommand({
          InstanceId: 'i-0123456789abcdef0',
          DisableApiTermination: { Value: true },
        }),
      ),
  ],
  [
    'allow IMDSv1',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.ModifyInstanceMetadataOptionsCommand({
          InstanceId: seen.id('instance'),
          HttpTokens: 'optional',
        }),
      ),
  ],
  [
    'tag the instance',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.CreateTagsCommand({
          Resources: [seen.id('instance')],
          Tags: [{ Key: 'Name', Value: 'Parity' }],
        }),
      ),
  ],
  [
    'tag what is not there',
    ({ ec2: c }) => c.send(new ec2.CreateTagsCommand({ Resources: ['i-0123456789abcdef0'], Tags })),
  ],
  [
    'delete a group in use',
    ({ ec2: c }, seen) => c.send(new ec2.DeleteSecurityGroupCommand({ GroupId: seen.id('group') })),
  ],
  [
    'who uses the group',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.DescribeNetworkInterfacesCommand({
          Filters: [{ Name: 'group-id', Values: [seen.id('group')] }],
        }),
      ),
  ],

  // The address.
  [
    'an address that is not there',
    ({ ec2: c }) => c.send(new ec2.DescribeAddressesCommand({ AllocationIds: ['eipalloc-01234567'] })),
  ],
  [
    'allocate an address',
    async ({ ec2: c }, seen) => {
      const out = await c.send(
        new ec2.AllocateAddressCommand({
          Domain: 'vpc',
          TagSpecifications: [{ ResourceType: 'elastic-ip', Tags }],
        }),
      )
      seen.keep('address', out.AllocationId)
      return out
    },
  ],
  ['it is free', ({ ec2: c }) => c.send(new ec2.DescribeAddressesCommand({ Filters: tagged }))],
  [
    'associate it',
    async ({ ec2: c }, seen) => {
      const out = await c.send(
        new ec2.AssociateAddressCommand({
          AllocationId: seen.id('address'),
          InstanceId: seen.id('instance'),
        }),
      )
      seen.keep('used', out.AssociationId)
      return out
    },
  ],
  ['it is used', ({ ec2: c }) => c.send(new ec2.DescribeAddressesCommand({ Filters: tagged }))],
  [
    'the instance has it',
    ({ ec2: c }, seen) => c.send(new ec2.DescribeInstancesCommand({ InstanceIds: [seen.id('instance')] })),
  ],
  [
    'associate one that is not there',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.AssociateAddressCommand({
          AllocationId: 'eipalloc-01234567',
          InstanceId: seen.id('instance'),
        }),
      ),
  ],
  [
    'disassociate it',
    ({ ec2: c }, seen) => c.send(new ec2.DisassociateAddressCommand({ AssociationId: seen.id('used') })),
  ],
  [
    'disassociate it twice',
    ({ ec2: c }, seen) => c.send(new ec2.DisassociateAddressCommand({ AssociationId: seen.id('used') })),
  ],
  [
    'release it',
    ({ ec2: c }, seen) => c.send(new ec2.ReleaseAddressCommand({ AllocationId: seen.id('address') })),
  ],
  [
    'release it twice',
    ({ ec2: c }, seen) => c.send(new ec2.ReleaseAddressCommand({ AllocationId: seen.id('address') })),
  ],

  // Parameters.
  ['no parameter', ({ ssm: c }) => c.send(new ssm.GetParameterCommand({ Name: '/parity/spec' }))],
  [
    'tags of no parameter',
    ({ ssm: c }) =>
      c.send(new ssm.ListTagsForResourceCommand({ ResourceType: 'Parameter', ResourceId: '/parity/spec' })),
  ],
  [
    'put a parameter',
    ({ ssm: c }) =>
      c.send(
        new ssm.PutParameterCommand({
          Name: '/parity/spec',
          Value: '{}',
          Type: 'String',
          Tags,
          Description: 'parity',
        }),
      ),
  ],
  [
    'put it twice',
    ({ ssm: c }) =>
      c.send(new ssm.PutParameterCommand({ Name: '/parity/spec', Value: '{}', Type: 'String' })),
  ],
  [
    'overwrite it',
    ({ ssm: c }) =>
      c.send(
        new ssm.PutParameterCommand({
          Name: '/parity/spec',
          Value: '{"a":1}',
          Type: 'String',
          Overwrite: true,
        }),
      ),
  ],
  [
    'tags with an overwrite',
    ({ ssm: c }) =>
      c.send(
        new ssm.PutParameterCommand({
          Name: '/parity/spec',
          Value: '{}',
          Type: 'String',
          Overwrite: true,
          Tags,
        }),
      ),
  ],
  [
    'too long a value',
    ({ ssm: c }) =>
      c.send(new ssm.PutParameterCommand({ Name: '/too/long', Value: 'x'.repeat(4097), Type: 'String' })),
  ],
  ['get it', ({ ssm: c }) => c.send(new ssm.GetParameterCommand({ Name: '/parity/spec' }))],
  [
    'its tags',
    ({ ssm: c }) =>
      c.send(new ssm.ListTagsForResourceCommand({ ResourceType: 'Parameter', ResourceId: '/parity/spec' })),
  ],
  ['by its path', ({ ssm: c }) => c.send(new ssm.GetParametersByPathCommand({ Path: '/parity' }))],
  ['delete it', ({ ssm: c }) => c.send(new ssm.DeleteParameterCommand({ Name: '/parity/spec' }))],
  ['delete it twice', ({ ssm: c }) => c.send(new ssm.DeleteParameterCommand({ Name: '/parity/spec' }))],

  // And everything away again.
  [
    'take the protection off',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.ModifyInstanceAttributeCommand({
          InstanceId: seen.id('instance'),
          DisableApiTermination: { Value: false },
        }),
      ),
  ],
  [
    'stop it',
    async ({ ec2: c }, seen) => {
      await c.send(new ec2.StopInstancesCommand({ InstanceIds: [seen.id('instance')] }))
      await ec2.waitUntilInstanceStopped(
        { client: c, maxWaitTime: 20, minDelay: 1, maxDelay: 1 },
        { InstanceIds: [seen.id('instance')] },
      )
      return {}
    },
  ],
  [
    'another type when it is stopped',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.ModifyInstanceAttributeCommand({
          InstanceId: seen.id('instance'),
          InstanceType: { Value: 't3.large' },
        }),
      ),
  ],
  [
    'its type now',
    ({ ec2: c }, seen) =>
      c.send(
        new ec2.DescribeInstanceAttributeCommand({
          InstanceId: seen.id('instance'),
          Attribute: 'instanceType',
        }),
      ),
  ],
  [
    'start it',
    ({ ec2: c }, seen) => c.send(new ec2.StartInstancesCommand({ InstanceIds: [seen.id('instance')] })),
  ],
  [
    'it runs again',
    async ({ ec2: c }, seen) => {
      await ec2.waitUntilInstanceRunning(
        { client: c, maxWaitTime: 20, minDelay: 1, maxDelay: 1 },
        { InstanceIds: [seen.id('instance')] },
      )
      return {}
    },
  ],
  [
    'terminate it',
    ({ ec2: c }, seen) => c.send(new ec2.TerminateInstancesCommand({ InstanceIds: [seen.id('instance')] })),
  ],
  [
    'terminate one that is not there',
    ({ ec2: c }) => c.send(new ec2.TerminateInstancesCommand({ InstanceIds: ['i-0123456789abcdef0'] })),
  ],
  [
    'it has ended',
    async ({ ec2: c }, seen) => {
      await ec2.waitUntilInstanceTerminated(
        { client: c, maxWaitTime: 20, minDelay: 1, maxDelay: 1 },
        { InstanceIds: [seen.id('instance')] },
      )
      const out = await c.send(new ec2.DescribeInstancesCommand({ InstanceIds: [seen.id('instance')] }))
      return { State: out.Reservations?.[0]?.Instances?.[0]?.State }
    },
  ],
  [
    'delete the group',
    ({ ec2: c }, seen) => c.send(new ec2.DeleteSecurityGroupCommand({ GroupId: seen.id('group') })),
  ],
  [
    'take the role out',
    ({ iam: c }) =>
      c.send(
        new iam.RemoveRoleFromInstanceProfileCommand({ InstanceProfileName: 'Parity', RoleName: 'Parity' }),
      ),
  ],
  [
    'take it out twice',
    ({ iam: c }) =>
      c.send(
        new iam.RemoveRoleFromInstanceProfileCommand({ InstanceProfileName: 'Parity', RoleName: 'Parity' }),
      ),
  ],
  [
    'delete the profile',
    ({ iam: c }) => c.send(new iam.DeleteInstanceProfileCommand({ InstanceProfileName: 'Parity' })),
  ],
  ['delete a role with policies', ({ iam: c }) => c.send(new iam.DeleteRoleCommand({ RoleName: 'Parity' }))],
  [
    'detach the policy',
    ({ iam: c }) => c.send(new iam.DetachRolePolicyCommand({ RoleName: 'Parity', PolicyArn: managed })),
  ],
  [
    'detach it twice',
    ({ iam: c }) => c.send(new iam.DetachRolePolicyCommand({ RoleName: 'Parity', PolicyArn: managed })),
  ],
  [
    'delete the inline policy',
    ({ iam: c }) => c.send(new iam.DeleteRolePolicyCommand({ RoleName: 'Parity', PolicyName: 'P' })),
  ],
  [
    'delete the inline policy twice',
    ({ iam: c }) => c.send(new iam.DeleteRolePolicyCommand({ RoleName: 'Parity', PolicyName: 'P' })),
  ],
  ['delete the role', ({ iam: c }) => c.send(new iam.DeleteRoleCommand({ RoleName: 'Parity' }))],
  ['delete the role twice', ({ iam: c }) => c.send(new iam.DeleteRoleCommand({ RoleName: 'Parity' }))],
]

/** A lab's life call by call, with what goes wrong on the way; the same inputs for every account. */
export const script: readonly Step[] = steps.map(([name, call]) => ({ name, call }))
