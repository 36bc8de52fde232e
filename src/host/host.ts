import type { SSMClient } from '@aws-sdk/client-ssm'
import type { Clock } from '../core/clock.js'
import type { Emit } from '../core/event.js'

/** One lab's instance, as Systems Manager reaches it. */
export interface Host {
  readonly ssm: SSMClient
  readonly region: string
  readonly instanceId: string
  /** The lab's name: the part of the Run Command's comment by which other tools know whose it is. */
  readonly lab: string
  readonly clock: Clock
  readonly emit: Emit
  readonly signal: AbortSignal
  /** Another directory of templates than the one in the package, for its developers. */
  readonly templates?: string | undefined
}
