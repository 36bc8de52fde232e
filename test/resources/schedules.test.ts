import {
  CreateScheduleCommand,
  DeleteScheduleCommand,
  GetScheduleCommand,
  SchedulerClient,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Resource } from '../../src/engine/resource.js'
import type { InstanceState } from '../../src/resources/instance.js'
import type { ScheduleRoleState } from '../../src/resources/schedule-role.js'
import { type SchedulesState, schedules } from '../../src/resources/schedules.js'
import { awsError, context, lab, observed, seen } from './context.js'

const sdk = mockClient(SchedulerClient)
const scheduler = new SchedulerClient({ region: 'us-east-1' })
const gone = awsError('ResourceNotFoundException')
beforeEach(() => sdk.reset())

const arn = 'arn:aws:iam::123456789012:role/LibreChatScheduleRole'
const role = observed('role', { arn } as ScheduleRoleState)
const host = observed('instance', { instanceId: 'i-lab' } as InstanceState)
const theGroup = observed('group', { arn: '', name: 'LibreChat', owned: true, marked: true })
const expressions = { start: 'cron(0 8 ? * MON *)', stop: 'cron(0 20 ? * MON *)' }
const both = schedules({
  scheduler,
  lab,
  groupName: 'LibreChat',
  wanted: { expressions, timezone: 'Europe/Berlin', text: 'mon 08:00 to 20:00' },
  role,
  roleArn: arn,
  group: theGroup,
  instance: host,
})
const work = context([
  [role as Resource<never>, { arn }],
  [host as Resource<never>, { instanceId: 'i-lab' }],
])
const states = ((other: unknown) => (other === host ? { instanceId: 'i-lab' } : { arn })) as never
const asSent = (event: 'start' | 'stop') =>
  sdk.commandCalls(CreateScheduleCommand).find(({ args }) => args[0].input.Name === event)?.args[0].input

describe('the schedules', () => {
  const made = async (): Promise<SchedulesState> => {
    sdk.on(CreateScheduleCommand).resolves({})
    await both.ensure(undefined, work)
    for (const event of ['start', 'stop'] as const)
      sdk.on(GetScheduleCommand, { Name: event }).resolves((asSent(event) ?? {}) as never)
    return (await both.observe(seen)) as SchedulesState
  }

  it('are created for this instance, and are then as they should be', async () => {
    const state = await made()
    expect(both.changes(state, states)).toEqual([])
    expect(asSent('stop')).toMatchObject({
      GroupName: 'LibreChat',
      ScheduleExpression: expressions.stop,
      ScheduleExpressionTimezone: 'Europe/Berlin',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        Arn: 'arn:aws:scheduler:::aws-sdk:ec2:stopInstances',
        RoleArn: arn,
        Input: '{"InstanceIds":["i-lab"]}',
        RetryPolicy: { MaximumEventAgeInSeconds: 900 },
      },
    })
    sdk.resetHistory()
    await both.ensure(state, work)
    expect(sdk.commandCalls(UpdateScheduleCommand)).toHaveLength(0)
  })

  it('wait for a role that Scheduler does not know yet, and for nothing else', async () => {
    const unknown = awsError(
      'ValidationException',
      'The execution role you provide must allow AWS EventBridge Scheduler to assume the role.',
    )
    sdk.on(CreateScheduleCommand).rejectsOnce(unknown).resolves({})
    await both.ensure(undefined, work)
    expect(sdk.commandCalls(CreateScheduleCommand)).toHaveLength(3)
    sdk.on(CreateScheduleCommand).rejects(awsError('ValidationException', 'Invalid Schedule Expression'))
    await expect(both.ensure(undefined, work)).rejects.toMatchObject({ name: 'ValidationException' })
  })

  it.each<[string, Partial<NonNullable<SchedulesState['stop']>>, string]>([
    ['another time', { expression: 'cron(0 3 ? * SUN *)' }, 'stop: time'],
    ['another zone', { timezone: 'UTC' }, 'stop: time'],
    ['switched off', { enabled: false }, 'stop: state'],
    ['another action', { target: 'arn:aws:scheduler:::aws-sdk:ec2:terminateInstances' }, 'stop: action'],
    ['another role', { role: 'arn:aws:iam::123456789012:role/Admin' }, 'stop: role'],
    ['another instance', { instances: '{"InstanceIds":["i-other"]}' }, 'stop: instance'],
    ['retried for a day', { retry: '1440 minutes' }, 'stop: retried for'],
    ['a flexible window', { flexible: 'FLEXIBLE' }, 'stop: time window'],
  ])('are changed back where one has %s', async (_, change, what) => {
    const state = await made()
    const changed = { ...state, stop: { ...state.stop, ...change } } as SchedulesState
    expect(both.changes(changed, states)).toMatchObject([{ what }])
    sdk.on(UpdateScheduleCommand).resolves({})
    await both.ensure(changed, work)
    expect(sdk.commandCalls(UpdateScheduleCommand).map(({ args }) => args[0].input.Name)).toEqual(['stop'])
  })

  it('are completed where one is missing, and removed where they are there', async () => {
    const { stop: _, ...half } = await made()
    expect(both.changes(half, states)).toMatchObject([{ what: 'stop', from: 'missing' }])
    sdk.resetHistory()
    await both.ensure(half, work)
    expect(sdk.commandCalls(CreateScheduleCommand).map(({ args }) => args[0].input.Name)).toEqual(['stop'])
    sdk.on(DeleteScheduleCommand).resolvesOnce({}).rejects(gone)
    await both.remove(half, work)
    sdk.on(GetScheduleCommand).rejects(gone)
    expect(await both.observe(seen)).toBeUndefined()
  })
})
