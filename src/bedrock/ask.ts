import { isCode, isThrottled, requestIdOf } from '../aws/errors.js'
import type { Clock } from '../core/clock.js'
import { Interrupted, LabError } from '../core/error.js'
import { retryWhile } from '../core/wait.js'

/** What every question to Bedrock's control plane needs besides its own parameters. */
export interface Ask {
  clock: Clock
  signal: AbortSignal
}

/** How long a throttled question is asked again beyond the SDK's own attempts, in milliseconds. */
const PATIENCE = 30_000

/**
 * Asks Bedrock, and again while it says that it is asked too often: an account's control-plane limits are
 * low, and a busy minute must not fail a run. A denial names the action that the caller lacks.
 * @param action the IAM action, "bedrock:ListFoundationModels"
 * @throws LabError `bedrock-denied`; AWS's throttling error when it goes on for too long
 */
export async function asking<Answer>(
  action: string,
  { clock, signal }: Ask,
  question: (options: { abortSignal: AbortSignal }) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await retryWhile(
      { for: action, deadlineMs: PATIENCE, clock, signal, firstMs: 500, maxMs: 5_000 },
      isThrottled,
      () => question({ abortSignal: signal }),
    )
  } catch (error) {
    if (signal.aborted) throw new Interrupted()
    if (isCode(error, 'AccessDenied*') && error instanceof Error) throw denied(action, error)
    throw error
  }
}

function denied(action: string, error: Error): LabError {
  // Accepting a licence is a Marketplace subscription underneath, and AWS then names that action instead.
  const lacking = /not authorized to perform: ([\w-]+:\w+)/.exec(error.message)?.[1] ?? action
  return new LabError({
    code: 'bedrock-denied',
    what: `AWS refused ${action}.`,
    why: error.message,
    fix: [`Let this identity call ${lacking}, or use --profile with one that may`],
    requestId: requestIdOf(error),
    cause: error,
  })
}
