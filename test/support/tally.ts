import type { Call } from './gateway/call.js'

/** The calls that changed something, as `service:Action`. */
export const changes = (calls: readonly Call[]): string[] =>
  calls.filter((call) => call.changing && call.carriedOut).map((call) => `${call.service}:${call.action}`)

/** Asked only to learn whether something has ended. */
const polls = new Set(['DescribeInstanceInformation', 'GetCommandInvocation'])

/** The lock is kept fresh every 15 seconds, which the tests' quick clock makes fractions of one. */
const keepsLock = ({ action, params: { Name, Overwrite } }: Call) =>
  String(Name).endsWith('/lock') &&
  (action === 'GetParameter' || (action === 'PutParameter' && Overwrite === true))

/** The requests that count: not polls, not repeats of the same look at an instance, not Bedrock's checks. */
export function requests(calls: readonly Call[]): Call[] {
  const seen = new Set<string>()
  return calls.filter((call) => {
    const { service, action, params } = call
    if (keepsLock(call)) return false
    if (service === 'bedrock' || polls.has(action)) return false
    if (action !== 'DescribeInstances') return true
    const key = JSON.stringify(params)
    const repeated = seen.has(key)
    seen.add(key)
    return !repeated
  })
}
