import type { SSMClient } from '@aws-sdk/client-ssm'
import type { Clock } from '../core/clock.js'
import type { Emit } from '../core/event.js'

/** One lab's instance, as Systems Manager reaches it. */
export interface Host {
  readonly ssm: SSMClient
  readonly region: string
  readonly instanceId: string
  /** The lab's name, for the comment of its Run Commands. */
  readonly lab: string
  readonly clock: Clock
  readonly emit: Emit
  readonly signal: AbortSignal
  /** A directory of templates to use instead of the package's, for development. */
  readonly templates?: string | undefined
}
