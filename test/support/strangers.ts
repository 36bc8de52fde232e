import { CreateBudgetCommand, DescribeBudgetCommand } from '@aws-sdk/client-budgets'
import {
  AllocateAddressCommand,
  AssociateAddressCommand,
  CreateSecurityGroupCommand,
  CreateTagsCommand,
  CreateVolumeCommand,
  DescribeAddressesCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVolumesCommand,
  ModifyInstanceAttributeCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2'
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  GetInstanceProfileCommand,
  GetRoleCommand,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam'
import {
  CreateScheduleCommand,
  CreateScheduleGroupCommand,
  GetScheduleCommand,
  GetScheduleGroupCommand,
  ListTagsForResourceCommand as ListScheduleTagsCommand,
} from '@aws-sdk/client-scheduler'
import { GetParameterCommand, ListTagsForResourceCommand, PutParameterCommand } from '@aws-sdk/client-ssm'
import type { LabGraph } from '../../src/lab/graph.js'
import type { Account } from './account.js'
import type { Witness } from './clients.js'

/** The tags by which a resource claims to belong to the lab, as copies of a lab's tags carry them. */
export const claim = [
  { Key: 'librechat-lab:name', Value: 'default' },
  { Key: 'librechat-lab:region', Value: 'us-east-1' },
]

/** A resource of somebody else that has the lab's tags. */
export interface Tagged {
  /** What a command would have to name to change it. */
  ids: string[]
  /** Everything about it that a command could change. */
  state(): Promise<unknown>
}

export type StrangerKind = Exclude<keyof LabGraph, 'all' | 'identity'>
type Make = (aws: Witness, account: Account) => Promise<Tagged>

/** One of every kind that the graph has; a new kind of resource needs one here, or this does not compile. */
export const strangers: Record<StrangerKind, Make> = {
  async settings({ ssm }) {
    const Name = '/librechat-lab/default/notes'
    await ssm.send(new PutParameterCommand({ Name, Value: 'ours', Type: 'String', Tags: claim }))
    return {
      ids: [Name],
      state: async () => {
        const tags = { ResourceType: 'Parameter', ResourceId: Name } as const
        return [
          (await ssm.send(new GetParameterCommand({ Name }))).Parameter?.Value,
          (await ssm.send(new ListTagsForResourceCommand(tags))).TagList,
        ]
      },
    }
  },

  role: (aws) => roleNamed(aws, 'LibreChatInstanceRole-not-the-labs'),

  async profile({ iam }) {
    const name = 'LibreChatInstanceRole-a-profile'
    await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: name, Tags: claim }))
    await iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: assumed, Tags: claim }))
    await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName: name, RoleName: name }))
    return {
      ids: [name],
      state: async () =>
        (await iam.send(new GetInstanceProfileCommand({ InstanceProfileName: name }))).InstanceProfile,
    }
  },

  async group({ ec2 }) {
    const { GroupId = '' } = await ec2.send(
      new CreateSecurityGroupCommand({ GroupName: 'database', Description: 'a database' }),
    )
    await ec2.send(new CreateTagsCommand({ Resources: [GroupId], Tags: claim }))
    return {
      ids: [GroupId],
      state: async () =>
        (await ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [GroupId] }))).SecurityGroups,
    }
  },

  async address({ ec2 }) {
    const { AllocationId = '', PublicIp = '' } = await ec2.send(new AllocateAddressCommand({ Domain: 'vpc' }))
    await ec2.send(new CreateTagsCommand({ Resources: [AllocationId], Tags: claim }))
    return { ids: [AllocationId, PublicIp], state: () => addressState(ec2, AllocationId) }
  },

  async instance({ ec2 }) {
    const id = await launch(ec2, 'prod-db')
    return { ids: [id], state: () => instanceState(ec2, id) }
  },

  scheduleRole: (aws) => roleNamed(aws, 'LibreChatScheduleRole-not-the-labs'),
  scheduleGroup: (aws) => scheduleGroupNamed(aws, 'LibreChat-nightly'),
  schedules: scheduleOfOthers,

  /** moto keeps no tags of budgets, and the lab looks at its own name only. */
  async budget({ budgets }, { id }) {
    const one = { AccountId: id, BudgetName: 'LibreChat-everything' }
    const Budget = {
      BudgetName: one.BudgetName,
      BudgetLimit: { Amount: '900', Unit: 'USD' },
      TimeUnit: 'MONTHLY' as const,
      BudgetType: 'COST' as const,
    }
    await budgets.send(new CreateBudgetCommand({ AccountId: id, Budget }))
    return {
      ids: [one.BudgetName],
      state: async () => (await budgets.send(new DescribeBudgetCommand(one))).Budget,
    }
  },

  async association({ ec2 }) {
    const id = await launch(ec2, 'web')
    const { AllocationId = '', PublicIp = '' } = await ec2.send(new AllocateAddressCommand({ Domain: 'vpc' }))
    const Tags = [...claim, { Key: 'librechat-lab:protected', Value: 'true' }]
    await ec2.send(new CreateTagsCommand({ Resources: [AllocationId], Tags }))
    const { AssociationId = '' } = await ec2.send(
      new AssociateAddressCommand({ AllocationId, InstanceId: id }),
    )
    return {
      ids: [AllocationId, PublicIp, AssociationId, id],
      state: async () => [await addressState(ec2, AllocationId), await instanceState(ec2, id)],
    }
  },
}

