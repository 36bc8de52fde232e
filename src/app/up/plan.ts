import { LabError } from '../../core/error.js'
import { isHeld, type Move, movesOf, movesText, refuseOlder } from '../../host/versions.js'
import { monthlyCost } from '../../lab/prices.js'
import { hoursOf } from '../../lab/schedule.js'
import { settingRows } from '../../lab/setting-rows.js'
import type { Now } from './observe.js'
import type { Plan, Run } from './run.js'

/** The plan for what was observed. LabError `not-the-instance`. */
export function planOf(run: Run, now: Now): Plan {
  const { items, settings, actual, observation, host } = now
  const { instanceType, diskGb, allowance, limit } = settings
  const { lab } = run.open
  refuseOlderHost(now)
  const replaces = replacedInstance(run, now)
  return {
    items,
    replaces,
    movesData: movesData(run, now, replaces),
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

const factsOf = ({ items, replaces, movesData, rows, leftSecrets, createsVpc }: Plan): string =>
  JSON.stringify([
    items.map(({ resource, action, id, changes }) => [resource.name, action, id, changes]),
    replaces,
    movesData,
    rows,
    leftSecrets,
    createsVpc,
  ])

/** The instance that the user named for replacement; undefined if an earlier run has begun with it, and this one goes on. */
function replacedInstance({ options }: Run, { graph, observation, isReplaced }: Now): string | undefined {
  const { replaceInstance } = options
  if (replaceInstance === undefined || isReplaced) return undefined
  const there = observation.of(graph.instance)?.instanceId
  if (there === replaceInstance) return there
  throw new LabError({
    code: 'not-the-instance',
    what: `${JSON.stringify(replaceInstance.slice(0, 60))} is not this lab’s instance.`,
    why: 'Replacing ends in the termination of the instance, so its id must be exact.',
    fix: there
      ? [
          { command: { path: 'up' }, text: `keeps ${there}, also if that is already the new one` },
          { command: { path: 'up', flags: { 'replace-instance': there } }, text: 'replaces it' },
        ]
      : [{ command: { path: 'up' }, text: 'creates one; there is none now' }],
  })
}

/** A host that was never set up has no data. LabError `data-unreachable`, `not-replaced`. */
function movesData(
  { options }: Run,
  { host, observation, movesFrom, isReplaced }: Now,
  replaces: string | undefined,
): boolean {
  const health = observation.of(host)?.health
  const { discardData } = options
  if (replaces === undefined && movesFrom === undefined) {
    if (!discardData || isReplaced) return false
    throw new LabError({
      code: 'not-replaced',
      what: '--discard-data needs --replace-instance <id>.',
      why: 'No instance is replaced, so no data would be deleted.',
    })
  }
  if (discardData) return false
  const moves = health ? movesOf(health) : []
  if (replaces !== undefined && moves.length > 0) throw updateFirst(moves)
  if (movesFrom !== undefined || health?.release) return true
  if (health) return false
  const flags = { 'replace-instance': replaces }
  throw new LabError({
    code: 'data-unreachable',
    what: `The data of ${replaces} can’t be moved: its host does not answer.`,
    why: 'It is stopped, or its Systems Manager agent is offline. Nothing was changed.',
    fix: [
      { command: { path: 'up' }, text: 'starts and repairs it' },
      {
        command: { keeps: true, path: 'up', flags: { ...flags, 'discard-data': true } },
        text: 'replaces it and deletes its data',
      },
    ],
  })
}

/** LabError `older-version`. */
function refuseOlderHost({ host, observation }: Now): void {
  const health = observation.of(host)?.health
  const moves = health ? movesOf(health) : []
  if (health && !isHeld(health, moves)) refuseOlder(moves)
}

/** Data is migrated only on a host that can roll back, so it moves only between equal versions. */
const updateFirst = (moves: readonly Move[]) =>
  new LabError({
    code: 'update-first',
    what: `The instance can’t be replaced before it is updated: ${movesText(moves)}.`,
    why: 'A new instance gets the newer versions, and the data has to be migrated for them first.',
    fix: [{ command: { path: 'update' }, text: 'updates it, with a dump and a rollback' }],
  })
