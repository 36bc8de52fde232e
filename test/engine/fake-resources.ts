import type { Clock } from '../../src/core/clock.js'
import { Interrupted } from '../../src/core/error.js'
import type { Event } from '../../src/core/event.js'
import type { Change, EnsureContext, Resource } from '../../src/engine/resource.js'

/** A clock on which each wait ends at once. */
export function fastClock(): Clock & { slept: number[] } {
  let now = 0
  const slept: number[] = []
  return {
    slept,
    now: () => now,
    async sleep(ms, signal) {
      if (signal?.aborted) throw new Interrupted()
      slept.push(ms)
      now += ms
      await new Promise(setImmediate)
      if (signal?.aborted) throw new Interrupted()
    },
  }
}

/** Named resources with a text for a state, what of them exists, and the log of what was done. */
export function fakeResources() {
  const there = new Map<string, string>()
  const log: string[] = []
  const resource = (
    name: string,
    after: readonly Resource[] = [],
    more: {
      wants?: string
      byHand?: string
      ensure?: (work: EnsureContext) => Promise<void> | void
      remove?: () => Promise<void> | void
      observe?: () => void
    } = {},
  ): Resource<string> => {
    const wants = more.wants ?? 'right'
    return {
      name,
      after,
      id: (state) => `${name}:${state}`,
      async observe() {
        more.observe?.()
        return there.get(name)
      },
      changes(state): Change[] {
        if (state === wants) return more.byHand ? [{ what: 'age', byHand: more.byHand }] : []
        return [{ what: 'state', ...(state === undefined ? {} : { from: state }), to: wants }]
      },
      async ensure(_, work) {
        for (const other of after) await work.ready(other)
        log.push(`ensure ${name}`)
        await more.ensure?.(work)
        there.set(name, wants)
        log.push(`ensured ${name}`)
        return wants
      },
      async remove() {
        log.push(`remove ${name}`)
        await more.remove?.()
        there.delete(name)
        log.push(`removed ${name}`)
      },
    }
  }
  return { there, log, resource }
}

/** The engine’s options, with the events that it emits. */
export function engineOptions(isRetryable: (error: unknown, attempt: number) => boolean = () => false) {
  const events: Event[] = []
  const controller = new AbortController()
  const clock = fastClock()
  return {
    events,
    clock,
    controller,
    options: {
      clock,
      signal: controller.signal,
      emit: (event: Event) => void events.push(event),
      isRetryable,
    },
  }
}
