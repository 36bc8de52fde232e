import type { Clock } from './clock.js'
import { LabError } from './error.js'

export interface WaitOptions {
  /** What to wait for, as a noun: "the instance to run". */
  for: string
  deadlineMs: number
  clock: Clock
  signal: AbortSignal
  /** The first pause; each is 1.5 times the one before, up to `maxMs`. */
  firstMs?: number
  maxMs?: number
}

/** Polls until `probe` returns a value; undefined when it returns none in time. */
export async function poll<T>(
  wait: Omit<WaitOptions, 'for'>,
  probe: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const { clock, signal } = wait
  const begun = clock.now()
  let pause = wait.firstMs ?? 500
  for (;;) {
    const answer = await probe()
    if (answer !== undefined || clock.now() - begun >= wait.deadlineMs) return answer
    await clock.sleep(pause, signal)
    pause = Math.min(pause * 1.5, wait.maxMs ?? 5_000)
  }
}

/** Polls until `probe` returns a value; LabError `deadline` when it returns none in time. */
export async function waitFor<T>(wait: WaitOptions, probe: () => Promise<T | undefined>): Promise<T> {
  const begun = wait.clock.now()
  const answer = await poll(wait, probe)
  if (answer !== undefined) return answer
  throw new LabError({
    code: 'deadline',
    what: `Timed out after ${Math.round((wait.clock.now() - begun) / 1000)} s waiting for ${wait.for}.`,
    why: 'AWS usually takes much less time.',
    fix: ['Run the same command again. It continues where it stopped.'],
    fault: 'aws',
  })
}

/** How long clean-up has after Ctrl-C. A second Ctrl-C exits immediately. */
const graceMs = 20_000

/** A signal for clean-up: aborts 20 seconds after this one. */
export function withGrace(signal: AbortSignal): AbortSignal {
  const late = new AbortController()
  const begin = () => void setTimeout(() => late.abort(), graceMs).unref()
  if (signal.aborted) begin()
  else signal.addEventListener('abort', begin, { once: true })
  return late.signal
}

/** Retries `action` while it fails with an error that `expected` accepts. After the deadline, throws that error. */
export async function retryWhile<T>(
  wait: WaitOptions,
  expected: (error: unknown) => boolean,
  action: () => Promise<T>,
): Promise<T> {
  const begun = wait.clock.now()
  let pause = wait.firstMs ?? 250
  for (;;) {
    try {
      return await action()
    } catch (error) {
      if (!expected(error) || wait.clock.now() - begun >= wait.deadlineMs) throw error
    }
    await wait.clock.sleep(pause, wait.signal)
    pause = Math.min(pause * 1.5, wait.maxMs ?? 2_000)
  }
}
