import {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  CreateTagsCommand,
  DeleteSecurityGroupCommand,
  type EC2Client,
  type IpPermission,
  paginateDescribeNetworkInterfaces,
  paginateDescribeSecurityGroups,
  RevokeSecurityGroupIngressCommand,
} from '@aws-sdk/client-ec2'
import { ignoreErrors, isCode } from '../aws/errors.js'
import type { Clock } from '../core/clock.js'
import { collect } from '../core/collect.js'
import { LabError } from '../core/error.js'
import { retryWhile } from '../core/wait.js'
import type { Change, Resource, ResourceActions } from '../engine/resource.js'
import type { Identity } from './identity.js'
import { adoptIt, checkOwned, isOwned, type LabId, otherName, tagKeys, tagsOf } from './ownership.js'

/** One rule: a protocol, its ports and one source; in AWS's terms. */
export interface Rule {
  protocol: string
  fromPort: number
  toPort: number
  source: string
  description?: string | undefined
}

export interface SecurityGroupState {
  groupId: string
  owned: boolean
  ingress: readonly Rule[]
  egress: readonly Rule[]
}

const everything: Rule = { protocol: '-1', fromPort: -1, toPort: -1, source: '0.0.0.0/0' }

const keyOf = ({ protocol, fromPort, toPort, source }: Rule) => `${protocol} ${fromPort} ${toPort} ${source}`

/** "22 from 0.0.0.0/0" */
const portsOf = ({ protocol, fromPort, toPort }: Rule) => {
  const ports =
    protocol === '-1' ? 'everything' : fromPort === toPort ? `${fromPort}` : `${fromPort}-${toPort}`
  return `${ports}${['tcp', '-1'].includes(protocol) ? '' : `/${protocol}`}`
}

const say = (rule: Rule) => `${portsOf(rule)} from ${rule.source}`

/** A port can be open to others: "port 80: closed to 0.0.0.0/0 → open to 0.0.0.0/0". */
function change(rule: Rule, opens: boolean): Change {
  const [closed, open] = [`closed to ${rule.source}`, `open to ${rule.source}`]
  const what = rule.protocol === '-1' ? 'every port' : `port ${portsOf(rule)}`
  return { what, ...(opens ? { from: closed, to: open } : { from: open, to: closed }) }
}

function rulesOf(permissions: readonly IpPermission[] = []): Rule[] {
  return permissions.flatMap((permission) => {
    const sources = [
      ...(permission.IpRanges ?? []).map((r) => [r.CidrIp, r.Description]),
      ...(permission.Ipv6Ranges ?? []).map((r) => [r.CidrIpv6, r.Description]),
      ...(permission.PrefixListIds ?? []).map((r) => [r.PrefixListId, r.Description]),
      ...(permission.UserIdGroupPairs ?? []).map((r) => [r.GroupId, r.Description]),
    ]
    return sources.map(([source = '', description]) => ({
      protocol: permission.IpProtocol ?? '-1',
      fromPort: permission.FromPort ?? -1,
      toPort: permission.ToPort ?? -1,
      source,
      ...(description ? { description } : {}),
    }))
  })
}

function permissionOf(rule: Rule): IpPermission {
  const described = rule.description ? { Description: rule.description } : {}
  const source = rule.source.startsWith('sg-')
    ? { UserIdGroupPairs: [{ GroupId: rule.source, ...described }] }
    : rule.source.startsWith('pl-')
      ? { PrefixListIds: [{ PrefixListId: rule.source, ...described }] }
      : rule.source.includes(':')
        ? { Ipv6Ranges: [{ CidrIpv6: rule.source, ...described }] }
        : { IpRanges: [{ CidrIp: rule.source, ...described }] }
  return {
    IpProtocol: rule.protocol,
    ...(rule.protocol === '-1' ? {} : { FromPort: rule.fromPort, ToPort: rule.toPort }),
    ...source,
  }
}

const missing = (wanted: readonly Rule[], there: readonly Rule[]) => {
  const keys = new Set(there.map(keyOf))
  return wanted.filter((rule) => !keys.has(keyOf(rule)))
}

