import { LabError } from '../../core/error.js'
import { monthlyCost } from '../../lab/prices.js'
import { hoursOf } from '../../lab/schedule.js'
import { settingRows } from '../../lab/setting-rows.js'
import type { Now } from './observe.js'
import type { Plan, Run } from './run.js'

/** What the run would do about what it found. LabError `not-the-instance`. */
export function planOf(run: Run, now: Now): Plan {
  const { items, settings, actual, observation, host } = now
  const { instanceType, diskGb, allowance, limit } = settings
  const { lab } = run.open
  return {
    items,
    replaces: replacedInstance(run, now),
    cost: monthlyCost({
      region: lab.region,
      instanceType,
      diskGb,
      addresses: 1,
      hours: hoursOf(settings),
      bounds: { allowance, limit, users: actual.users ?? 0, own: observation.of(host)?.health?.money?.own },
    }),
    lab,
    settings,
    rows: settingRows(settings, actual),
    strangers: now.strangers,
    leftSecrets: now.leftSecrets,
    createsVpc: now.createsVpc,
  }
}

export const changesNothing = ({ items, replaces, leftSecrets }: Plan): boolean =>
  items.every(({ action }) => action === 'keep') && !replaces && leftSecrets.length === 0

/** Whether two plans would do the same. */
export const isSamePlan = (one: Plan, other: Plan): boolean => factsOf(one) === factsOf(other)

const factsOf = ({ items, replaces, rows, leftSecrets, createsVpc }: Plan): string =>
  JSON.stringify([
    items.map(({ resource, action, id, changes }) => [resource.name, action, id, changes]),
    replaces,
    rows,
    leftSecrets,
    createsVpc,
  ])

/** The instance that the user names to be replaced. */
function replacedInstance({ options }: Run, { graph, observation }: Now): string | undefined {
  const { replaceInstance } = options
  if (replaceInstance === undefined) return undefined
  const there = observation.of(graph.instance)?.instanceId
  if (there === replaceInstance) return there
  throw new LabError({
    code: 'not-the-instance',
    what: `${JSON.stringify(replaceInstance.slice(0, 60))} is not this lab’s instance.`,
    why: 'Replacing terminates the instance with all its data, so its id must be exact.',
    fix: there
      ? [{ command: { path: 'up', flags: { 'replace-instance': there } } }]
      : [{ command: { path: 'up' }, text: 'creates one; there is none now' }],
  })
}
