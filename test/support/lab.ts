import {
  type Address,
  DescribeAddressesCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeSecurityGroupsCommand,
  DescribeVolumesCommand,
  type Instance,
  type SecurityGroup,
  type Volume,
} from '@aws-sdk/client-ec2'
import {
  GetInstanceProfileCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  type InstanceProfile,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  type Role,
} from '@aws-sdk/client-iam'
import { GetParameterCommand, ListTagsForResourceCommand } from '@aws-sdk/client-ssm'
import type { Account } from './account.js'
import type { Witness } from './clients.js'

/** What stands in the account of one lab, found by its names alone and asked of moto itself. */
export interface Found {
  readonly role: (Role & { attached: string[]; inline: Record<string, unknown> }) | undefined
  readonly profile: InstanceProfile | undefined
  /** All that bear the name, so that a second one is seen. */
  readonly groups: SecurityGroup[]
  /** All that bear the name and have not ended. */
  readonly instances: (Instance & { protectedFromTermination: boolean; profileArn: string | undefined })[]
  readonly volumes: Volume[]
  readonly addresses: Address[]
  readonly spec: { instanceType: string; diskGb: number; models: { id: string; label: string }[] } | undefined
  readonly specTags: Record<string, string>
  readonly lock: string | undefined
}

export interface Where {
  name?: string
  region?: string
}

export async function lab(
  account: Account,
  { name = 'default', region = 'us-east-1' }: Where = {},
): Promise<Found> {
  const suffix = name === 'default' ? '' : `-${name}`
  const at = account.at(region)
  const instances = await instancesOf(at, `LibreChat${suffix}`)
  const volumes = instances.flatMap((one) =>
    (one.BlockDeviceMappings ?? []).map(({ Ebs }) => Ebs?.VolumeId ?? ''),
  )
  const groupFilter = [{ Name: 'group-name', Values: [`LibreChatSecurityGroup${suffix}`] }]
  const addressFilter = [{ Name: 'tag:Name', Values: [`LibreChat${suffix}`] }]
  const [role, profile, groups, addresses, described] = await Promise.all([
    roleOf(at, `LibreChatInstanceRole${suffix}`),
    profileOf(at, `LibreChatInstanceRole${suffix}`),
    at.ec2.send(new DescribeSecurityGroupsCommand({ Filters: groupFilter })),
    at.ec2.send(new DescribeAddressesCommand({ Filters: addressFilter })),
    volumes.length ? at.ec2.send(new DescribeVolumesCommand({ VolumeIds: volumes })) : { Volumes: [] },
  ])
  const spec = await parameter(at, `/librechat-lab/${name}/spec`)
  return {
    role,
    profile,
    groups: groups.SecurityGroups ?? [],
    instances,
    volumes: described.Volumes ?? [],
    addresses: addresses.Addresses ?? [],
    spec: spec && JSON.parse(spec),
    specTags: spec ? await parameterTags(at, `/librechat-lab/${name}/spec`) : {},
    lock: await parameter(at, `/librechat-lab/${name}/lock`),
  }
}

/** The one of something of which there must be exactly one. */
export function only<T>(things: readonly T[] | undefined): T {
  const [thing, ...more] = things ?? []
  if (thing === undefined || more.length > 0)
    throw new Error(`wanted exactly one, found ${things?.length ?? 0}`)
  return thing
}

/** A group's inbound rules, one line each: `tcp 443 81.2.69.160/32`. */
export const inbound = (group: SecurityGroup): string[] =>
  (group.IpPermissions ?? [])
    .flatMap(({ IpProtocol, FromPort, ToPort, IpRanges = [], Ipv6Ranges = [] }) => {
      const ports = FromPort === ToPort ? FromPort : `${FromPort}-${ToPort}`
      const from = [...IpRanges.map(({ CidrIp }) => CidrIp), ...Ipv6Ranges.map(({ CidrIpv6 }) => CidrIpv6)]
      return from.map((cidr) => `${IpProtocol} ${ports} ${cidr}`)
    })
    .sort()

export const tagsOf = (tags: { Key?: string | undefined; Value?: string | undefined }[] | undefined) =>
  Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key, Value]))

