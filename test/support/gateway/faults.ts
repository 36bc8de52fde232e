import type { Call } from './call.js'

/** Which calls a fault strikes: by action, optionally by service or by anything else about the call. */
interface Match {
  service?: string
  action?: string | RegExp
  where?: (call: Call) => boolean
}

/** What happens to the call that is struck. */
export type Effect =
  /** It takes this much longer, in milliseconds. */
  | { kind: 'delay'; ms: number }
  /** It is refused with AWS's own error code, and not carried out. */
  | { kind: 'error'; code: string; message?: string }
  /** The connection breaks before it reaches the account. */
  | { kind: 'cut' }
  /** It is carried out, and the answer is lost. */
  | { kind: 'drop' }
  /** Something happens outside, before the call reaches the account or after it was carried out. */
  | { kind: 'run'; when: 'before' | 'after'; act: (call: Call) => void | Promise<void> }

export interface Fault extends Match {
  effect: Effect
  /** Strikes from this matching call on (1 by default)… */
  nth?: number
  /** …this many of them (1 by default; Infinity for all). */
  times?: number
}

/** The faults of one account, each with the number of calls that it has met. */
export class Faults {
  private planned: { fault: Fault; met: number }[] = []
  /** Asked for every call after the planned faults: storms. */
  storm: ((call: Call) => Effect | undefined) | undefined

  add(fault: Fault): void {
    this.planned.push({ fault, met: 0 })
  }

  clear(): void {
    this.planned = []
    this.storm = undefined
  }

  /** What strikes this call. To be asked once a call. */
  strike(call: Call): Effect[] {
    const effects: Effect[] = []
    for (const plan of this.planned) {
      if (!matches(plan.fault, call)) continue
      plan.met += 1
      const first = plan.fault.nth ?? 1
      if (plan.met >= first && plan.met < first + (plan.fault.times ?? 1)) effects.push(plan.fault.effect)
    }
    const gust = this.storm?.(call)
    return gust ? [...effects, gust] : effects
  }
}

function matches(match: Match, call: Call): boolean {
  if (match.service && match.service !== call.service) return false
  if (typeof match.action === 'string' && match.action !== call.action) return false
  if (match.action instanceof RegExp && !match.action.test(call.action)) return false
  return match.where?.(call) ?? true
}

/** The service's own word for "too many requests". */
export function throttle({ service }: Call): Effect {
  const codes: Record<string, string> = { ec2: 'RequestLimitExceeded', iam: 'Throttling', sts: 'Throttling' }
  return { kind: 'error', code: codes[service] ?? 'ThrottlingException', message: 'Rate exceeded' }
}

/** The service's own word for "our fault". */
export function failure({ service }: Call): Effect {
  const codes: Record<string, string> = {
    ec2: 'InternalError',
    iam: 'ServiceFailure',
    bedrock: 'InternalServerException',
  }
  return {
    kind: 'error',
    code: codes[service] ?? 'InternalServerError',
    message: 'An internal error has occurred',
  }
}

/** The service's own word for credentials that have expired. */
export function expiry({ service }: Call): Effect {
  const codes: Record<string, string> = { ec2: 'RequestExpired', iam: 'ExpiredToken', sts: 'ExpiredToken' }
  const message = 'The security token included in the request is expired'
  return { kind: 'error', code: codes[service] ?? 'ExpiredTokenException', message }
}