/** Allows the chosen addresses in, and everything out. */
export function securityGroup(options: {
  ec2: EC2Client
  lab: LabId
  adopt: boolean
  name: string
  /**
   * The VPC in which it is created; called only if needed. Undefined if the command doesn't create it, so a group of
   * the same name is no obstacle.
   */
  vpcId: (() => Promise<string>) | undefined
  ingress: readonly Rule[]
  /** The creation id, as stored in the settings; the creating call sets it as a tag. */
  creation: string
  identity: Resource<Identity>
  after: readonly Resource[]
}): Resource<SecurityGroupState> {
  const { ec2, lab, name, ingress, vpcId: vpcIdOf } = options

  /** An unproven group with the same name in the lab's VPC. LabError `unowned` without `adopt`. */
  const namesake = async () => {
    if (!vpcIdOf) return undefined
    const found = await collect(
      paginateDescribeSecurityGroups({ client: ec2 }, { Filters: [{ Name: 'group-name', Values: [name] }] }),
      ({ SecurityGroups = [] }) => SecurityGroups,
    )
    // One of this name in another VPC is no obstacle.
    const vpcId = found.length === 0 ? undefined : await vpcIdOf()
    const group = found.find((one) => one.VpcId === vpcId)
    if (group && isOwned(lab, group.Tags) && !options.adopt) throw unproven(name, group.GroupId)
    if (group && !isOwned(lab, group.Tags)) {
      checkOwned(lab, `security group ${name}`, group.Tags, options.adopt)
    }
    return group
  }

  return {
    name: `security group ${name}`,
    after: options.after,
    id: (state) => state.groupId,

    async observe(seen) {
      const proven = (await seen(options.identity))?.group
      const group = proven ?? (await namesake())
      if (!group?.GroupId) return undefined
      return {
        groupId: group.GroupId,
        owned: proven !== undefined,
        ingress: rulesOf(group.IpPermissions),
        egress: rulesOf(group.IpPermissionsEgress),
      }
    },

    changes(state) {
      if (!state) return ingress.map((rule) => ({ what: 'port', to: say(rule) }))
      return [
        ...(state.owned ? [] : [{ what: 'ownership', from: 'not ours', to: `lab ${lab.name}` }]),
        ...missing(state.ingress, ingress).map((rule) => change(rule, false)),
        ...missing(ingress, state.ingress).map((rule) => change(rule, true)),
        ...(missing([everything], state.egress).length > 0
          ? [{ what: 'outgoing', from: 'limited', to: 'everything' }]
          : []),
      ]
    },

    async ensure(state, work) {
      let GroupId = state?.groupId
      const tags = [{ Key: tagKeys.creation, Value: options.creation }, ...tagsOf(lab)]
      if (!GroupId) {
        const made = await ec2.send(
          new CreateSecurityGroupCommand({
            GroupName: name,
            Description: 'LibreChat: HTTPS and Portainer from chosen addresses only. Made by librechat-lab.',
            VpcId: await vpcIdOf?.(),
            TagSpecifications: [
              { ResourceType: 'security-group', Tags: [{ Key: 'Name', Value: name }, ...tags] },
            ],
          }),
        )
        GroupId = made.GroupId as string
      } else if (state && !state.owned) {
        await ec2.send(new CreateTagsCommand({ Resources: [GroupId], Tags: tags }))
      }
      const known = { ...timeoutOptions(work), for: `the security group ${GroupId} to be available` }
      const close = missing(state?.ingress ?? [], ingress)
      const open = missing(ingress, state?.ingress ?? [])
      if (close.length > 0) {
        const IpPermissions = close.map(permissionOf)
        await ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId, IpPermissions }))
      }
      if (open.length > 0) {
        const IpPermissions = open.map(permissionOf)
        await retryWhile(known, notFound, () =>
          ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions })),
        )
      }
      if (state && missing([everything], state.egress).length > 0) {
        const IpPermissions = [permissionOf(everything)]
        await ec2.send(new AuthorizeSecurityGroupEgressCommand({ GroupId, IpPermissions }))
      }
      return { groupId: GroupId, owned: true, ingress, egress: [everything] }
    },

    async remove(state, work) {
      const { groupId: GroupId } = state
      try {
        await retryWhile(
          { ...timeoutOptions(work), for: 'the security group to be unused', deadlineMs: 5 * 60_000 },
          (error) => {
            if (!isCode(error, 'DependencyViolation')) return false
            work.progress('waiting until it is no longer in use')
            return true
          },
          () =>
            ignoreErrors(['InvalidGroup.NotFound', 'InvalidGroupId.Malformed'], () =>
              ec2.send(new DeleteSecurityGroupCommand({ GroupId })),
            ),
        )
      } catch (error) {
        if (!isCode(error, 'DependencyViolation')) throw error
        throw await inUse(ec2, GroupId, error)
      }
    },
  }
}

