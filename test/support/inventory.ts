import { DescribeBudgetsCommand } from '@aws-sdk/client-budgets'
import {
  DescribeAddressesCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeInstancesCommand,
  DescribeInternetGatewaysCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  DescribeVolumesCommand,
  DescribeVpcsCommand,
} from '@aws-sdk/client-ec2'
import {
  GetRolePolicyCommand,
  GetUserPolicyCommand,
  ListAttachedRolePoliciesCommand,
  ListInstanceProfilesCommand,
  ListRolePoliciesCommand,
  ListRolesCommand,
  ListUserPoliciesCommand,
} from '@aws-sdk/client-iam'
import { ListScheduleGroupsCommand, ListSchedulesCommand } from '@aws-sdk/client-scheduler'
import { paginateDescribeParameters, type SSMClient } from '@aws-sdk/client-ssm'
import { type Account, operator } from './account.js'

/**
 * Everything that stands in the account, by kind, one line each, sorted: for comparison before and after.
 * Asked of moto itself. Terminated instances are gone; their names still show at AWS for an hour.
 */
export async function inventory(
  account: Account,
  regions: readonly string[],
): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = await globals(account)
  for (const region of regions) {
    for (const [kind, lines] of Object.entries(await regionals(account, region))) {
      found[`${region} ${kind}`] = lines
    }
  }
  for (const lines of Object.values(found)) lines.sort()
  return found
}

async function globals(account: Account): Promise<Record<string, string[]>> {
  const { budgets, iam } = account.at('us-east-1')
  const { Budgets = [] } = await budgets.send(new DescribeBudgetsCommand({ AccountId: account.id }))
  const { Roles = [] } = await iam.send(new ListRolesCommand({}))
  const roles = Roles.map(async ({ RoleName = '' }) => {
    const [inline, attached] = await Promise.all([
      iam.send(new ListRolePoliciesCommand({ RoleName })),
      iam.send(new ListAttachedRolePoliciesCommand({ RoleName })),
    ])
    const documents = (inline.PolicyNames ?? []).map(async (PolicyName) => {
      const policy = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }))
      return `${PolicyName}=${policy.PolicyDocument}`
    })
    const attachments = (attached.AttachedPolicies ?? []).map(({ PolicyName }) => PolicyName)
    return `${RoleName} ${attachments} ${await Promise.all(documents)}`
  })
  const { InstanceProfiles = [] } = await iam.send(new ListInstanceProfilesCommand({}))
  const profiles = InstanceProfiles.map(
    (one) => `${one.InstanceProfileName} ${one.Roles?.map((r) => r.RoleName)}`,
  )
  const { PolicyNames = [] } = await iam.send(new ListUserPoliciesCommand({ UserName: operator }))
  const guards = PolicyNames.map(async (PolicyName) => {
    const { PolicyDocument } = await iam.send(new GetUserPolicyCommand({ UserName: operator, PolicyName }))
    return `${PolicyName}=${PolicyDocument}`
  })
  return {
    roles: await Promise.all(roles),
    profiles,
    'operator policies': await Promise.all(guards),
    budgets: Budgets.map((one) => `budget/${one.BudgetName} ${one.BudgetLimit?.Amount}`),
  }
}

async function regionals(account: Account, region: string): Promise<Record<string, string[]>> {
  const { ec2, scheduler, ssm } = account.at(region)
  const { ScheduleGroups = [] } = await scheduler.send(new ListScheduleGroupsCommand({}))
  const { Schedules = [] } = await scheduler.send(new ListSchedulesCommand({}))
  const [reservations, groups, volumes, addresses, interfaces, vpcs, gateways, associations, parameters] =
    await Promise.all([
      ec2.send(new DescribeInstancesCommand({})),
      ec2.send(new DescribeSecurityGroupsCommand({})),
      ec2.send(new DescribeVolumesCommand({})),
      ec2.send(new DescribeAddressesCommand({})),
      ec2.send(new DescribeNetworkInterfacesCommand({})),
      ec2.send(new DescribeVpcsCommand({})),
      ec2.send(new DescribeInternetGatewaysCommand({})),
      ec2.send(new DescribeIamInstanceProfileAssociationsCommand({})),
      parameterNames(ssm),
    ])
  const living = (reservations.Reservations ?? [])
    .flatMap(({ Instances }) => Instances ?? [])
    .filter(({ State }) => State?.Name !== 'terminated')
  const instances = living.map((one) => `${one.InstanceId} ${one.InstanceType}`)
  const livingIds = living.map(({ InstanceId }) => InstanceId)
  return {
    instances,
    groups: (groups.SecurityGroups ?? []).map((one) => `${one.GroupId} ${one.GroupName}`),
    volumes: (volumes.Volumes ?? []).map((one) => `${one.VolumeId}`),
    addresses: (addresses.Addresses ?? []).map((one) => `${one.AllocationId} ${one.PublicIp}`),
    interfaces: (interfaces.NetworkInterfaces ?? []).map((one) => `${one.NetworkInterfaceId}`),
    vpcs: (vpcs.Vpcs ?? []).map((one) => `${one.VpcId}`),
    gateways: (gateways.InternetGateways ?? []).map((one) => `${one.InternetGatewayId}`),
    // moto keeps the association of an instance that has ended.
    associations: (associations.IamInstanceProfileAssociations ?? [])
      .filter(({ InstanceId }) => livingIds.includes(InstanceId))
      .map((one) => `${one.InstanceId} ${one.IamInstanceProfile?.Arn}`),
    parameters,
    schedules: [
      ...ScheduleGroups.map(({ Name }) => `schedule-group/${Name}`),
      ...Schedules.map(({ GroupName, Name }) => `schedule/${GroupName}/${Name}`),
    ],
  }
}

/** All but AWS's own public ones, which moto lists too. */
async function parameterNames(ssm: SSMClient): Promise<string[]> {
  const names: string[] = []
  for await (const page of paginateDescribeParameters({ client: ssm, pageSize: 50 }, {})) {
    names.push(...(page.Parameters ?? []).map(({ Name }) => `${Name}`))
  }
  return names.filter((name) => !name.startsWith('/aws/'))
}

/** What was ever made in the account and still stands, terminated instances aside. */
export async function leftovers(account: Account, regions: readonly string[]): Promise<string[]> {
  const standing = Object.values(await inventory(account, regions)).flat()
  return standing.filter((line) => [...account.ledger.made].some((id) => line.split(' ').includes(id)))
}
