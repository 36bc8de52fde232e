import { accountId, type ScheduleGroup } from './account.js'
import type { Answers } from './answers.js'
import { found, Refusal } from './refusal.js'
import { fromTags, toTags, type World } from './world.js'

/** Schedules are stored as they are sent, and never fire: a rehearsal exists only while a command runs. */
export const scheduler = {
  CreateScheduleGroup(input, world) {
    const groups = groupsOf(world)
    const name = input.Name ?? ''
    if (groups[name]) throw new Refusal('ConflictException', `Schedule group ${name} already exists.`, 409)
    groups[name] = { createdAt: world.now, tags: toTags(input.Tags), schedules: {} }
    return { ScheduleGroupArn: groupArn(name, world) }
  },

  GetScheduleGroup(input, world) {
    const { createdAt } = groupOf(world, input.Name)
    const Arn = groupArn(input.Name ?? '', world)
    return { Arn, Name: input.Name, State: 'ACTIVE' as const, CreationDate: new Date(createdAt) }
  },

  DeleteScheduleGroup(input, world) {
    groupOf(world, input.Name)
    delete groupsOf(world)[input.Name ?? '']
    return {}
  },

  ListTagsForResource(input, world) {
    return { Tags: fromTags(groupOf(world, nameIn(input.ResourceArn)).tags) }
  },

  TagResource(input, world) {
    Object.assign(groupOf(world, nameIn(input.ResourceArn)).tags, toTags(input.Tags))
    return {}
  },

  CreateSchedule(input, world) {
    const { schedules } = groupOf(world, input.GroupName)
    const name = input.Name ?? ''
    if (schedules[name]) throw new Refusal('ConflictException', `Schedule ${name} already exists.`, 409)
    checkRole(input.Target?.RoleArn, world)
    schedules[name] = kept(input)
    return { ScheduleArn: scheduleArn(input, world) }
  },

  UpdateSchedule(input, world) {
    const { schedules } = groupOf(world, input.GroupName)
    found(schedules, input.Name, ...noSuch(`Schedule ${input.Name}`))
    checkRole(input.Target?.RoleArn, world)
    schedules[input.Name ?? ''] = kept(input)
    return { ScheduleArn: scheduleArn(input, world) }
  },

  GetSchedule(input, world) {
    const { schedules } = groupOf(world, input.GroupName)
    const one = found(schedules, input.Name, ...noSuch(`Schedule ${input.Name}`))
    return { Arn: scheduleArn(input, world), ...one }
  },

  ListSchedules(input, world) {
    const { schedules } = groupOf(world, input.GroupName)
    return { Schedules: Object.keys(schedules).map((Name) => ({ Name, GroupName: input.GroupName })) }
  },

  DeleteSchedule(input, world) {
    const { schedules } = groupOf(world, input.GroupName)
    found(schedules, input.Name, ...noSuch(`Schedule ${input.Name}`))
    delete schedules[input.Name ?? '']
    return {}
  },
} satisfies Answers<typeof import('@aws-sdk/client-scheduler')>

const noSuch = (what: string) => ['ResourceNotFoundException', `${what} does not exist.`, 404] as const

function groupsOf({ here }: World): Record<string, ScheduleGroup> {
  here.scheduleGroups ??= {}
  return here.scheduleGroups
}

const groupOf = (world: World, name: string | undefined): ScheduleGroup =>
  found(groupsOf(world), name, ...noSuch(`Schedule group ${name}`))

const nameIn = (arn: string | undefined) => arn?.split('/').at(-1)
const groupArn = (name: string, { region }: World) =>
  `arn:aws:scheduler:${region}:${accountId}:schedule-group/${name}`
const scheduleArn = (
  { GroupName, Name }: { GroupName?: string | undefined; Name?: string | undefined },
  { region }: World,
) => `arn:aws:scheduler:${region}:${accountId}:schedule/${GroupName}/${Name}`

function checkRole(arn: string | undefined, { account }: World): void {
  const trust = account.roles[nameIn(arn) ?? '']?.trust ?? ''
  if (trust.includes('scheduler.amazonaws.com')) return
  throw new Refusal(
    'ValidationException',
    'The execution role you provide must allow AWS EventBridge Scheduler to assume the role.',
  )
}

const kept = (input: { ClientToken?: string | undefined }): object => ({ ...input, ClientToken: undefined })
