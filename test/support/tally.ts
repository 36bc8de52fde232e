import type { Call } from './gateway/call.js'

/** The calls that changed something, as `service:Action`. */
export const changes = (calls: readonly Call[]): string[] =>
  calls.filter((call) => call.changing && call.carriedOut).map((call) => `${call.service}:${call.action}`)

/** What is asked again and again until something has happened. */
const polls = new Set([
  'DescribeInstances',
  'DescribeInstanceInformation',
  'GetCommandInvocation',
  'ListCommands',
])

/** The requests that count: each once. Repeats of the same poll, and Bedrock's checks, do not. */
export function requests(calls: readonly Call[]): Call[] {
  const seen = new Set<string>()
  return calls.filter(({ service, action, params }) => {
    if (service === 'bedrock') return false
    if (!polls.has(action)) return true
    const key = `${action} ${JSON.stringify(params)}`
    const repeated = seen.has(key)
    seen.add(key)
    return !repeated
  })
}

/** Were all these under way at one moment, each taking `ms`? */
export function overlapping(calls: readonly Call[], ms: number): boolean {
  const begun = calls.map(({ at }) => at)
  return Math.max(...begun) < Math.min(...begun) + ms
}
