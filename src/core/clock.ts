import { setTimeout as timer } from 'node:timers/promises'
import { Interrupted } from './error.js'

/** Time, passed in so that tests control it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Waits `ms`; throws `Interrupted` as soon as `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    try {
      await timer(ms, undefined, signal ? { signal } : {})
    } catch (error) {
      if (signal?.aborted) throw new Interrupted()
      throw error
    }
  },
}