export const securityGroupActions = {
  observe: ['ec2:DescribeSecurityGroups'],
  ensure: [
    'ec2:CreateSecurityGroup',
    'ec2:CreateTags',
    'ec2:AuthorizeSecurityGroupIngress',
    'ec2:RevokeSecurityGroupIngress',
    'ec2:AuthorizeSecurityGroupEgress',
  ],
  remove: ['ec2:DeleteSecurityGroup', 'ec2:DescribeNetworkInterfaces'],
} as const satisfies ResourceActions

const unproven = (name: string, groupId = '') =>
  new LabError({
    code: 'unowned',
    what: `There is already a security group ${name} (${groupId}), and it is not proven to be this lab's.`,
    why: 'It has the lab’s tags, but not the creation id in the settings.',
    fix: [otherName, adoptIt],
  })

const notFound = (error: unknown) => isCode(error, 'InvalidGroup.NotFound')
const timeoutOptions = ({ clock, signal }: { clock: Clock; signal: AbortSignal }) => ({
  clock,
  signal,
  deadlineMs: 60_000,
})

async function inUse(ec2: EC2Client, groupId: string, cause: unknown): Promise<LabError> {
  const users = await groupUsers(ec2, groupId)
  return new LabError({
    code: 'dependency-violation',
    what: `The security group ${groupId} is still in use after 5 minutes.`,
    why:
      users.length > 0
        ? `These network interfaces use it: ${users.map(({ text }) => text).join(', ')}.`
        : 'AWS does not say what uses it; perhaps a rule of another group refers to it.',
    fix: ['Remove the group from them, then run the same command again.'],
    fault: 'aws',
    cause,
  })
}

/** What each of these groups allows in, for users: "22 from 0.0.0.0/0". */
export async function groupRules(
  ec2: EC2Client,
  groupIds: readonly string[],
): Promise<[groupId: string, rules: string[]][]> {
  const groups = await collect(
    paginateDescribeSecurityGroups(
      { client: ec2 },
      { Filters: [{ Name: 'group-id', Values: [...new Set(groupIds)] }] },
    ),
    ({ SecurityGroups = [] }) => SecurityGroups,
  )
  return groups.map(({ GroupId = '', IpPermissions }) => [GroupId, rulesOf(IpPermissions).map(say)])
}

export interface GroupUser {
  instanceId: string | undefined
  /** "eni-0123 (i-0123)" */
  text: string
}

/** All network interfaces in the group, also foreign ones. */
export async function groupUsers(ec2: EC2Client, groupId: string): Promise<GroupUser[]> {
  const interfaces = await collect(
    paginateDescribeNetworkInterfaces(
      { client: ec2 },
      { Filters: [{ Name: 'group-id', Values: [groupId] }] },
    ),
    ({ NetworkInterfaces = [] }) => NetworkInterfaces,
  )
  return interfaces.map(({ NetworkInterfaceId, Description, Attachment, InterfaceType }) => ({
    instanceId: Attachment?.InstanceId,
    text: `${NetworkInterfaceId} (${Attachment?.InstanceId ?? (Description || InterfaceType)})`,
  }))
}
