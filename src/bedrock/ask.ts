import { codeOf, isCode, isOutcomeUnknown, isThrottled, requestIdOf } from '../aws/errors.js'
import type { Clock } from '../core/clock.js'
import { Interrupted, LabError } from '../core/error.js'
import type { Emit } from '../core/event.js'
import { retryWhile } from '../core/wait.js'

/** What every question to Bedrock's control plane needs besides its own parameters. */
export interface Ask {
  clock: Clock
  signal: AbortSignal
  /** Is told of optional look-ups that AWS refused. */
  emit?: Emit | undefined
}

/** How long a throttled call is retried beyond the SDK's own attempts, in milliseconds. */
const THROTTLE_DEADLINE = 30_000

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
 * How AWS refuses a look-up that not every partition has, not every identity may make, or that goes to a region which
 * the account or its organisation has closed.
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
 * Asks for what only improves the advice. A refusal becomes a note that says what is not known for it, and the answer
 * is undefined. Throttling and network failures count as refusals once `asking` has given up.
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
  // Accepting a licence is a Marketplace subscription underneath, and AWS then names that action instead.
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
