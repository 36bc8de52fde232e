import {
  MANAGED_POLICY_LIMIT,
  type PolicyConditions,
  type PolicyDocument,
  policySize,
} from '../core/policy.js'
import { tagKeys } from '../resources/ownership.js'
import { features, type Needs } from './permissions.js'

/** Resources and conditions for actions, as narrow as AWS supports. An action can be in several. */
interface Scope {
  readonly sid: string
  readonly actions: (action: string) => boolean
  readonly resource: string | readonly string[]
  readonly condition?: PolicyConditions
}

const only =
  (...names: string[]) =>
  (action: string) =>
    names.includes(action)

/** Actions that support the resource's tags as a condition, and only act on the lab's own resources. */
const onWhatIsOurs =
  /^ec2:(Terminate|Start|Stop|Modify|Delete|Release|Associate|Disassociate|DisableAddress|Authorize|Revoke|Replace|RunInstances|CreateTags|CreateSnapshot|DescribeInstanceAttribute)/

/** The lab's tag exists on the resource, or among the tags that the call sets. */
const tagged = (where: 'aws:ResourceTag' | 'aws:RequestTag') => ({
  Null: { [`${where}/${tagKeys.lab}`]: 'false' },
})

/** https://docs.aws.amazon.com/service-authorization/latest/reference/ says which action takes which resource. */
function scopesOf(
  partition: string,
  {
    actions,
    documents,
    adopts,
  }: { actions: readonly string[]; documents: readonly string[]; adopts: boolean },
): Scope[] {
  const arn = (service: string, ...resources: string[]) =>
    resources.map((resource) => `arn:${partition}:${service}:*:*:${resource}`)
  const iam = (resource: string) => `arn:${partition}:iam::*:${resource}/LibreChatInstanceRole*`
  const scheduleRole = `arn:${partition}:iam::*:role/LibreChatScheduleRole*`
  const sessions = only('ssm:StartSession', 'ssm:SendCommand')
  // Without this, a session that names no document would open a shell, whatever documents are listed.
  const named = { BoolIfExists: { 'ssm:SessionDocumentAccessCheck': 'true' } }
  return [
    {
      sid: 'PassTheRole',
      actions: (action) => action === 'iam:PassRole' && actions.includes('ec2:RunInstances'),
      resource: iam('role'),
      condition: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
    },
    {
      sid: 'PassTheScheduleRole',
      actions: (action) => action === 'iam:PassRole' && actions.includes('scheduler:CreateSchedule'),
      resource: scheduleRole,
      condition: { StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' } },
    },
    {
      sid: 'Schedules',
      actions: (action) => /^scheduler:(?!ListSchedules)/.test(action),
      resource: arn('scheduler', 'schedule/LibreChat*/*', 'schedule-group/LibreChat*'),
    },
    {
      sid: 'Budget',
      // The other partitions are billed through accounts of this one.
      actions: (action) => partition === 'aws' && action.startsWith('budgets:'),
      resource: `arn:${partition}:budgets::*:budget/LibreChat*`,
    },
    {
      sid: 'LetSystemsManagerIn',
      actions: only('iam:AttachRolePolicy'),
      resource: iam('role'),
      condition: {
        ArnEquals: { 'iam:PolicyARN': `arn:${partition}:iam::aws:policy/AmazonSSMManagedInstanceCore` },
      },
    },
    {
      sid: 'RoleAndProfile',
      actions: (action) => /^iam:(?!PassRole|AttachRolePolicy)/.test(action),
      resource: [iam('role'), iam('instance-profile'), scheduleRole],
    },
    {
      sid: 'SettingsAndLock',
      actions: (action) =>
        /^ssm:.*(Parameter$|Parameters$|ByPath|Tags)/.test(action) && !/GetParameters$/.test(action),
      // IAM checks a list by path against the path itself.
      resource: arn('ssm', 'parameter/librechat-lab', 'parameter/librechat-lab/*'),
    },
    {
      sid: 'NewestImage',
      actions: only('ssm:GetParameters'),
      resource: arn('ssm', 'parameter/aws/service/ami-amazon-linux-latest/*'),
    },
    {
      sid: 'OnOurHosts',
      actions: sessions,
      resource: arn('ec2', 'instance/*'),
      condition: { StringLike: { [`ssm:resourceTag/${tagKeys.lab}`]: '*' }, ...named },
    },
    {
      sid: 'ByTheseDocuments',
      actions: sessions,
      resource: arn('ssm', ...documents.map((name) => `document/${name}`)),
      condition: named,
    },
    {
      sid: 'OwnSessions',
      actions: only('ssm:ResumeSession', 'ssm:TerminateSession'),
      resource: arn('ssm', 'session/*'),
      // AWS tags each session with the caller's id, which the session's own id doesn't contain.
      // biome-ignore lint/suspicious/noTemplateCurlyInString: IAM's variable
      condition: { StringEquals: { 'ssm:resourceTag/aws:ssmmessages:session-id': '${aws:userid}' } },
    },
    {
      sid: 'MakeFromAnything',
      actions: only('ec2:RunInstances', 'ec2:CreateSecurityGroup'),
      resource: arn('ec2', 'image/*', 'subnet/*', 'vpc/*'),
    },
    {
      sid: 'LaunchTagged',
      actions: only('ec2:RunInstances'),
      resource: arn('ec2', 'instance/*', 'volume/*', 'network-interface/*'),
      condition: tagged('aws:RequestTag'),
    },
    {
      sid: 'MakeTagged',
      actions: only('ec2:AllocateAddress', 'ec2:CreateSecurityGroup', 'ec2:CreateSnapshot'),
      // A snapshot's ARN has no account, and the pattern also matches that.
      resource: arn('ec2', 'elastic-ip/*', 'security-group/*', 'snapshot/*'),
      condition: tagged('aws:RequestTag'),
    },
    {
      sid: 'TagWhatIsMade',
      actions: only('ec2:CreateTags'),
      resource: '*',
      condition: {
        StringEquals: {
          'ec2:CreateAction': ['RunInstances', 'AllocateAddress', 'CreateSecurityGroup', 'CreateSnapshot'],
        },
      },
    },
    {
      sid: 'ChangeWhatIsOurs',
      actions: (action) => onWhatIsOurs.test(action),
      resource: '*',
      condition: tagged('aws:ResourceTag'),
    },
    ...(adopts ? [adoption(arn('ec2', 'security-group/*'))] : []),
  ]
}

/**
 * Anyone who can tag any group as the lab's can change any group, so this is not part of the policy for all commands.
 */
const adoption = (resource: readonly string[]): Scope => ({
  sid: 'AdoptGroups',
  actions: only('ec2:CreateTags'),
  resource,
  condition: {
    'ForAllValues:StringEquals': { 'aws:TagKeys': [tagKeys.lab, tagKeys.region, tagKeys.creation] },
  },
})

/**
 * The least privileges for these needs: one document when it fits into a managed policy, else one for each feature.
 * @param limit characters in one document, whitespace not counted
 */
export function operatorPolicies(
  partition: string,
  needs: readonly Needs[],
  limit = MANAGED_POLICY_LIMIT,
): readonly PolicyDocument[] {
  const whole = operatorPolicy(partition, needs)
  if (policySize(whole) <= limit) return [whole]
  const byFeature = features.map((feature) => needs.filter((need) => need.feature === feature))
  return byFeature.filter(({ length }) => length > 0).map((some) => operatorPolicy(partition, some))
}

/** Actions without resource-level permissions are in the last statement. */
function operatorPolicy(partition: string, needs: readonly Needs[]): PolicyDocument {
  const actions = [...new Set(needs.flatMap((need) => need.actions))].sort()
  const documents = [...new Set(needs.flatMap((need) => need.documents ?? []))].sort()
  const scopes = scopesOf(partition, { actions, documents, adopts: needs.some(({ adopts }) => adopts) })
  const scoped = scopes.map(({ actions: takes, sid, resource, condition }) => ({
    Sid: sid,
    Effect: 'Allow' as const,
    Action: actions.filter(takes),
    Resource: resource,
    ...(condition ? { Condition: condition } : {}),
  }))
  const rest = actions.filter((action) => !scopes.some(({ actions: takes }) => takes(action)))
  const Statement = [
    ...scoped,
    { Sid: 'WithoutResource', Effect: 'Allow' as const, Action: rest, Resource: '*' },
  ]
  return { Version: '2012-10-17', Statement: Statement.filter(({ Action }) => Action.length > 0) }
}
