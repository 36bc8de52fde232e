import { StandardRetryStrategy } from '@smithy/core/retry'
import { waitScale } from '../core/clock.js'

/** The SDK's own way to repeat a call, with shorter pauses. */
class Shortened extends StandardRetryStrategy {
  constructor(maxAttempts: number, scale: number) {
    super({ maxAttempts })
    const pauses = this.retryBackoffStrategy
    const setDelayBase = pauses.setDelayBase.bind(pauses)
    pauses.setDelayBase = (ms) => setDelayBase(ms * scale)
  }
}

/**
 * How often a client of the SDK repeats a call; for one client, because it holds what is left of its retries. The
 * tests shorten the pauses in between like every other wait.
 */
export function attempts(maxAttempts: number, env: NodeJS.ProcessEnv) {
  const scale = waitScale(env, 1)
  return { maxAttempts, ...(scale < 1 && { retryStrategy: new Shortened(maxAttempts, scale) }) }
}
