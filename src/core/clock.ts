import { setTimeout as timer } from 'node:timers/promises'
import { Interrupted } from './error.js'

/** Time, passed in so that tests control it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Waits `ms`; throws `Interrupted` as soon as `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** The factor on every wait. Tests set a small one in the environment. */
export function waitScale(env: NodeJS.ProcessEnv, usual: number): number {
  const wanted = Number(env.LIBRECHAT_LAB_POLL_SCALE ?? usual)
  return wanted > 0 && wanted < 1 ? wanted : 1
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
