import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { Session, type SessionEvents } from '../../src/tunnel/session.js'
import { surroundings } from './local.js'
import { Remote } from './remote.js'

let remote: Remote
beforeAll(async () => {
  remote = await Remote.start()
})
afterAll(() => remote.stop())

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')
/** Bytes that are really held, not those that wait to be collected. */
function held(): number {
  collect()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}

const silent: SessionEvents = {
  payload: () => {},
  onDrain: () => {},
  broken: () => {},
  resumed: () => {},
  ended: () => {},
}

describe('memory stays bounded when the gateway sends without end', () => {
  test.each([
    ['requests of the handshake', 'handshake'],
    ['messages again that we have, and reads no acknowledgement', 'known'],
    ['messages that come too early, and reads no acknowledgement', 'early'],
    ['pings, and reads no pong', 'ping'],
    ['output', 'output'],
  ])(
    '%s',
    async (_, flood) => {
      await remote.set({ agent: {}, flood })
      const before = held()
      // Some floods end the session; that is their answer.
      const session = await Session.start(
        {
          instanceId: 'i-0123',
          document: 'AWS-StartPortForwardingSession',
          parameters: { portNumber: ['80'] },
        },
        surroundings(remote),
        silent,
      ).catch(() => undefined)
      let most = 0
      for (let i = 0; i < 30; i++) {
        await systemClock.sleep(100)
        most = Math.max(most, held() - before)
      }
      expect(most).toBeLessThan(48 * 1024 * 1024)
      await remote.set({ flood: undefined })
      await session?.stop()
    },
    60_000,
  )
})
