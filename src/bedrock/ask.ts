import { codeOf, isCode, isOutcomeUnknown, isThrottled, requestIdOf } from '../aws/errors.js'
import type { Clock } from '../core/clock.js'
import { Interrupted, LabError } from '../core/error.js'
import type { Emit } from '../core/event.js'
import { retryWhile } from '../core/wait.js'

/** What every call to Bedrock's control plane needs besides its own parameters. */
export interface Ask {
  clock: Clock
  signal: AbortSignal
  /** Called for optional look-ups that AWS refused. */
  emit?: Emit | undefined
}

/** How long a throttled call is retried beyond the SDK's own attempts, in milliseconds. */
const THROTTLE_DEADLINE = 30_000

/**
 * Calls Bedrock, and retries while it is throttled: an account's control-plane limits are low, and a busy minute must
 * not fail a run. A denial names the action that the caller lacks.
 * @param action the IAM action, "bedrock:ListFoundationModels" @throws LabError `bedrock-denied`; AWS's throttling
 * error after too many retries
 */
export async function asking<Answer>(
  action: string,
  { clock, signal }: Ask,
  question: (options: { abortSignal: AbortSignal }) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await retryWhile(
      { for: action, deadlineMs: THROTTLE_DEADLINE, clock, signal, firstMs: 500, maxMs: 5_000 },
      isThrottled,
      () => question({ abortSignal: signal }),
    )
  } catch (error) {
    if (signal.aborted) throw new Interrupted()
    if (isCode(error, 'AccessDenied*') && error instanceof Error) throw denied(action, error)
    throw error
  }
}

/**
 * AWS's errors for a look-up that the partition doesn't have, that the caller isn't allowed to make, or in a region
 * that the account or its organisation has closed.
 */
const refusals = [
  'AccessDenied*',
  'UnauthorizedOperation',
  'UnknownOperationException',
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'ValidationException',
  'ResourceNotFoundException',
  'InternalServerException',
  'ServiceUnavailableException',
]

/**
 * A call that only improves the advice. If it is refused, a note says what is therefore unknown, and the result is
 * undefined. Throttling and network errors count as refusals once `asking` has given up.
 */
export async function askingIfPossible<Answer>(
  action: string,
  missing: string,
  ask: Ask,
  question: (options: { abortSignal: AbortSignal }) => Promise<Answer>,
): Promise<Answer | undefined> {
  try {
    return await asking(action, ask, question)
  } catch (error) {
    const refused = error instanceof LabError ? error.code === 'bedrock-denied' : isCode(error, ...refusals)
    if (!refused && !isThrottled(error) && !isOutcomeUnknown(error)) throw error
    const why = error instanceof LabError ? 'AccessDeniedException' : codeOf(error) || 'no answer'
    ask.emit?.({ type: 'note', text: `${missing} (${action}: ${why}).` })
    return undefined
  }
}

function denied(action: string, error: Error): LabError {
  // Accepting a licence creates a Marketplace subscription, and AWS's denial names that action instead.
  const lacking = /not authorized to perform: ([\w-]+:\w+)/.exec(error.message)?.[1] ?? action
  return new LabError({
    code: 'bedrock-denied',
    what: `AWS refused ${action}.`,
    why: error.message,
    fix: [`Allow ${lacking} for this identity, or use an identity that has it: --profile <profile>`],
    requestId: requestIdOf(error),
    cause: error,
  })
}
