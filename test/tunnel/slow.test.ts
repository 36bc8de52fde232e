import type { Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { downloadAfter, megabyte, open } from './datapath.js'
import { connectTo, digest, everything, fastClock, noise, until } from './local.js'

/** Waits until a megabyte and more has gone, and nothing moves any longer. */
/** On a busy machine something that moves can seem to stand for a moment. */
const stands = (what: string, count: () => number) =>
  until(`${what} to stand still`, async () => {
    const seen = count()
    for (let looks = 0; looks < 6 && count() === seen; looks++) await systemClock.sleep(150)
    return seen > megabyte && count() === seen
  })

describe('a slow reader', () => {
  const flood = noise(40 * megabyte)
  const floods = (socket: Socket) => {
    socket.once('data', (chunk) => (chunk.toString() === 'flood' ? socket.end(flood) : socket.end('quick')))
  }
  /** Without the pause that would let a slow reader keep up. */
  const agent = { pace: 0 }
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  /** Bytes that are really held, not those that wait to be collected. */
  const heap = () => {
    collect()
    const { arrayBuffers, heapUsed } = process.memoryUsage()
    return arrayBuffers + heapUsed
  }

  test('makes the remote side wait: memory stays bounded, and every byte comes in the end', async () => {
    const { forward } = await open(floods, { agent })
    const socket = await connectTo(forward.port)
    const before = heap()
    socket.write('flood')
    socket.pause()
    let most = 0
    for (let i = 0; i < 30; i++) {
      await systemClock.sleep(50)
      most = Math.max(most, heap() - before)
    }
    expect(forward.traffic.bytesDown).toBeLessThan(12 * megabyte)
    expect(most).toBeLessThan(16 * megabyte)
    const rest = everything(socket)
    socket.resume()
    expect(digest(await rest)).toBe(digest(flood))
  }, 30_000)

  test('is let go when it takes nothing and keeps others waiting', async () => {
    const { forward, notices } = await open(floods, { agent, clock: fastClock(10) })
    const stalled = await connectTo(forward.port)
    stalled.write('flood')
    stalled.pause()
    await stands('the download', () => forward.traffic.bytesDown)
    const quick = await downloadAfter(forward, 'quick')
    expect(quick.toString()).toBe('quick')
    expect(notices).toContainEqual({ type: 'let-go' })
  }, 30_000)

  test('that takes its time is not let go, though others wait', async () => {
    const { forward, notices } = await open(floods, { agent, clock: fastClock(10) })
    const slow = await connectTo(forward.port)
    slow.write('flood')
    const other = await connectTo(forward.port)
    const chunks: Buffer[] = []
    slow.on('data', (chunk) => {
      chunks.push(chunk)
      slow.pause()
      setTimeout(() => slow.resume(), 1)
    })
    await new Promise((resolve) => slow.on('end', resolve))
    expect(digest(Buffer.concat(chunks))).toBe(digest(flood))
    expect(notices).toEqual([])
    other.destroy()
  }, 30_000)

  test('on the remote side stops the upload, in bounded memory', async () => {
    const { forward } = await open((socket) => socket.pause())
    const before = heap()
    const socket = await connectTo(forward.port)
    let written = 0
    const piece = noise(megabyte)
    const write = () => {
      while (written < 60 * megabyte) {
        written += megabyte
        if (!socket.write(piece)) return socket.once('drain', write)
      }
    }
    write()
    let most = 0
    for (let i = 0; i < 30; i++) {
      await systemClock.sleep(50)
      most = Math.max(most, heap() - before)
    }
    expect(written).toBeLessThan(40 * megabyte)
    expect(most).toBeLessThan(16 * megabyte)
    socket.destroy()
  }, 30_000)

  test('on the remote side does not stop others for good: they get a new session', async () => {
    const { forward, notices } = await open(
      (socket) => {
        socket.once('data', (chunk) => {
          if (chunk.toString('latin1').startsWith('quick')) socket.end('quick')
          else socket.pause()
        })
      },
      { clock: fastClock(20) },
    )
    const stuck = await connectTo(forward.port)
    stuck.write(noise(30 * megabyte))
    await stands('the upload', () => forward.traffic.bytesUp)
    expect((await downloadAfter(forward, 'quick')).toString()).toBe('quick')
    // Alone on its session, it may wait for as long as it wants.
    await systemClock.sleep(1000)
    expect(stuck.destroyed).toBe(false)
    expect(notices).toEqual([])
  }, 30_000)

  test('is ended together with those that wait behind it, and that is said', async () => {
    const { forward, notices } = await open(
      (socket) => {
        socket.once('data', (chunk) => chunk.toString('latin1').startsWith('quick') || socket.pause())
      },
      { clock: fastClock(20) },
    )
    const asking = await connectTo(forward.port)
    asking.write('quick')
    const waiting = everything(asking)
    // A connection that comes later, when nothing moves, would get another session.
    await until('the question to be sent', () => forward.traffic.bytesUp > 0)
    const stuck = await connectTo(forward.port)
    stuck.write(noise(30 * megabyte))
    await expect(waiting).rejects.toThrow()
    expect(notices).toContainEqual({ type: 'stuck', connections: 2 })
  }, 30_000)
})