async function roleNamed({ iam }: Witness, RoleName: string): Promise<Tagged> {
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: assumed, Tags: claim }))
  const PolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }],
  })
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'app', PolicyDocument }))
  return {
    ids: [RoleName],
    state: async () => [
      (await iam.send(new GetRoleCommand({ RoleName }))).Role,
      (await iam.send(new ListRolePoliciesCommand({ RoleName }))).PolicyNames,
      (await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }))).AttachedPolicies,
    ],
  }
}

/** Scheduler's lists hold no tags, as IAM's: what has another name is never looked at. */
async function scheduleGroupNamed({ scheduler }: Witness, Name: string): Promise<Tagged> {
  const { ScheduleGroupArn = '' } = await scheduler.send(
    new CreateScheduleGroupCommand({ Name, Tags: claim }),
  )
  return {
    ids: [Name],
    state: async () => [
      { ...(await scheduler.send(new GetScheduleGroupCommand({ Name }))), $metadata: undefined },
      (await scheduler.send(new ListScheduleTagsCommand({ ResourceArn: ScheduleGroupArn }))).Tags,
    ],
  }
}

/** In the account's default group, with the name of one of the lab's. */
async function scheduleOfOthers({ scheduler }: Witness): Promise<Tagged> {
  const one = { Name: 'stop', GroupName: 'default' }
  await scheduler.send(
    new CreateScheduleCommand({
      ...one,
      ScheduleExpression: 'rate(1 day)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: { Arn: 'arn:aws:sqs:us-east-1:1:jobs', RoleArn: 'arn:aws:iam::1:role/jobs' },
    }),
  )
  return {
    ids: ['schedule/default/stop'],
    state: async () => ({ ...(await scheduler.send(new GetScheduleCommand(one))), $metadata: undefined }),
  }
}

/** A volume is no resource of the graph, and yet `destroy` used to delete those with the lab's tags. */
export async function strangersVolume({ ec2 }: Witness): Promise<Tagged> {
  const volume = { AvailabilityZone: 'us-east-1a', Size: 100 }
  const { VolumeId = '' } = await ec2.send(new CreateVolumeCommand(volume))
  await ec2.send(new CreateTagsCommand({ Resources: [VolumeId], Tags: claim }))
  return {
    ids: [VolumeId],
    state: async () => (await ec2.send(new DescribeVolumesCommand({ VolumeIds: [VolumeId] }))).Volumes,
  }
}

const assumed = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
})

/** Launched by somebody else, then given the lab's tags; protected against termination. */
export async function launch(
  ec2: Witness['ec2'],
  name: string,
  SecurityGroupIds?: string[],
): Promise<string> {
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}))
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({
      ImageId: 'ami-0123456789abcdef0',
      InstanceType: 't3.medium',
      SubnetId: Subnets[0]?.SubnetId,
      MinCount: 1,
      MaxCount: 1,
      SecurityGroupIds,
    }),
  )
  const InstanceId = Instances[0]?.InstanceId ?? ''
  await ec2.send(
    new CreateTagsCommand({ Resources: [InstanceId], Tags: [...claim, { Key: 'Name', Value: name }] }),
  )
  await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId, DisableApiTermination: { Value: true } }))
  return InstanceId
}

const addressState = async (ec2: Witness['ec2'], AllocationId: string) =>
  (await ec2.send(new DescribeAddressesCommand({ AllocationIds: [AllocationId] }))).Addresses

async function instanceState(ec2: Witness['ec2'], InstanceId: string) {
  const ofInstance = [{ Name: 'instance-id', Values: [InstanceId] }]
  const [found, termination, profile] = await Promise.all([
    ec2.send(new DescribeInstancesCommand({ InstanceIds: [InstanceId] })),
    ec2.send(new DescribeInstanceAttributeCommand({ InstanceId, Attribute: 'disableApiTermination' })),
    ec2.send(new DescribeIamInstanceProfileAssociationsCommand({ Filters: ofInstance })),
  ])
  return [
    found.Reservations?.[0]?.Instances,
    termination.DisableApiTermination,
    profile.IamInstanceProfileAssociations,
  ]
}
