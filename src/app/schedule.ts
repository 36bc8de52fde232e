import { CreateTagsCommand } from '@aws-sdk/client-ec2'
import { isRetryable } from '../aws/errors.js'
import { LabError } from '../core/error.js'
import { ensure, type Observation, observe, type PlanItem, plan, remove } from '../engine/converge.js'
import type { Change, Resource } from '../engine/resource.js'
import { findInstance } from '../lab/find.js'
import { type LabGraph, mayHaveSchedule, scheduleOf } from '../lab/graph.js'
import type { Lock } from '../lab/lock.js'
import { type Cost, monthlyCost } from '../lab/prices.js'
import { hoursOf, nextOf, type Schedule, scheduleText, skippedDates } from '../lab/schedule.js'
import type { Settings } from '../lab/settings.js'
import { stoppedBy, stoppedTag } from '../lab/stopped.js'
import { Unproven } from '../resources/creation.js'
import { isStrangers, type LabId, tagKeys } from '../resources/ownership.js'
import type { Context } from './context.js'
import { graphWithSchedule } from './lab-graph.js'
import { type OpenLab, reread } from './open-lab.js'
import { toPartialFailure } from './partial-failure.js'
import { withLock } from './with-lock.js'

export interface ScheduleReport {
  lab: LabId
  schedule: Schedule | undefined
  /** "mon-fri 08:00 to 20:00 (Europe/Berlin)" */
  text: string | undefined
  nextStart: number | undefined
  nextStop: number | undefined
  /** Dates within a year on which the clock skips the time of a start or stop. */
  skipped: readonly { event: 'start' | 'stop'; date: string }[]
  /** Cost of a month with the schedule, and without it. */
  cost: { scheduled: Cost; always: Cost }
  /** Whether this run changed something. */
  changed: boolean
  drift: readonly { name: string; missing: boolean; changes: readonly Change[] }[]
}

/** The schedule in the settings, and the differences in AWS. LabError `no-such-lab`. */
export async function lookAtSchedule(open: OpenLab, context: Context): Promise<ScheduleReport> {
  const settings = await settingsOf(open, open.stored)
  if (!mayHaveSchedule(settings)) return reportOf(open, settings, context, {})
  const graph = graphWithSchedule(open, settings)
  const parts = scheduleOf(graph)
  const items = plan(parts, await observe(parts, isStrangers))
  const drift = items
    .filter(({ changes }) => changes.length > 0)
    .map(({ resource, action, changes }) => ({
      name: resource.name,
      missing: action === 'create',
      changes: action === 'create' ? [] : changes,
    }))
  return reportOf(open, settings, context, { drift })
}

/** Stores a schedule and applies it to EventBridge Scheduler. LabError `no-such-lab`. */
export async function setSchedule(
  open: OpenLab,
  schedule: Schedule,
  context: Context,
): Promise<ScheduleReport> {
  return await changing(open, context, 'schedule set', async (stored, lock) => {
    const settings: Settings = { ...stored, schedule }
    const graph = graphWithSchedule(open, settings)
    const parts: Resource[] = [graph.settings, graph.instance, ...scheduleOf(graph)]
    const observation = await observe(parts)
    checkProven(graph, observation)
    const items = plan(parts, observation).map((item) =>
      item.resource === graph.instance ? kept(item) : item,
    )
    const changed = items.some(({ action }) => action !== 'keep')
    await keepReason(open, stored, context)
    await ensure(items, observation, workOf(context, lock))
    return reportOf(open, settings, context, { changed })
  })
}

/** Removes the schedule. LabError `no-such-lab`. */
export async function endSchedule(open: OpenLab, context: Context): Promise<ScheduleReport> {
  return await changing(open, context, 'schedule off', async (stored, lock) => {
    const { schedule: _, ...settings } = stored
    const graph = graphWithSchedule(open, settings)
    const parts = scheduleOf(graph)
    const there = await observe(parts, (error) => {
      if (error instanceof Unproven)
        context.ui.emit({ type: 'warning', text: `${error.message} ${error.why}` })
      return isStrangers(error)
    })
    const changed = there.only(parts).present.length > 0 || stored.schedule !== undefined
    await keepReason(open, stored, context)
    await remove(there.only(parts), workOf(context, lock))
    // Last, so that a run that is killed before leaves settings that name what is still to be removed.
    const without = graphWithSchedule(open, withoutScheduleIds(settings))
    const observation = await observe([without.settings])
    checkProven(without, observation)
    await ensure(plan([without.settings], observation), observation, workOf(context, lock))
    return reportOf(open, settings, context, { changed })
  })
}

