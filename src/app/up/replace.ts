import { isRetryable } from '../../aws/errors.js'
import { LabError } from '../../core/error.js'
import { ensure, Observation, remove } from '../../engine/converge.js'
import type { Progress, Resource } from '../../engine/resource.js'
import { closeLab } from '../../host/close.js'
import { newGeneration, recordedIn } from '../../lab/graph.js'
import type { Lock } from '../../lab/lock.js'
import type { Settings } from '../../lab/settings.js'
import { generationOf } from '../../resources/identity.js'
import { replacedInstance, stopReplaced } from '../../resources/instance.js'
import { judgeChat, proveChat } from '../chat-proof.js'
import { type HostHealth, hostOf, labHost } from '../host-work.js'
import { moveData } from '../move-data.js'
import { reread } from '../open-lab.js'
import { lookAt, type Now, withoutUser } from './observe.js'
import { conclude } from './prove.js'
import type { Plan, Run, Wish } from './run.js'

interface Replacing {
  now: Now
  plan: Plan
  lock: Lock
  /** When the run began. */
  begunAt: number
}

/**
 * Replaces the instance and moves its data. The old one serves until its data is dumped, takes no writes from then on,
 * and is stopped once the new one has the data. The address moves after the new one has answered, and then the old one is
 * terminated. After an interruption at any point, the next `up` finds both instances and continues.
 */
export async function replaceWithData(run: Run, wish: Wish, replacing: Replacing): Promise<number> {
  const { now, plan, lock, begunAt } = replacing
  const { open, context } = run
  const work = { clock: context.clock, signal: lock.signal, emit: context.ui.emit, isRetryable }
  const old = now.movesFrom ?? (plan.replaces as string)
  const begun =
    now.movesFrom === undefined
      ? await lookAt(run, { settings: renewed(run, now), stored: now.settings, moves: old })
      : now
  const later: readonly Resource[] = [begun.graph.association as Resource, begun.host as Resource]
  const items = begun.items.filter(({ resource }) => !later.includes(resource))
  const states = await ensure(items, begun.observation, work)
  const of: Observation['of'] = (resource) => states.get(resource as never) as never
  const instanceId = of(begun.graph.instance)?.instanceId ?? ''
  const health = await setUp(run, begun, of, work)
  const [from, to] = [hostOf(open, old, context), hostOf(open, instanceId, context)]
  if (health?.data === '') {
    await closeLab(from)
    await moveData(open, { from, to }, context)
  }
  await stopReplaced(open.clients.ec2, old)
  const chat = await proveChat(to, begun.settings)
  if (judgeChat(chat, begun.settings).verdict === 'notReady') throw silent(old, instanceId)
  const stored = await storedSettings(run)
  const moved = await lookAt(run, { settings: stored, stored })
  const after = await ensure(moved.items, moved.observation, work)
  await retireReplaced(run, moved, lock)
  const tookMs = context.clock.now() - begunAt
  return await conclude(run, { wish, now: moved, plan, tookMs }, new Observation(after))
}

/**
 * Sets up the new host before the address moves to it, without a first user, because the users move with the data.
 */
async function setUp(
  { open, context }: Run,
  { graph, observation, host, settings }: Now,
  of: Observation['of'],
  work: Progress,
): Promise<HostHealth | undefined> {
  const all = graph.all.filter((resource) => resource !== (graph.association as Resource))
  const early = labHost(open, { ...graph, all }, withoutUser(settings), context)
  const ready = async <State>(resource: Resource<State>) => of(resource) as State
  const made = await early.ensure(observation.of(host), { ...work, ready, seen: of, progress: () => {} })
  return made.health
}

/** Settings with which a second instance can be launched while the current one stays proven. */
function renewed({ open }: Run, { settings, observation, graph }: Now): Settings {
  const { instance } = observation.of(graph.identity) ?? {}
  const previousGeneration = instance && generationOf(open.lab, recordedIn(settings), instance)
  if (previousGeneration === undefined) throw notByToken()
  return { ...settings, generation: newGeneration(), previousGeneration }
}

async function storedSettings({ open }: Run): Promise<Settings> {
  const { stored } = await reread(open)
  if (!stored) throw new Error('The settings went away under the lock.')
  return stored
}

/** Terminates the replaced instance, after the new one has the data and the address. */
export async function retireReplaced({ open, context }: Run, now: Now, lock: Lock): Promise<void> {
  const superseded = now.observation.of(now.graph.instance)?.superseded ?? []
  if (superseded.length === 0) return
  const going = superseded.map((id): [Resource, unknown] => [
    replacedInstance(open.clients.ec2, id) as Resource,
    id,
  ])
  const work = { clock: context.clock, signal: lock.signal, emit: context.ui.emit, isRetryable }
  await remove(new Observation(new Map(going)), work)
}

const silent = (old: string, instanceId: string) =>
  new LabError({
    code: 'replacement-silent',
    what: `No model answers on the new instance ${instanceId}, so it did not take the place of ${old}.`,
    why: `It has the data. ${old} is stopped and not terminated, and the address still points to it.`,
    fix: [{ command: { path: 'status', flags: { chat: true } }, text: 'shows why' }],
  })

const notByToken = () =>
  new LabError({
    code: 'not-proven',
    what: 'The instance is the lab’s by adoption and not by its ClientToken, so it could not be recognized beside a new one.',
    why: 'Nothing was changed.',
    fix: [
      { command: { path: 'backup' }, text: 'saves the data' },
      'Then replace it with --discard-data and restore the backup.',
    ],
  })
