import { ResumeSessionCommand, type SSMClient } from '@aws-sdk/client-ssm'
import { isCode } from '../aws/errors.js'
import type { Clock } from '../core/clock.js'
import { type Ending, isFinal } from './ending.js'
import type { Address } from './start.js'

/** How long a session is kept after it loses its connection. */
const resumeFor = 5 * 60_000

/**
 * Reconnects a session with a new address, for five minutes. Resolves with the reason why it can't be resumed, or
 * with undefined when `connect` has succeeded.
 */
export async function resume(
  sessionId: string,
  { ssm, clock }: { ssm: SSMClient; clock: Clock },
  connect: (address: Address) => Promise<void>,
  signal: AbortSignal,
): Promise<Ending | undefined> {
  const until = clock.now() + resumeFor
  for (let wait = 250; ; wait = Math.min(wait * 2, 5000)) {
    try {
      const address = await ssm.send(new ResumeSessionCommand({ SessionId: sessionId }))
      if (!address.TokenValue) return { how: 'ended-at-aws' }
      await connect(address)
      return undefined
    } catch (error) {
      if (isCode(error, 'DoesNotExistException', 'InvalidSessionId*')) return { how: 'ended-at-aws' }
      if (isFinal(error) || clock.now() >= until) return { how: 'lost', error }
    }
    await clock.sleep(wait, signal)
  }
}
