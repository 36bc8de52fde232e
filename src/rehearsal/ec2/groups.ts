import type { IpPermission, SecurityGroupRule } from '@aws-sdk/client-ec2'
import { accountId, type Group, type Rule, type Tags } from '../account.js'
import type { Answers } from '../answers.js'
import { found, Refusal } from '../refusal.js'
import { fromTags, tagsFor, type World } from '../world.js'
import { passes } from './filter.js'

/** A new group allows everything out and nothing in. */
export const newGroup = (
  id: World['id'],
  { name, description, vpc, tags = {} }: { name: string; description: string; vpc: string; tags?: Tags },
): Group => ({
  name,
  description,
  vpc,
  tags,
  rules: [{ id: id('sgr'), egress: true, protocol: '-1', cidr4: '0.0.0.0/0', tags: {} }],
})

const groupOf = ({ here }: World, id: string | undefined): Group =>
  found(here.groups, id, 'InvalidGroup.NotFound', `The security group '${id}' does not exist`)

/** Converts one entry of `IpPermissions` into one rule for each source. */
function rulesIn(
  permissions: readonly IpPermission[] | undefined,
  egress: boolean,
  tags: Tags,
  id: World['id'],
) {
  return (permissions ?? []).flatMap((permission): Rule[] => {
    const { IpProtocol: protocol = '-1', FromPort, ToPort } = permission
    const ports = protocol === '-1' ? {} : { from: FromPort ?? -1, to: ToPort ?? -1 }
    const base = { egress, protocol, ...ports, tags }
    const text = (description: string | undefined) => (description ? { description } : {})
    return [
      ...(permission.IpRanges ?? []).map(({ CidrIp = '', Description }) => ({
        cidr4: CidrIp,
        ...text(Description),
      })),
      ...(permission.Ipv6Ranges ?? []).map(({ CidrIpv6 = '', Description }) => ({
        cidr6: CidrIpv6,
        ...text(Description),
      })),
      ...(permission.UserIdGroupPairs ?? []).map(({ GroupId = '', Description }) => ({
        group: GroupId,
        ...text(Description),
      })),
    ].map((source) => ({ id: id('sgr'), ...base, ...source }))
  })
}

const same = (a: Rule, b: Rule): boolean =>
  a.egress === b.egress &&
  a.protocol === b.protocol &&
  a.from === b.from &&
  a.to === b.to &&
  a.cidr4 === b.cidr4 &&
  a.cidr6 === b.cidr6 &&
  a.group === b.group

function authorize(group: Group, rules: Rule[]): Rule[] {
  for (const rule of rules) {
    if (group.rules.some((other) => same(other, rule))) {
      throw new Refusal(
        'InvalidPermission.Duplicate',
        `the specified rule "peer: ${rule.cidr4 ?? rule.cidr6 ?? rule.group}, ${rule.protocol}, ` +
          `from port: ${rule.from}, to port: ${rule.to}, ALLOW" already exists`,
      )
    }
  }
  if (group.rules.filter(({ egress }) => egress === rules[0]?.egress).length + rules.length > 60) {
    throw new Refusal(
      'RulesPerSecurityGroupLimitExceeded',
      'The maximum number of rules per security group has been reached.',
    )
  }
  group.rules.push(...rules)
  return rules
}

function revoke(group: Group, egress: boolean, ids: readonly string[] | undefined, rules: readonly Rule[]) {
  const unknown = ids?.find((id) => !group.rules.some((rule) => rule.id === id && rule.egress === egress))
  if (unknown) {
    throw new Refusal(
      'InvalidSecurityGroupRuleId.NotFound',
      `The security group rule ID '${unknown}' does not exist`,
    )
  }
  if (rules.some((rule) => !group.rules.some((other) => same(other, rule)))) {
    throw new Refusal(
      'InvalidPermission.NotFound',
      'The specified rule does not exist in this security group.',
    )
  }
  group.rules = group.rules.filter(
    (rule) => !ids?.includes(rule.id) && !rules.some((revoked) => same(revoked, rule)),
  )
}

const ruleView = (GroupId: string, rule: Rule): SecurityGroupRule => ({
  SecurityGroupRuleId: rule.id,
  GroupId,
  GroupOwnerId: accountId,
  IsEgress: rule.egress,
  IpProtocol: rule.protocol,
  FromPort: rule.from ?? -1,
  ToPort: rule.to ?? -1,
  CidrIpv4: rule.cidr4,
  CidrIpv6: rule.cidr6,
  ...(rule.group ? { ReferencedGroupInfo: { GroupId: rule.group, UserId: accountId } } : {}),
  Description: rule.description,
  Tags: fromTags(rule.tags),
})