async function instancesOf({ ec2 }: Witness, name: string): Promise<Found['instances']> {
  const filter = [{ Name: 'tag:Name', Values: [name] }]
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ Filters: filter }))
  const living = Reservations.flatMap(({ Instances = [] }) => Instances).filter(
    ({ State }) => State?.Name !== 'terminated',
  )
  return Promise.all(
    living.map(async (instance) => {
      const InstanceId = instance.InstanceId ?? ''
      const ofInstance = [{ Name: 'instance-id', Values: [InstanceId] }]
      const [attribute, associations] = await Promise.all([
        ec2.send(new DescribeInstanceAttributeCommand({ InstanceId, Attribute: 'disableApiTermination' })),
        ec2.send(new DescribeIamInstanceProfileAssociationsCommand({ Filters: ofInstance })),
      ])
      const profileArn = associations.IamInstanceProfileAssociations?.[0]?.IamInstanceProfile?.Arn
      const protectedFromTermination = attribute.DisableApiTermination?.Value === true
      return { ...instance, protectedFromTermination, profileArn }
    }),
  )
}

async function roleOf({ iam }: Witness, RoleName: string): Promise<Found['role']> {
  const found = await orNothing('NoSuchEntity', iam.send(new GetRoleCommand({ RoleName })))
  if (!found?.Role) return undefined
  const [attached, inline] = await Promise.all([
    iam.send(new ListAttachedRolePoliciesCommand({ RoleName })),
    iam.send(new ListRolePoliciesCommand({ RoleName })),
  ])
  const documents = (inline.PolicyNames ?? []).map(async (PolicyName) => {
    const { PolicyDocument } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }))
    return [PolicyName, JSON.parse(decodeURIComponent(PolicyDocument ?? ''))] as const
  })
  return {
    ...found.Role,
    attached: (attached.AttachedPolicies ?? []).map(({ PolicyArn }) => String(PolicyArn)),
    inline: Object.fromEntries(await Promise.all(documents)),
  }
}

async function profileOf({ iam }: Witness, name: string): Promise<InstanceProfile | undefined> {
  const ask = { InstanceProfileName: name }
  return (await orNothing('NoSuchEntity', iam.send(new GetInstanceProfileCommand(ask))))?.InstanceProfile
}

async function parameter({ ssm }: Witness, Name: string): Promise<string | undefined> {
  return (await orNothing('ParameterNotFound', ssm.send(new GetParameterCommand({ Name }))))?.Parameter?.Value
}

async function parameterTags({ ssm }: Witness, ResourceId: string): Promise<Record<string, string>> {
  const { TagList } = await ssm.send(
    new ListTagsForResourceCommand({ ResourceType: 'Parameter', ResourceId }),
  )
  return tagsOf(TagList) as Record<string, string>
}

async function orNothing<T>(code: string, answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if ((error as Error).name.startsWith(code)) return undefined
    throw error
  }
}

/** What is wrong with a lab of default choices: nothing, when there is one of each and each is as it should be. */
export function complaints(found: Found): string[] {
  const wrong: string[] = []
  const check = (what: string, is: boolean) => is || wrong.push(what)
  const [instance] = found.instances
  const [group] = found.groups
  const [address] = found.addresses
  check('one instance', found.instances.length === 1)
  check('one group', found.groups.length === 1)
  check('one address', found.addresses.length === 1)
  check('one volume', found.volumes.length === 1)
  check('role', found.role?.attached.length === 1 && Object.keys(found.role.inline).length === 1)
  check('profile', found.profile?.Roles?.[0]?.RoleName === found.role?.RoleName)
  check('rules', group !== undefined && inbound(group).length === 3)
  check('running', instance?.State?.Name === 'running')
  check('profile attached', instance?.profileArn !== undefined && instance.profileArn === found.profile?.Arn)
  check('group attached', instance?.SecurityGroups?.map(({ GroupId }) => GroupId).join() === group?.GroupId)
  check('IMDSv2', instance?.MetadataOptions?.HttpTokens === 'required')
  check('termination protection', instance?.protectedFromTermination === true)
  check('disk', found.volumes[0]?.Encrypted === true && found.volumes[0]?.Size === 30)
  check(
    'address associated',
    address?.InstanceId !== undefined && address.InstanceId === instance?.InstanceId,
  )
  check('address protected', tagsOf(address?.Tags)['librechat-lab:protected'] === 'true')
  check('settings', found.spec !== undefined)
  check('no lock left', found.lock === undefined)
  return wrong
}
