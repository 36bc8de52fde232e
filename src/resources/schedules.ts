import {
  CreateScheduleCommand,
  type CreateScheduleCommandInput,
  DeleteScheduleCommand,
  GetScheduleCommand,
  type SchedulerClient,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler'
import { ignoreErrors, isCode } from '../aws/errors.js'
import { retryWhile } from '../core/wait.js'
import type { Change, Resource, ResourceActions } from '../engine/resource.js'
import { timeoutOptions } from './instance/describe.js'
import type { InstanceState } from './instance.js'
import type { LabId } from './ownership.js'
import { type ScheduleGroupState, scheduleNames } from './schedule-group.js'
import type { ScheduleRoleState } from './schedule-role.js'

type Event = (typeof scheduleNames)[number]

/** One of the two schedules, with the fields that the lab sets. */
interface OneSchedule {
  expression: string
  timezone: string
  enabled: boolean
  target: string
  role: string
  instances: string
  retry: string
  flexible: string
}

export type SchedulesState = { [Name in Event]?: OneSchedule } & { group: string }

/**
 * Retries for 15 minutes, because a late start or stop is more surprising than a missing one:
 * https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html
 */
const retryPolicy = { MaximumEventAgeInSeconds: 15 * 60, MaximumRetryAttempts: 185 }

/** AWS returns this error just after a role is created. */
const isRoleUnknown = (error: unknown) =>
  isCode(error, 'ValidationException') && /allow AWS EventBridge Scheduler to assume/.test(`${error}`)

/** The two schedules that start and stop the lab's instance. */
export function schedules(options: {
  scheduler: SchedulerClient
  lab: LabId
  groupName: string
  /** Undefined if no schedule is wanted; then they are only observed and removed. */
  wanted: { expressions: Record<Event, string>; timezone: string; text: string } | undefined
  role: Resource<ScheduleRoleState>
  roleArn: string
  group: Resource<ScheduleGroupState>
  instance: Resource<InstanceState>
}): Resource<SchedulesState> {
  const { scheduler, lab, groupName: GroupName, wanted, role, group, instance } = options

  const inputOf = (event: Event, instanceId: string): CreateScheduleCommandInput => ({
    Name: event,
    GroupName,
    Description: `${event === 'start' ? 'Starts' : 'Stops'} the lab "${lab.name}". Made by librechat-lab.`,
    ScheduleExpression: wanted?.expressions[event],
    ScheduleExpressionTimezone: wanted?.timezone,
    State: 'ENABLED',
    FlexibleTimeWindow: { Mode: 'OFF' },
    Target: {
      Arn: `arn:${lab.partition}:scheduler:::aws-sdk:ec2:${event}Instances`,
      RoleArn: options.roleArn,
      Input: JSON.stringify({ InstanceIds: [instanceId] }),
      RetryPolicy: retryPolicy,
    },
  })
  const look = async (Name: Event) =>
    await ignoreErrors(['ResourceNotFoundException'], async () =>
      shapeOf(await scheduler.send(new GetScheduleCommand({ Name, GroupName }))),
    )

  return {
    name: `schedules ${GroupName}`,
    after: [role, group, instance],
    id: (state) => state.group,

    async observe(seen) {
      const there = await seen(group)
      await Promise.all([seen(role), seen(instance)])
      if (!there) return undefined
      const [start, stop] = await Promise.all(scheduleNames.map(look))
      if (!start && !stop) return undefined
      return { group: GroupName, ...(start ? { start } : {}), ...(stop ? { stop } : {}) }
    },

    changes(state, seen) {
      if (!state) return [{ what: 'when', to: wanted?.text ?? 'never' }]
      const instanceId = seen(instance)?.instanceId ?? 'the new one'
      return scheduleNames.flatMap((event) =>
        differences(event, state[event], shapeOf(inputOf(event, instanceId))),
      )
    },

    async ensure(state, work) {
      const [{ instanceId }] = await Promise.all([work.ready(instance), work.ready(role), work.ready(group)])
      for (const event of scheduleNames) {
        const input = inputOf(event, instanceId)
        if (JSON.stringify(state?.[event]) === JSON.stringify(shapeOf(input))) continue
        await retryWhile(
          { ...timeoutOptions(work, 2), for: 'the role to be available' },
          (error) => {
            if (isRoleUnknown(error)) work.progress('waiting for the role to be available', 10_000)
            return isRoleUnknown(error)
          },
          (): Promise<unknown> =>
            state?.[event]
              ? scheduler.send(new UpdateScheduleCommand(input))
              : scheduler.send(new CreateScheduleCommand(input)),
        )
      }
      const [start, stop] = scheduleNames.map((event) => shapeOf(inputOf(event, instanceId)))
      return { group: GroupName, ...(start ? { start } : {}), ...(stop ? { stop } : {}) }
    },

    async remove() {
      // The start first: a lab that is being destroyed must not start again.
      for (const Name of scheduleNames)
        await ignoreErrors(['ResourceNotFoundException'], () =>
          scheduler.send(new DeleteScheduleCommand({ Name, GroupName })),
        )
    },
  }
}

export const schedulesActions = {
  observe: ['scheduler:GetSchedule'],
  ensure: ['scheduler:CreateSchedule', 'scheduler:UpdateSchedule', 'iam:PassRole'],
  remove: ['scheduler:DeleteSchedule'],
} as const satisfies ResourceActions

const shapeOf = (one: Partial<CreateScheduleCommandInput>): OneSchedule => ({
  expression: one.ScheduleExpression ?? '',
  timezone: one.ScheduleExpressionTimezone ?? 'UTC',
  enabled: one.State !== 'DISABLED',
  target: one.Target?.Arn ?? '',
  role: one.Target?.RoleArn ?? '',
  instances: one.Target?.Input ?? '',
  retry: `${(one.Target?.RetryPolicy?.MaximumEventAgeInSeconds ?? 86_400) / 60} minutes`,
  flexible: one.FlexibleTimeWindow?.Mode ?? 'OFF',
})

function differences(event: Event, is: OneSchedule | undefined, should: OneSchedule): Change[] {
  if (!is) return [{ what: event, from: 'missing', to: `${should.expression} ${should.timezone}` }]
  const rows: [what: string, from: string, to: string][] = [
    ['time', `${is.expression} ${is.timezone}`, `${should.expression} ${should.timezone}`],
    ['state', is.enabled ? 'on' : 'off', 'on'],
    ['action', is.target, should.target],
    ['role', is.role, should.role],
    ['instance', is.instances, should.instances],
    ['retried for', is.retry, should.retry],
    ['time window', is.flexible, should.flexible],
  ]
  return rows.flatMap(([what, from, to]) => (from === to ? [] : [{ what: `${event}: ${what}`, from, to }]))
}
