import {
  CreateRoleCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  TagRoleCommand,
} from '@aws-sdk/client-iam'
import {
  CreateScheduleCommand,
  CreateScheduleGroupCommand,
  DeleteScheduleCommand,
  DeleteScheduleGroupCommand,
  GetScheduleCommand,
  GetScheduleGroupCommand,
  ListSchedulesCommand,
  ListTagsForResourceCommand,
  SchedulerClient,
  TagResourceCommand,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Resource } from '../../src/engine/resource.js'
import type { InstanceState } from '../../src/resources/instance.js'
import { scheduleGroup } from '../../src/resources/schedule-group.js'
import { type ScheduleRoleState, scheduleRole } from '../../src/resources/schedule-role.js'
import { type SchedulesState, schedules } from '../../src/resources/schedules.js'
import { awsError, claim, context, lab, observed, proofOf, seen } from './context.js'

const sdk = mockClient(SchedulerClient)
const scheduler = new SchedulerClient({ region: 'us-east-1' })
const gone = awsError('ResourceNotFoundException')
beforeEach(() => sdk.reset())

const group = (adopt = false) =>
  scheduleGroup({ scheduler, lab, adopt, name: 'LibreChat', proof: proofOf({}), after: [] })
const marked = [{ Key: 'librechat-lab:creation', Value: '0123456789abcdef' }, ...claim]
const active = () => {
  sdk.on(GetScheduleGroupCommand).resolves({ State: 'ACTIVE' })
  sdk.on(ListTagsForResourceCommand).resolves({ Tags: marked })
}

describe('the schedule group', () => {
  it('is ours by its creation id, and nobody else’s of that name is taken', async () => {
    active()
    const ours = await group().observe(seen)
    expect(ours).toMatchObject({ owned: true, marked: true })
    expect(group().changes(ours, () => undefined)).toEqual([])
    for (const Value of [undefined, 'fedcba9876543210']) {
      const id = Value ? [{ Key: 'librechat-lab:creation', Value }] : []
      sdk.on(ListTagsForResourceCommand).resolves({ Tags: [...id, ...claim] })
      await expect(group().observe(seen)).rejects.toMatchObject({
        code: 'unowned',
        stranger: { kind: 'schedule-group', id: 'LibreChat' },
      })
    }
    sdk.on(ListTagsForResourceCommand).resolves({ Tags: [] })
    await expect(group().observe(seen)).rejects.toMatchObject({ code: 'unowned' })
    const adopted = await group(true).observe(seen)
    expect(adopted).toMatchObject({ owned: false })
    sdk.on(TagResourceCommand).resolves({})
    await group(true).ensure(adopted, context())
    expect(sdk.commandCalls(TagResourceCommand)[0]?.args[0].input.Tags).toEqual(marked)
  })

  it('is gone while it is being deleted, and is created once it is', async () => {
    sdk.on(GetScheduleGroupCommand).resolves({ State: 'DELETING' })
    expect(await group().observe(seen)).toBeUndefined()
    sdk.on(CreateScheduleGroupCommand).rejectsOnce(awsError('ConflictException')).resolves({})
    await group().ensure(undefined, context())
    const [, made] = sdk.commandCalls(CreateScheduleGroupCommand)
    expect(made?.args[0].input.Tags).toEqual(marked)
  })

  it('waits until it is deleted, and does not take the schedules of others with it', async () => {
    active()
    const state = await group().observe(seen)
    if (!state) throw new Error('no group')
    sdk.on(ListSchedulesCommand).resolves({ Schedules: [{ Name: 'stop' }, { Name: 'nightly-report' }] })
    await expect(group().remove(state, context())).rejects.toMatchObject({
      code: 'schedule-group-in-use',
      message: expect.stringContaining('nightly-report'),
    })
    expect(sdk.commandCalls(DeleteScheduleGroupCommand)).toHaveLength(0)
    sdk.on(ListSchedulesCommand).resolves({ Schedules: [{ Name: 'stop' }] })
    sdk.on(DeleteScheduleGroupCommand).resolves({})
    sdk.on(GetScheduleGroupCommand).resolvesOnce({ State: 'DELETING' }).rejects(gone)
    await group().remove(state, context())
    sdk.on(ListSchedulesCommand).rejects(gone)
    sdk.on(DeleteScheduleGroupCommand).rejects(gone)
    await group().remove(state, context())
  })
})

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

describe('the schedule’s role', () => {
  const iam = mockClient(IAMClient)
  beforeEach(() => {
    iam.reset()
    iam.on(ListAttachedRolePoliciesCommand).resolves({ AttachedPolicies: [] })
    iam.on(ListRolePoliciesCommand).resolves({ PolicyNames: [] })
    iam.on(GetRolePolicyCommand).rejects(awsError('NoSuchEntity'))
  })
  const theRole = (adopt = false) =>
    scheduleRole({
      iam: new IAMClient({ region: 'us-east-1' }),
      lab,
      adopt,
      name: 'LibreChatScheduleRole',
      groupArn: 'arn:aws:scheduler:us-east-1:123456789012:schedule-group/LibreChat',
      permissionsBoundary: undefined,
      // The settings are stored and the instance is there: both prove nothing about this role.
      proof: proofOf({ instance: { InstanceId: 'i-lab' } }),
      instance: host,
      after: [],
    })
  const tagged = (Tags: typeof claim) =>
    iam.on(GetRoleCommand).resolves({ Role: { Arn: arn, Tags } as never })

  it('is created with the creation id, and is ours by it', async () => {
    iam.on(CreateRoleCommand).resolves({ Role: { Arn: arn } as never })
    await theRole().ensure(undefined, work)
    expect(iam.commandCalls(CreateRoleCommand)[0]?.args[0].input.Tags).toEqual(marked)
    tagged(marked)
    expect(await theRole().observe(seen)).toMatchObject({ owned: true, marked: true })
  })

  it('is no role of that name with copied tags, unless the user adopts it', async () => {
    for (const Value of [undefined, 'fedcba9876543210']) {
      tagged([...(Value ? [{ Key: 'librechat-lab:creation', Value }] : []), ...claim])
      await expect(theRole().observe(seen)).rejects.toMatchObject({
        code: 'unowned',
        stranger: { kind: 'role', id: 'LibreChatScheduleRole' },
      })
      iam.resetHistory()
      const adopted = await theRole(true).observe(seen)
      expect(theRole(true).changes(adopted, () => undefined)).toContainEqual({
        what: 'ownership',
        from: 'not ours',
        to: 'lab default',
      })
      await theRole(true).ensure(adopted, work)
      expect(iam.commandCalls(TagRoleCommand)[0]?.args[0].input.Tags).toEqual(marked)
    }
  })
})