function withoutScheduleIds({ creations, ...settings }: Settings): Settings {
  if (!creations) return settings
  const { scheduleRole: _, scheduleGroup: __, ...others } = creations
  return { ...settings, creations: others }
}

/** Runs the work under the lab's lock, with the settings as they are stored then. */
const changing = (
  open: OpenLab,
  context: Context,
  command: string,
  work: (stored: Settings, lock: Lock) => Promise<ScheduleReport>,
): Promise<ScheduleReport> =>
  withLock(open, command, context, async (lock) => {
    const { stored } = await reread(open)
    const settings = await settingsOf(open, stored)
    try {
      return await work(settings, lock)
    } catch (error) {
      // It was refused before anything was changed.
      const isRefusal = isStrangers(error) || (error instanceof LabError && error.code === 'not-proven')
      if (lock.signal.aborted || isRefusal) throw error
      throw toPartialFailure(error, { region: open.lab.region }, [
        'Run the same command again. It continues where it stopped.',
      ])
    }
  })

const workOf = ({ clock, ui }: Context, lock: Lock) => ({
  clock,
  signal: lock.signal,
  emit: ui.emit,
  isRetryable,
})

const kept = (item: PlanItem): PlanItem => ({ ...item, action: 'keep', changes: [] })

/** LabError `no-such-lab` without an instance, `settings-missing` without settings. */
async function settingsOf(open: OpenLab, stored: Settings | undefined): Promise<Settings> {
  await findInstance(open.clients, open.lab, stored)
  if (stored) return stored
  throw new LabError({
    code: 'settings-missing',
    what: `The settings of the lab "${open.lab.name}" are missing.`,
    why: 'A schedule is one of them.',
    fix: [{ command: { path: 'up' }, text: 'stores them again' }],
  })
}

/** Unconfirmed resources have to be accepted in `up`, which shows them. */
function checkProven(graph: LabGraph, observation: Observation): void {
  if (!observation.of(graph.identity)?.unconfirmed) return
  throw new LabError({
    code: 'not-proven',
    what: 'Nothing proves yet that the instance is the lab’s.',
    fix: [{ command: { path: 'up' }, text: 'shows what it found and asks' }],
  })
}

/** Records that the old schedule stopped the lab, so that the stop still counts as intended. */
async function keepReason(open: OpenLab, stored: Settings, { clock }: Context): Promise<void> {
  const { clients, lab, connection } = open
  const { instanceId, rest } = await findInstance(clients, lab, stored)
  if (!rest || stoppedBy(rest, stored).by !== 'schedule') return
  const Tags = [{ Key: tagKeys.stopped, Value: stoppedTag('schedule', clock.now() + connection.clock.ms) }]
  await clients.ec2.send(new CreateTagsCommand({ Resources: [instanceId], Tags }))
}

function reportOf(
  { lab }: OpenLab,
  { schedule, instanceType, diskGb, limit }: Settings,
  { clock }: Context,
  { changed = false, drift = [] }: Partial<Pick<ScheduleReport, 'changed' | 'drift'>>,
): ScheduleReport {
  const about = { region: lab.region, instanceType, diskGb, addresses: 1, bounds: { limit } }
  const now = clock.now()
  return {
    lab,
    schedule,
    text: schedule && scheduleText(schedule),
    nextStart: schedule && nextOf(schedule, 'start', now),
    nextStop: schedule && nextOf(schedule, 'stop', now),
    skipped: schedule ? skippedDates(schedule, now) : [],
    cost: {
      scheduled: monthlyCost({ ...about, hours: hoursOf({ schedule }) }),
      always: monthlyCost(about),
    },
    changed,
    drift,
  }
}
