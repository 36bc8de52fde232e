import { Interrupted, LabError } from '../core/error.js'
import type { Change, EnsureContext, Progress, Resource } from './resource.js'

/** Everything that one observation found. */
export class Observation {
  readonly #states: ReadonlyMap<Resource, unknown>
  readonly #graph: readonly Resource[]

  /** @param graph the resources it covers; `states` can also contain resources that only these asked for */
  constructor(states: ReadonlyMap<Resource, unknown>, graph: readonly Resource[] = [...states.keys()]) {
    this.#states = states
    this.#graph = graph
  }

  of = <State>(resource: Resource<State>): State | undefined =>
    this.#states.get(resource as Resource) as State | undefined

  /** A copy with another state of one resource. */
  with<State>(resource: Resource<State>, state: State): Observation {
    return new Observation(new Map([...this.#states, [resource as Resource, state]]), this.#graph)
  }

  /** A copy for another graph whose resources have the same names. */
  in(graph: readonly Resource[], alsoSeen: readonly Resource[] = []): Observation {
    const byName = new Map([...this.#states].map(([{ name }, state]) => [name, state]))
    return new Observation(new Map([...graph, ...alsoSeen].map((one) => [one, byName.get(one.name)])), graph)
  }

  /** The part that covers these resources. */
  only(resources: readonly Resource[]): Observation {
    return new Observation(
      this.#states,
      this.#graph.filter((resource) => resources.includes(resource)),
    )
  }

  /** The resources that exist, in the graph's order. */
  get present(): Resource[] {
    return this.#graph.filter((resource) => this.#states.get(resource) !== undefined)
  }

  /** Every state, also those of resources outside the graph. */
  get states(): ReadonlyMap<Resource, unknown> {
    return this.#states
  }
}

export interface PlanItem {
  readonly resource: Resource
  readonly action: 'create' | 'change' | 'keep' | 'remove'
  readonly id?: string
  readonly changes: readonly Change[]
}

/**
 * Observes all resources concurrently.
 * @param absent errors that count as "does not exist", such as a resource that is not the lab's
 * @param known resources that were observed a moment ago and are not observed again
 */
export async function observe(
  graph: readonly Resource[],
  absent: (error: unknown) => boolean = () => false,
  known?: Observation,
): Promise<Observation> {
  const looks = new Map<Resource, Promise<unknown>>()
  for (const [resource, state] of known?.states ?? []) looks.set(resource, Promise.resolve(state))
  const seen = <State>(resource: Resource<State>): Promise<State | undefined> => {
    const key = resource as Resource
    let look = looks.get(key)
    if (!look) {
      look = resource.observe(seen).catch((error) => {
        if (!absent(error)) throw error
      })
      looks.set(key, look)
    }
    return look as Promise<State | undefined>
  }
  const results = await Promise.allSettled(graph.map((resource) => seen(resource)))
  // A report of an unowned resource is more useful than an unrelated failure that came first.
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  if (failures.length > 0) throw failures.find((error) => error instanceof LabError) ?? failures[0]
  const states = new Map<Resource, unknown>()
  for (const [resource, look] of looks) states.set(resource, await look)
  return new Observation(states, graph)
}

/** What `ensure` would do, resource by resource. */
export function plan(graph: readonly Resource[], observation: Observation): PlanItem[] {
  return graph.flatMap((resource): PlanItem[] => {
    const state = observation.of(resource)
    if (state === undefined && resource.isUnwanted) return []
    const changes = resource.changes(state, observation.of)
    if (state === undefined) return [{ resource, action: 'create', changes }]
    const isByHand = changes.every((change) => change.byHand !== undefined)
    const action = isByHand ? 'keep' : resource.isUnwanted ? 'remove' : 'change'
    return [{ resource, action, id: resource.id(state), changes }]
  })
}

export interface ConvergeOptions extends Progress {
  /** Whether to observe again and retry after this error: a lost answer, or a resource that another run created. */
  isRetryable(error: unknown, attempt: number): boolean
}

/**
 * Applies every planned change, independent resources concurrently. After a failure nothing new is
 * started; running work is finished, and then the first failure is thrown.
 */
export async function ensure(
  items: readonly PlanItem[],
  observation: Observation,
  options: ConvergeOptions,
): Promise<Map<Resource, unknown>> {
  const ready = new Map<Resource, Promise<unknown>>()
  let firstFailure: unknown

  const work = (resource: Resource, seen: Observation): EnsureContext => ({
    seen: seen.of,
    async ready<State>(other: Resource<State>) {
      // The other resource reports its own failure; this one was not started.
      const made = ready.get(other as Resource) ?? Promise.resolve(seen.of(other))
      const state = await (made as Promise<State>).catch(() => {
        throw new Skipped()
      })
      stopIfAsked()
      return state
    },
    ...progressOf(resource, options),
  })
  const stopIfAsked = () => {
    if (options.signal.aborted) throw new Interrupted()
    if (firstFailure !== undefined) throw new Skipped()
  }

  const make = async ({ resource, action }: PlanItem): Promise<unknown> => {
    let seen = observation
    let state = seen.of(resource)
    if (action === 'keep') return state
    const emit: ConvergeOptions['emit'] = resource.hasOwnTasks ? () => {} : options.emit
    emit({ ...task(resource), state: 'started' })
    for (let attempt = 1; ; attempt++) {
      try {
        if (attempt > 1) {
          await options.clock.sleep(backoff(attempt - 1), options.signal)
          seen = await observe([...needs(resource), resource])
          state = seen.of(resource)
        }
        const context = work(resource, seen)
        for (const first of resource.after.filter(({ isFirst }) => isFirst)) await context.ready(first)
        stopIfAsked()
        if (action === 'remove') {
          if (state !== undefined) await resource.remove(state, context)
          emit({ ...task(resource), state: 'done', detail: 'removed' })
          return undefined
        }
        state = await resource.ensure(state, context)
        const id = resource.id(state)
        const detail = resource.name.endsWith(id) ? past(action) : `${past(action)} ${id}`
        emit({ ...task(resource), state: 'done', detail })
        return state
      } catch (error) {
        if (error instanceof Skipped || !options.isRetryable(error, attempt)) {
          firstFailure ??= error
          const detail = error instanceof Skipped ? 'not started' : (error as Error).message
          emit({ ...task(resource), state: 'failed', detail })
          throw error
        }
      }
    }
  }

  for (const item of items) {
    const made = Promise.resolve().then(() => make(item))
    made.catch(() => {}) // Reported once, below, and to each resource that waits for it.
    ready.set(item.resource, made)
  }
  await Promise.allSettled(ready.values())
  if (firstFailure !== undefined) throw firstFailure
  const states = new Map<Resource, unknown>()
  for (const [resource, state] of ready) states.set(resource, await state)
  return states
}

/** Removes what exists, each resource after those that need it. */
export async function remove(observation: Observation, options: ConvergeOptions): Promise<void> {
  const gone = new Map<Resource, Promise<void>>()
  let firstFailure: unknown

  const work = (resource: Resource): EnsureContext => ({
    seen: observation.of,
    ready: () => Promise.reject(new Error('Nothing is made while removing.')),
    ...progressOf(resource, options),
  })

  const removeOne = async (resource: Resource): Promise<void> => {
    const dependents = [...gone].filter(([other]) => needs(other).has(resource)).map(([, promise]) => promise)
    await Promise.all(dependents)
    options.emit({ ...task(resource), state: 'started' })
    for (let attempt = 1; ; attempt++) {
      try {
        if (attempt > 1) await options.clock.sleep(backoff(attempt - 1), options.signal)
        if (options.signal.aborted) throw new Interrupted()
        await resource.remove(observation.of(resource), work(resource))
        return options.emit({ ...task(resource), state: 'done', detail: 'removed' })
      } catch (error) {
        if (options.isRetryable(error, attempt)) continue
        firstFailure ??= error
        options.emit({ ...task(resource), state: 'failed', detail: (error as Error).message })
        throw error
      }
    }
  }

  for (const resource of [...observation.present].reverse()) {
    const removed = removeOne(resource)
    removed.catch(() => {})
    gone.set(resource, removed)
  }
  await Promise.allSettled(gone.values())
  if (firstFailure !== undefined) throw firstFailure
}

/** Thrown inside the engine when a resource is not started because another failed. */
class Skipped extends Error {}

const progressOf = (resource: Resource, { emit, clock, signal }: Progress) => ({
  clock,
  signal,
  progress: (detail: string, usualMs?: number) =>
    emit({
      ...task(resource),
      state: 'progress',
      detail,
      ...(usualMs === undefined ? {} : { usualMs }),
    }),
})

const task = (resource: Resource) => ({ type: 'task', id: resource.name, name: resource.name }) as const
const past = (action: 'create' | 'change') => (action === 'create' ? 'created' : 'changed')
const backoff = (attempt: number) => Math.min(250 * 2 ** (attempt - 1), 4_000)

function needs(resource: Resource): Set<Resource> {
  const all = new Set<Resource>()
  const visit = (other: Resource) => {
    for (const next of other.after) {
      if (!all.has(next)) {
        all.add(next)
        visit(next)
      }
    }
  }
  visit(resource)
  return all
}
