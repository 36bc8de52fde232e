import { StartInstancesCommand, StopInstancesCommand } from '@aws-sdk/client-ec2'
import { GetRoleCommand, GetRolePolicyCommand, ListRolePoliciesCommand } from '@aws-sdk/client-iam'
import { GetScheduleCommand } from '@aws-sdk/client-scheduler'
import type { Witness } from '../clients.js'
import type { Call } from './call.js'
import type { Supplement } from './gateway.js'
import { decide, documentOf } from './policy.js'
import { type Answer, errorAnswer } from './wire.js'

interface Sent {
  GroupName?: string
  ScheduleExpression?: string
  ScheduleExpressionTimezone?: string
  FlexibleTimeWindow?: { Mode?: string; MaximumWindowInMinutes?: number }
  State?: string
  Target?: {
    Arn?: string
    RoleArn?: string
    Input?: string
    RetryPolicy?: { MaximumEventAgeInSeconds?: number; MaximumRetryAttempts?: number }
  }
}

export interface Schedules extends Supplement {
  /** Fires a schedule now, as Scheduler would: with its role, or not at all. What it did, or why it could not. */
  fire(region: string, group: string, name: string): Promise<string>
}

/** moto keeps any schedule and never fires one: this judges them as Scheduler does, and fires them on request. */
export function schedules(witness: (region: string) => Witness, account: string): Schedules {
  return {
    async before(call) {
      if (call.service !== 'scheduler' || !/^(POST|PUT) \/schedules\//.test(call.action)) return undefined
      const sent = call.params as Sent
      const why =
        unfit(sent) ??
        ((await trusts(witness(call.region), account, sent, call.region)) ? undefined : notAssumed)
      return why === undefined ? undefined : validation(call, why)
    },

    async fire(region, group, name) {
      const { ec2, iam, scheduler } = witness(region)
      const one = (await scheduler.send(new GetScheduleCommand({ GroupName: group, Name: name }))) as Sent
      if (one.State === 'DISABLED') return 'disabled'
      if (!(await trusts(witness(region), account, { ...one, GroupName: group }, region))) return notAssumed
      const { InstanceIds = [] } = JSON.parse(one.Target?.Input ?? '{}') as { InstanceIds?: string[] }
      const starts = one.Target?.Arn?.endsWith('startInstances')
      const action = starts ? 'ec2:StartInstances' : 'ec2:StopInstances'
      const RoleName = roleName(one)
      const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }))
      const policies = await Promise.all(
        PolicyNames.map((PolicyName) => iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }))),
      )
      const statements = policies.flatMap(({ PolicyDocument }) => documentOf(PolicyDocument))
      for (const id of InstanceIds) {
        const resource = `arn:aws:ec2:${region}:${account}:instance/${id}`
        if (decide(statements, { action, resource, context: {} }) !== 'allowed')
          return `${action} is not allowed`
      }
      if (starts) await ec2.send(new StartInstancesCommand({ InstanceIds }))
      else await ec2.send(new StopInstancesCommand({ InstanceIds }))
      return `${action} ${InstanceIds}`
    },
  }
}

const validation = (call: Call, why: string): Answer => {
  const answer = errorAnswer(call, 'ValidationException', why)
  return { ...answer, headers: { ...answer.headers, 'content-type': 'application/json' } }
}

/** Seen in life, word for word, also where the trust's conditions do not hold. */
const notAssumed = 'The execution role you provide must allow AWS EventBridge Scheduler to assume the role.'

const field = (values: string) => `(?:${values})(?:[,-](?:${values}))*`
const day = 'SUN|MON|TUE|WED|THU|FRI|SAT'
/** Six fields, one of the two days "?": https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based */
const cron = new RegExp(
  `^cron\\((?:${field('[0-5]?\\d')}|\\*) (?:${field('[01]?\\d|2[0-3]')}|\\*) (?:\\? \\* (?:${field(`${day}|[1-7]`)})|(?:\\*|${field('[12]?\\d|3[01]')}) \\* \\?) \\*\\)$`,
)

/** https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html */
function unfit({ ScheduleExpression = '', ScheduleExpressionTimezone, FlexibleTimeWindow, Target }: Sent) {
  if (!cron.test(ScheduleExpression)) return `Invalid Schedule Expression ${ScheduleExpression}.`
  if (ScheduleExpressionTimezone !== undefined && !isZone(ScheduleExpressionTimezone))
    return `Invalid timezone ${ScheduleExpressionTimezone}.`
  if (!/^(OFF|FLEXIBLE)$/.test(FlexibleTimeWindow?.Mode ?? '')) return 'FlexibleTimeWindow is required.'
  // Universal targets: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
  if (!/^arn:aws(-cn|-us-gov)?:scheduler:::aws-sdk:ec2:(start|stop)Instances$/.test(Target?.Arn ?? ''))
    return `Provided Arn is not in correct format. ${Target?.Arn}`
  if (!isJson(Target?.Input ?? '')) return 'Invalid RequestJson provided. Reason: it is not well-formed.'
  // https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html
  const { MaximumEventAgeInSeconds: age = 86_400, MaximumRetryAttempts: attempts = 185 } =
    Target?.RetryPolicy ?? {}
  if (age < 60 || age > 86_400 || attempts < 0 || attempts > 185) return 'Invalid RetryPolicy.'
  return undefined
}

const isZone = (timeZone: string): boolean =>
  ['UTC', ...Intl.supportedValuesOf('timeZone')].includes(timeZone)

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object'
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}

const roleName = ({ Target }: Sent) => Target?.RoleArn?.split('/').pop() ?? ''

interface Trust {
  Effect: string
  Principal?: { Service?: string | string[] }
  Condition?: { StringEquals?: Record<string, string>; ArnLike?: Record<string, string> }
}

/**
 * Whether Scheduler may assume the role for this group: the source is the group, never one of its schedules.
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
 */
async function trusts({ iam }: Witness, account: string, sent: Sent, region: string): Promise<boolean> {
  const RoleName = roleName(sent)
  if (!sent.Target?.RoleArn?.startsWith(`arn:aws:iam::${account}:role/`)) return false
  const found = await iam.send(new GetRoleCommand({ RoleName })).catch((error: Error) => {
    if (error.name.startsWith('NoSuchEntity')) return undefined
    throw error
  })
  const trust = documentOf(found?.Role?.AssumeRolePolicyDocument) as unknown as Trust[]
  const source: Record<string, string> = {
    'aws:SourceAccount': account,
    'aws:SourceArn': `arn:aws:scheduler:${region}:${account}:schedule-group/${sent.GroupName ?? 'default'}`,
  }
  return trust.some(
    ({ Effect, Principal, Condition }) =>
      Effect === 'Allow' &&
      [Principal?.Service].flat().includes('scheduler.amazonaws.com') &&
      Object.entries({ ...Condition?.StringEquals, ...Condition?.ArnLike }).every(
        ([key, wanted]) => source[key] === wanted,
      ),
  )
}
