interface SdkError extends Error {
  Code?: string
  code?: string
  $metadata?: { requestId?: string; httpStatusCode?: number }
  $fault?: string
}

/** AWS's code for an error, such as "InvalidGroup.NotFound"; "" for other errors. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const { name, Code, $metadata } = error as SdkError
  return Code ?? ($metadata?.httpStatusCode || $metadata?.requestId ? name : '')
}

export const requestIdOf = (error: unknown): string | undefined => (error as SdkError)?.$metadata?.requestId

/** Whether AWS answered with one of these codes; a code that ends in `*` matches its beginning. */
export function isCode(error: unknown, ...codes: string[]): boolean {
  const code = codeOf(error)
  return codes.some((c) => (c.endsWith('*') ? code.startsWith(c.slice(0, -1)) : code === c)) && code !== ''
}

/** The result of `action`, or undefined if it fails with one of these codes. */
export async function ignoreErrors<T>(
  codes: readonly string[],
  action: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await action()
  } catch (error) {
    if (isCode(error, ...codes)) return undefined
    throw error
  }
}

/**
 * Throttling codes of all services. TooManyUpdates is Parameter Store's, for two writes of one parameter at once:
 * https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
 */
const throttled = [
  'Throttl*',
  'RequestLimitExceeded',
  'RequestThrottled*',
  'TooManyRequestsException',
  'TooManyUpdates*',
  'EC2ThrottledException',
  'SlowDown',
  'BandwidthLimitExceeded',
  'PriorRequestNotComplete',
]
const networkCodes = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ERR_HTTP2)/

export const isThrottled = (error: unknown): boolean => isCode(error, ...throttled)

/** No answer came, so the change may or may not have been made. */
export function isOutcomeUnknown(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { name, code, $metadata, cause } = error as SdkError
  if (name === 'TimeoutError' || networkCodes.test(code ?? '') || /socket hang up/.test(error.message)) {
    return true
  }
  // A 5xx may come after the work was done. "Insufficient…" is an answer, though.
  const status = $metadata?.httpStatusCode ?? 0
  if (status >= 500 && !/^Insufficient/.test(codeOf(error))) return true
  return cause !== undefined && cause !== error && isOutcomeUnknown(cause)
}

/** Another run created it first, or an earlier call whose answer was lost: observe again. */
const isDuplicate = (error: unknown) =>
  isCode(
    error,
    'EntityAlreadyExists*',
    'DuplicateRecord*',
    'InvalidGroup.Duplicate',
    'InvalidPermission.Duplicate',
    'InvalidPermission.NotFound',
    'Resource.AlreadyAssociated',
    'ParameterAlreadyExists',
    'IncorrectInstanceState',
    'ConcurrentModification*',
    'ConflictException',
    // A policy that was just detached can still count as attached.
    'DeleteConflict',
  )

/** A transient error: the same call may succeed a little later. */
export const isPassing = (error: unknown): boolean => isThrottled(error) || isOutcomeUnknown(error)

/** Whether to observe again and retry. */
export const isRetryable = (error: unknown, attempt: number): boolean =>
  (attempt <= 8 && isPassing(error)) || (attempt <= 5 && isDuplicate(error))
