import { expect, it } from 'vitest'
import { attempts } from '../../src/aws/attempts.js'

it('repeats a call as the SDK does', () => {
  expect(attempts(8, {})).toEqual({ maxAttempts: 8 })
})

it('repeats it as often, and sooner, where the tests shorten every wait', async () => {
  const { retryStrategy } = attempts(8, { LIBRECHAT_LAB_POLL_SCALE: '0.0001' })
  let token = await retryStrategy?.acquireInitialRetryToken('ssm:')
  const again = async () => {
    if (token) token = await retryStrategy?.refreshRetryTokenForRetry(token, { errorType: 'THROTTLING' })
  }
  const begun = Date.now()
  for (let repeated = 0; repeated < 7; repeated++) await again()
  // Throttled seven times, the SDK waits for a minute.
  expect(Date.now() - begun).toBeLessThan(5_000)
  await expect(again()).rejects.toThrow('No retry token')
})
