import { isRetryable } from '../../aws/errors.js'
import { LabError } from '../../core/error.js'
import { ensure, Observation, observe, remove } from '../../engine/converge.js'
import type { Resource } from '../../engine/resource.js'
import { isDetected } from '../../lab/choices.js'
import { removeSecrets } from '../../lab/leftovers.js'
import type { Lock } from '../../lab/lock.js'
import { names } from '../../lab/names.js'
import { parseSettings } from '../../lab/stored-settings.js'
import { readParameter } from '../../resources/settings-parameter.js'
import { isAsRead } from '../open-lab.js'
import { toPartialFailure } from '../partial-failure.js'
import { withLock } from '../with-lock.js'
import { agree } from './agree.js'
import { conflictsOf } from './merge.js'
import { lookAt, type Now } from './observe.js'
import { changesNothing, isSamePlan, planOf } from './plan.js'
import { conclude, withProof } from './prove.js'
import { replaceWithData, retireReplaced } from './replace.js'
import type { Run, Wish } from './run.js'
import { settingsOf } from './settle.js'

/** Applies the plan under the lab's lock, after agreement if it was not given before. Returns the exit code. */
export async function converge(run: Run, wish: Wish, agreed?: Now): Promise<number> {
  const { open, context, options } = run
  return await withLock(open, 'up', context, async (lock) => {
    const current = await underLock(run, wish, agreed, lock)
    const plan = planOf(run, current)
    const begunAt = context.clock.now()
    if (changesNothing(plan)) return await conclude(run, { wish, now: current, plan })
    try {
      if (plan.movesData) return await replaceWithData(run, wish, { now: current, plan, lock, begunAt })
      const ready = plan.replaces ? await replaceInstance(run, wish, current, plan.replaces, lock) : current
      ready.target.agree()
      const work = { clock: context.clock, signal: lock.signal, emit: context.ui.emit, isRetryable }
      await removeSecrets(open.clients, current.leftSecrets)
      const states = await ensure(ready.items, ready.observation, work)
      await retireReplaced(run, ready, lock)
      const made = await withProof(run, ready, new Observation(states))
      const tookMs = context.clock.now() - begunAt
      return await conclude(run, { wish, now: ready, plan, tookMs }, made)
    } catch (error) {
      if (lock.signal.aborted) throw error
      throw toPartialFailure(error, { ...options, region: open.lab.region }, [
        'What was created is kept. Run the same command again to finish.',
        { command: { path: 'destroy' }, text: 'deletes it instead' },
      ])
    }
  })
}

/**
 * The agreed plan, if the settings have not changed since they were read. Otherwise this run's choices are merged
 * into the new settings, and a different plan has to be agreed to again.
 */
async function underLock(run: Run, wish: Wish, agreed: Now | undefined, lock: Lock): Promise<Now> {
  const { open, options, context } = run
  const parameter = names(open.lab.name).settings
  const found = await readParameter(open.clients.ssm, parameter)
  if (agreed && !lock.waited && isAsRead(open, found)) return agreed
  const theirs = found && parseSettings(found.value, parameter, open.lab)
  if (open.stored && !theirs) throw goneMeanwhile(run)
  const needsAddress = isDetected(theirs, wish.choices) && !wish.detected
  const merged: Wish = {
    ...wish,
    detected: needsAddress ? await open.connection.internet.publicAddress() : wish.detected,
    // Settings that this run did not choose keep the other run's values.
    chat: theirs && !options.models ? { ...wish.chat, ...theirs } : wish.chat,
  }
  const settings = settingsOf(run, merged, theirs)
  const now = await lookAt(run, { settings, stored: theirs, password: wish.password })
  const conflicts = theirs
    ? conflictsOf({
        base: open.stored,
        theirs,
        mine: settings,
        choices: wish.choices,
        models: options.models !== undefined,
      })
    : []
  if (conflicts.length > 0 && options.yes) throw conflict(conflicts)
  for (const flag of conflicts)
    context.ui.emit({
      type: 'warning',
      text: `Another run has just changed ${flag} to another value.`,
    })
  const plan = planOf(run, now)
  const isAgreed = agreed && conflicts.length === 0 && isSamePlan(plan, planOf(run, agreed))
  if (!isAgreed && !changesNothing(plan)) await agree(run, now, plan)
  return now
}

/** Terminates only the named instance, and observes again. */
async function replaceInstance(run: Run, wish: Wish, now: Now, instanceId: string, lock: Lock): Promise<Now> {
  const { graph, settings } = now
  const { context } = run
  const seen = await observe([graph.instance, graph.association])
  const there = seen.of(graph.instance)
  if (there?.instanceId === instanceId) {
    const going = new Observation(
      new Map<Resource, unknown>([
        [graph.instance as Resource, { ...there, superseded: [] }],
        [graph.association as Resource, seen.of(graph.association)],
      ]),
    )
    await remove(going, { clock: context.clock, signal: lock.signal, emit: context.ui.emit, isRetryable })
  }
  return await lookAt(run, { settings, stored: settings, password: wish.password })
}

const conflict = (flags: readonly string[]) =>
  new LabError({
    code: 'settings-conflict',
    what: `Another run has just changed ${flags.join(', ')} to another value.`,
    why: 'Nothing was changed.',
    fix: [
      { command: { path: 'status' }, text: 'shows what it chose' },
      'To apply your choice anyway, run the same command again.',
    ],
  })

const goneMeanwhile = ({ open: { lab } }: Run) =>
  new LabError({
    code: 'gone-meanwhile',
    what: `The lab "${lab.name}" in ${lab.region} was destroyed while this run waited.`,
    why: 'You agreed to change it, not to create a new one. Nothing was changed.',
    fix: [{ command: { path: 'up' }, text: 'creates a new one' }],
  })
