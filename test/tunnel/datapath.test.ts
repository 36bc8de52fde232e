import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import {
  download,
  downloadAfter,
  echo,
  megabyte,
  noFaults,
  open,
  remote,
  say,
  sender,
  upload,
  uploads,
} from './datapath.js'
import { connectTo, digest, everything, fastClock, noise, until } from './local.js'

/** Numbers of 8 bytes, so that what is doubled or missing shows. */
function counters(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; at += 8) bytes.writeUInt32BE(at / 8, at + 4)
  return bytes
}

describe('on a bad road', () => {
  const bad = { drop: 2000, twice: 2000, late: 5000, damage: 500 }

  test('every byte arrives, though messages are lost, repeated, reordered and damaged', async () => {
    const bytes = noise(megabyte)
    const { forward } = await open((socket) => socket.once('data', () => socket.end(bytes)))
    await remote.set({ up: bad, down: bad, delay: 2 })
    const socket = await connectTo(forward.port)
    socket.write('go')
    expect(digest(await everything(socket))).toBe(digest(bytes))
  }, 60_000)

  test('and so it does on the way up', async () => {
    const bytes = noise(8 * megabyte)
    const { forward } = await open(uploads)
    await remote.set({ up: bad, down: bad, delay: 2 })
    expect(await upload(forward, bytes)).toBe(digest(bytes))
  }, 60_000)

  /** Breaks every connection ten times, in each way that there is, each time after so many more bytes. */
  async function breakTenTimes(carried: () => number, each: number): Promise<void> {
    const ways = ['kill', 'close', 'half'] as const
    for (let broken = 0; broken < 10; ) {
      const before = carried()
      await until('more bytes', () => carried() >= before + each)
      broken += await remote.break(ways[broken % 3] ?? 'kill')
    }
  }

  test('the gateway is killed ten times within an upload, and every byte arrives', async () => {
    const bytes = noise(100 * megabyte)
    const { forward, notices } = await open(uploads)
    const answer = upload(forward, bytes)
    await breakTenTimes(() => forward.traffic.bytesUp, 4 * megabyte)
    expect(forward.traffic.bytesUp).toBeLessThan(bytes.length)
    expect(await answer).toBe(digest(bytes))
    expect(forward.traffic.reconnects).toBe(10)
    expect(notices.filter(({ type }) => type === 'resumed')).toHaveLength(10)
  }, 60_000)

  test('and within a download', async () => {
    const bytes = noise(4 * megabyte)
    const { forward } = await open(sender(bytes))
    const got = download(forward)
    await breakTenTimes(() => forward.traffic.bytesDown, megabyte / 4)
    expect(forward.traffic.bytesDown).toBeLessThan(bytes.length)
    expect(digest(await got)).toBe(digest(bytes))
    expect(forward.traffic.reconnects).toBe(10)
  }, 60_000)

  test('the agent’s own connection breaks twenty times within an upload, and no byte is doubled', async () => {
    const bytes = counters(8 * megabyte)
    const { forward } = await open(uploads)
    const answer = upload(forward, bytes)
    for (let broken = 0; broken < 20; broken++) {
      await systemClock.sleep(200)
      await remote.breakAgent()
    }
    expect(await answer).toBe(digest(bytes))
    expect((await remote.stats()).agents.at(-1)?.uncertain).toBeGreaterThan(0)
  }, 60_000)

  test('a download of which thousands of messages are lost is replaced within ten seconds, and that is said', async () => {
    // As the real agent: 1 KiB each millisecond, however much is not acknowledged, and one repetition each 100 ms.
    const bytes = noise(6 * megabyte)
    const { forward, notices } = await open(
      (socket) =>
        socket.once('data', (word) => (`${word}` === 'all' ? socket.end(bytes) : socket.end('quick'))),
      { agent: { window: 100_000 } },
    )
    const got = downloadAfter(forward, 'all').catch((error: Error) => error)
    await until('a megabyte', () => forward.traffic.bytesDown > megabyte)
    await remote.set({ down: { ...noFaults, drop: 100_000 } })
    await systemClock.sleep(2500)
    await remote.set({ down: noFaults })
    const since = Date.now()
    expect(await got).toBeInstanceOf(Error)
    expect(Date.now() - since).toBeLessThan(10_000)
    expect(notices).toContainEqual({ type: 'stuck', connections: 1 })
    expect((await downloadAfter(forward, 'quick')).toString()).toBe('quick')
  }, 40_000)

  test('a connection that is refused for a while is tried again, and nothing is lost', async () => {
    const { forward } = await open(echo)
    const text = noise(megabyte / 4).toString('hex')
    await remote.set({ errors: { ResumeSession: 'InternalServerError' } })
    await remote.break('kill')
    const answer = say(forward, text)
    await systemClock.sleep(1500)
    await remote.set({ errors: {} })
    expect((await answer) === text).toBe(true)
  })

  test('a gateway that falls silent is noticed, and the connection is opened again', async () => {
    const { forward } = await open(echo, { clock: fastClock(30) })
    const { upgrades } = await remote.stats()
    await remote.set({ silent: true })
    await until('the silence to be noticed', async () => (await remote.stats()).upgrades > upgrades)
    await remote.set({ silent: false })
    expect(await say(forward, 'still there?')).toBe('still there?')
  })

  test('a pause that the gateway asks for is kept, and ended', async () => {
    const { forward } = await open(echo)
    await remote.pause(true)
    const answer = say(forward, 'hello')
    await systemClock.sleep(300)
    expect((await remote.stats()).agents.at(-1)?.seen).toBe(1)
    await remote.pause(false)
    expect(await answer).toBe('hello')
  })

  test('a session that has timed out is replaced at the next connection, and that is said', async () => {
    const { forward, notices } = await open(echo)
    const { started } = await remote.stats()
    await remote.expire('Session timed out')
    await until('the end to be noticed', () => notices.length > 0)
    expect(notices).toEqual([{ type: 'session-ended', reason: 'Session timed out' }])
    expect(await say(forward, 'again')).toBe('again')
    expect((await remote.stats()).started.length).toBe(started.length + 1)
  })

  test('a session that can’t be resumed, because it has timed out, is replaced as well', async () => {
    const { forward, notices } = await open(echo)
    const open1 = await connectTo(forward.port)
    open1.write('x')
    const broken = everything(open1)
    await remote.set({ expired: true })
    await remote.break('close')
    await expect(broken).rejects.toThrow()
    await until('the end to be noticed', () => notices.some(({ type }) => type === 'session-ended'))
    expect(notices.at(-1)).toMatchObject({ reason: expect.stringContaining('while it was in use') })
    await remote.set({ expired: false })
    expect(await say(forward, 'again')).toBe('again')
  })

  test('nonsense ends the session with an error, not the program', async () => {
    const { forward, notices } = await open(echo)
    for (let i = 0; i < 60; i++) await remote.send(noise(200))
    await until('an error', () => notices.length > 0)
    expect(notices[0]).toMatchObject({ type: 'no-session' })
    expect(await say(forward, 'again')).toBe('again')
  })

  test('a frame too long to be honest breaks the connection, which is opened again', async () => {
    const { forward, notices } = await open(echo)
    await remote.send(Buffer.alloc(1024 * 1024))
    await until('the connection to be opened again', () => notices.some(({ type }) => type === 'resumed'))
    expect(await say(forward, 'again')).toBe('again')
  })
})
