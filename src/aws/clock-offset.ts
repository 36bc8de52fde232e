/** How far AWS's clock is ahead of this machine's, in milliseconds, as AWS's own answers show it. */
export interface ClockOffset {
  ms: number
}

/** From here on AWS refuses a signature: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html */
const refusedFromMs = 4 * 60_000

/**
 * Lets a client sign by AWS's clock, with the one offset that all clients learn together: the SDK learns it from each
 * answer, but only for the same client, and a client without retries would learn it too late.
 */
export function shareClockOffset<Client extends { config: object }>(
  client: Client,
  offset: ClockOffset,
): Client {
  Object.defineProperty(client.config, 'systemClockOffset', {
    get: () => offset.ms,
    set: (ms: number) => {
      offset.ms = ms
    },
    enumerable: true,
  })
  return client
}

/** "12 minutes behind AWS's", or undefined where the clock is right enough for AWS. */
export function wrongClock(offsetMs: number): string | undefined {
  if (!(Math.abs(offsetMs) >= refusedFromMs)) return undefined
  const minutes = Math.round(Math.abs(offsetMs) / 60_000)
  const amount =
    minutes < 120
      ? `${minutes} minutes`
      : minutes < 2880
        ? `${Math.round(minutes / 60)} hours`
        : `${Math.round(minutes / 1440)} days`
  return `${amount} ${offsetMs > 0 ? 'behind' : 'ahead of'} AWS's`
}