/** Groups rules by protocol and port range, as EC2 does. */
function permissions(rules: readonly Rule[]): IpPermission[] {
  const byPorts = new Map<string, IpPermission>()
  for (const rule of rules) {
    const key = `${rule.protocol} ${rule.from} ${rule.to}`
    const entry = byPorts.get(key) ?? {
      IpProtocol: rule.protocol,
      FromPort: rule.from,
      ToPort: rule.to,
      IpRanges: [],
      Ipv6Ranges: [],
      UserIdGroupPairs: [],
      PrefixListIds: [],
    }
    byPorts.set(key, entry)
    const Description = rule.description
    if (rule.cidr4) entry.IpRanges?.push({ CidrIp: rule.cidr4, Description })
    if (rule.cidr6) entry.Ipv6Ranges?.push({ CidrIpv6: rule.cidr6, Description })
    if (rule.group) entry.UserIdGroupPairs?.push({ GroupId: rule.group, UserId: accountId, Description })
  }
  return [...byPorts.values()]
}

export const groups = {
  CreateSecurityGroup(input, world) {
    const vpc = input.VpcId ?? Object.entries(world.here.vpcs).find(([, one]) => one.default)?.[0]
    if (!vpc) throw new Refusal('VPCIdNotSpecified', 'No default VPC for this user.')
    found(world.here.vpcs, vpc, 'InvalidVpcID.NotFound', `The vpc ID '${vpc}' does not exist`)
    const name = input.GroupName ?? ''
    if (Object.values(world.here.groups).some((group) => group.name === name && group.vpc === vpc)) {
      throw new Refusal(
        'InvalidGroup.Duplicate',
        `The security group '${name}' already exists for VPC '${vpc}'`,
      )
    }
    const tags = tagsFor(input.TagSpecifications, 'security-group')
    const GroupId = world.id('sg')
    world.here.groups[GroupId] = newGroup(world.id, { name, description: input.Description ?? '', vpc, tags })
    return { GroupId, Tags: fromTags(tags) }
  },

  DescribeSecurityGroups(input, world) {
    for (const id of input.GroupIds ?? []) groupOf(world, id)
    const all = Object.entries(world.here.groups)
    for (const name of input.GroupNames ?? []) {
      if (!all.some(([, group]) => group.name === name)) {
        throw new Refusal('InvalidGroup.NotFound', `The security group '${name}' does not exist`)
      }
    }
    return {
      SecurityGroups: all
        .filter(([id]) => input.GroupIds?.includes(id) ?? true)
        .filter(([, group]) => input.GroupNames?.includes(group.name) ?? true)
        .filter(([id, group]) =>
          passes(input.Filters, group.tags, {
            'group-id': id,
            'group-name': group.name,
            'vpc-id': group.vpc,
            description: group.description,
          }),
        )
        .map(([GroupId, group]) => ({
          GroupId,
          GroupName: group.name,
          Description: group.description,
          VpcId: group.vpc,
          OwnerId: accountId,
          Tags: fromTags(group.tags),
          IpPermissions: permissions(group.rules.filter(({ egress }) => !egress)),
          IpPermissionsEgress: permissions(group.rules.filter(({ egress }) => egress)),
        })),
    }
  },

  AuthorizeSecurityGroupIngress(input, world) {
    const tags = tagsFor(input.TagSpecifications, 'security-group-rule')
    const rules = authorize(
      groupOf(world, input.GroupId),
      rulesIn(input.IpPermissions, false, tags, world.id),
    )
    return { Return: true, SecurityGroupRules: rules.map((rule) => ruleView(input.GroupId ?? '', rule)) }
  },

  AuthorizeSecurityGroupEgress(input, world) {
    const tags = tagsFor(input.TagSpecifications, 'security-group-rule')
    const rules = authorize(groupOf(world, input.GroupId), rulesIn(input.IpPermissions, true, tags, world.id))
    return { Return: true, SecurityGroupRules: rules.map((rule) => ruleView(input.GroupId ?? '', rule)) }
  },

  RevokeSecurityGroupIngress(input, world) {
    const rules = rulesIn(input.IpPermissions, false, {}, world.id)
    revoke(groupOf(world, input.GroupId), false, input.SecurityGroupRuleIds, rules)
    return { Return: true }
  },

  DeleteSecurityGroup(input, world) {
    groupOf(world, input.GroupId)
    const GroupId = input.GroupId ?? ''
    const users = Object.values(world.here.instances).filter(({ state }) => state !== 'terminated')
    if (users.some((instance) => instance.groups.includes(GroupId))) {
      throw new Refusal('DependencyViolation', `resource ${GroupId} has a dependent object`)
    }
    delete world.here.groups[GroupId]
    return { Return: true, GroupId }
  },
} satisfies Answers<typeof import('@aws-sdk/client-ec2')>
