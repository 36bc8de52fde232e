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
    ['requests of the handshake', 'handshake', 10],
    ['messages again that we have, and reads no acknowledgement', 'known', 10],
    // Those are kept for their turn, 16 MB of them.
    ['messages that come too early, and reads no acknowledgement', 'early', 48],
    ['pings, and reads no pong', 'ping', 10],
    ['output', 'output', 10],
  ])(
    '%s',
    async (_, flood, megabytes) => {
      await remote.set({ agent: {}, flood })
      const before = held()
      // Some floods end the session, and one begins before its handshake is done: measured is from its beginning.
      const session = Session.start(
        {
          instanceId: 'i-0123',
          document: 'AWS-StartPortForwardingSession',
          parameters: { portNumber: ['80'] },
        },
        surroundings(remote),
        silent,
      ).catch(() => undefined)
      let most = 0
      for (let i = 0; i < 8; i++) {
        await systemClock.sleep(300)
        most = Math.max(most, held() - before)
      }
      expect(most).toBeLessThan(megabytes * 1024 * 1024)
      await remote.set({ flood: undefined })
      await (await session)?.stop()
    },
    60_000,
  )
})
