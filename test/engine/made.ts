import type { Clock } from '../../src/core/clock.js'
import { Interrupted } from '../../src/core/error.js'
import type { Event } from '../../src/core/event.js'
import type { Change, EnsureContext, Resource } from '../../src/engine/resource.js'

/** A clock whose hours pass as soon as somebody waits. */
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

/** A world of named things, each with a text for a state, that resources make and remove; and its diary. */
export function world() {
  const there = new Map<string, string>()
  const diary: string[] = []
  const thing = (
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
        diary.push(`ensure ${name}`)
        await more.ensure?.(work)
        there.set(name, wants)
        diary.push(`made ${name}`)
        return wants
      },
      async remove() {
        diary.push(`remove ${name}`)
        await more.remove?.()
        there.delete(name)
        diary.push(`gone ${name}`)
      },
    }
  }
  return { there, diary, thing }
}

/** What the engine is handed besides its graph. */
export function surroundings(again: (error: unknown, attempt: number) => boolean = () => false) {
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
      isRetryable: again,
    },
  }
}
