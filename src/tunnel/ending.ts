import { isCode } from '../aws/errors.js'
import { LabError } from '../core/error.js'

/** Why a session is over. `lost`: it could not be resumed for minutes. */
export type Ending =
  | { how: 'stopped' }
  | { how: 'closed'; reason: string }
  | { how: 'timed-out' }
  | { how: 'lost'; error: unknown }

/** An error that another attempt cannot mend. */
export function isFinal(error: unknown): boolean {
  return (
    error instanceof LabError ||
    isCode(error, 'AccessDenied*', 'ExpiredToken*', 'UnrecognizedClientException', 'InvalidClientTokenId')
  )
}

/** A session that ended before it had begun. */
export function endingError(ending: Ending): unknown {
  if (ending.how === 'lost') return ending.error
  return new LabError({
    code: 'session-refused',
    what: 'The instance ended the session before it had begun.',
    why: (ending.how === 'closed' && ending.reason) || 'It gave no reason.',
    fix: ['librechat-lab status   shows whether the lab is well', 'Then run the same command again.'],
    fault: 'aws',
  })
}

/** The exit code that an ending amounts to, 130 when we ended it; throws where it ended badly. */
export function endingOf(ending: Ending): number {
  if (ending.how === 'stopped') return 130
  if (ending.how === 'closed') return 0
  throw ending.how === 'lost' ? ending.error : timedOut()
}

const timedOut = () =>
  new LabError({
    code: 'session-timed-out',
    what: 'AWS has ended the session.',
    why: 'It was without traffic for too long, or its connection could not be resumed in time.',
    fix: [
      'Run the same command again.',
      'The limit is set in Systems Manager, Session Manager, Preferences.',
    ],
    fault: 'aws',
  })
