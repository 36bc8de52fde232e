import {
  CreateScheduleGroupCommand,
  DeleteScheduleGroupCommand,
  GetScheduleGroupCommand,
  ListTagsForResourceCommand,
  paginateListSchedules,
  type SchedulerClient,
  TagResourceCommand,
} from '@aws-sdk/client-scheduler'
import { ignoreErrors, isCode } from '../aws/errors.js'
import { collect } from '../core/collect.js'
import { LabError } from '../core/error.js'
import { retryWhile, waitFor } from '../core/wait.js'
import type { Resource, ResourceActions } from '../engine/resource.js'
import { type CreationProof, creationOf, type Proven } from './creation.js'
import { timeoutOptions } from './instance/describe.js'
import type { LabId } from './ownership.js'

export interface ScheduleGroupState extends Proven {
  arn: string
  name: string
}

/** The names of the lab's two schedules within the group. */
export const scheduleNames = ['start', 'stop'] as const

export const groupArnOf = ({ partition, region, account }: LabId, name: string): string =>
  `arn:${partition}:scheduler:${region}:${account}:schedule-group/${name}`

/** The lab's own group of schedules: only groups take tags. */
export function scheduleGroup(options: {
  scheduler: SchedulerClient
  lab: LabId
  adopt: boolean
  name: string
  proof: CreationProof
  after: readonly Resource[]
}): Resource<ScheduleGroupState> {
  const { scheduler, lab, name } = options
  const creation = creationOf(options, 'schedule-group')
  const arn = groupArnOf(lab, name)
  const stateOf = async () =>
    (
      await ignoreErrors(['ResourceNotFoundException'], () =>
        scheduler.send(new GetScheduleGroupCommand({ Name: name })),
      )
    )?.State

  return {
    name: `schedule group ${name}`,
    after: options.after,
    id: (state) => state.name,

    async observe(seen) {
      // A group that is being deleted can no longer be used.
      if ((await stateOf()) !== 'ACTIVE') return undefined
      const found = await ignoreErrors(['ResourceNotFoundException'], () =>
        scheduler.send(new ListTagsForResourceCommand({ ResourceArn: arn })),
      )
      if (!found) return undefined
      const proven = await creation.check(found.Tags, seen)
      return { ...proven, arn, name }
    },

    changes(state) {
      if (!state) return [{ what: 'for', to: 'the start and the stop' }]
      return creation.changes(state)
    },

    async ensure(state, work) {
      if (state) {
        const Tags = creation.missing(state)
        if (Tags.length > 0) await scheduler.send(new TagResourceCommand({ ResourceArn: arn, Tags }))
        return { ...state, owned: true, marked: true }
      }
      const Tags = creation.tags
      // An earlier group of this name may still be in deletion.
      await retryWhile(
        { ...timeoutOptions(work, 3), for: 'the deleted schedule group to be gone' },
        (error) => isCode(error, 'ConflictException'),
        async () => {
          if ((await stateOf()) === 'DELETING') work.progress('waiting for the deleted group to be gone')
          await scheduler.send(new CreateScheduleGroupCommand({ Name: name, Tags }))
        },
      )
      return { arn, name, owned: true, marked: true }
    },

    async remove(_, work) {
      // Deleting the group would delete foreign schedules in it.
      const others = await foreignSchedules(scheduler, name)
      if (others.length > 0) throw inUse(name, others)
      await ignoreErrors(['ResourceNotFoundException'], () =>
        scheduler.send(new DeleteScheduleGroupCommand({ Name: name })),
      )
      await waitFor(
        { ...timeoutOptions(work, 5), for: `the schedule group ${name} to be deleted` },
        async () => ((await stateOf()) === undefined ? true : undefined),
      )
    },
  }
}

export const scheduleGroupActions = {
  observe: ['scheduler:GetScheduleGroup', 'scheduler:ListTagsForResource'],
  ensure: ['scheduler:CreateScheduleGroup', 'scheduler:TagResource'],
  remove: ['scheduler:DeleteScheduleGroup', 'scheduler:ListSchedules'],
} as const satisfies ResourceActions

/** Names of schedules in the group that the lab did not create. */
async function foreignSchedules(scheduler: SchedulerClient, GroupName: string): Promise<string[]> {
  const names = await ignoreErrors(['ResourceNotFoundException'], () =>
    collect(paginateListSchedules({ client: scheduler }, { GroupName }), ({ Schedules = [] }) =>
      Schedules.map(({ Name = '' }) => Name),
    ),
  )
  return (names ?? []).filter((name) => !scheduleNames.some((own) => own === name))
}

const inUse = (group: string, others: readonly string[]) =>
  new LabError({
    code: 'schedule-group-in-use',
    what: `The schedule group ${group} has schedules that are not the lab's: ${others.join(', ')}.`,
    why: 'Deleting the group would delete them.',
    fix: [
      `Move or delete them first. For example: aws scheduler delete-schedule --group-name ${group} --name ${others[0]}`,
    ],
  })
