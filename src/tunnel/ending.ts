import { isCode } from '../aws/errors.js'
import { LabError } from '../core/error.js'

/**
 * Why a session is over. `closed`: the agent or AWS closed it, with or without a reason. `ended-at-aws`: AWS no
 * longer knows it; `idleFor` is the milliseconds without traffic. `lost`: it could not be resumed, or violated the
 * protocol.
 */
export type Ending =
  | { how: 'stopped' }
  | { how: 'closed'; reason: string }
  | { how: 'ended-at-aws'; idleFor?: number }
  | { how: 'lost'; error: unknown }

/** The shortest idle limit that an account can set. */
const shortestIdleLimit = 60_000

/** An error that a retry can't solve. */
export function isFinal(error: unknown): boolean {
  return (
    error instanceof LabError ||
    isCode(error, 'AccessDenied*', 'ExpiredToken*', 'UnrecognizedClientException', 'InvalidClientTokenId')
  )
}

/** Why a session ended, as a sentence without its full stop; empty if unknown. */
export function reasonOf(ending: Ending): string {
  if (ending.how === 'closed')
    return ending.reason
      .replace(/[\p{Cc}\s]+/gu, ' ')
      .trim()
      .replace(/\.$/, '')
  if (ending.how === 'lost')
    return ending.error instanceof Error ? ending.error.message : String(ending.error)
  if (ending.how === 'stopped') return ''
  return (ending.idleFor ?? 0) < shortestIdleLimit
    ? 'AWS ended it while it was in use: an administrator ended it, or the SSM agent on the instance stopped'
    : `AWS ended it after ${Math.round((ending.idleFor ?? 0) / 60_000)} minutes without traffic`
}

/** A session that ended before it was ready. */
export function endingError(ending: Ending): unknown {
  if (ending.how === 'lost') return ending.error
  return new LabError({
    code: 'session-refused',
    what: 'The instance ended the session before it started.',
    why: reasonOf(ending) ? `${reasonOf(ending)}.` : 'It gave no reason.',
    fix: [
      { command: { path: 'status' }, text: 'shows whether the lab is healthy' },
      'Then run the same command again.',
    ],
    fault: 'aws',
  })
}

/**
 * The exit code for a shell's end: 0 if its program ended, 130 if this side ended it. Throws if AWS or the agent
 * ended it: only then does the closing message have a reason, which AWS's plugin prints.
 */
export function endingOf(ending: Ending): number {
  if (ending.how === 'stopped') return 130
  const reason = reasonOf(ending)
  if (ending.how === 'closed' && !reason) return 0
  if (ending.how === 'lost') throw ending.error
  throw new LabError({
    code: 'session-ended',
    what: 'The session ended before its program did.',
    why: `${reason}.`,
    fix: [
      'Run the same command again.',
      { command: { path: 'status' }, text: 'shows whether the instance runs and its agent is online' },
      'The idle timeout is set in Systems Manager, Session Manager, Preferences.',
    ],
    fault: 'aws',
  })
}
