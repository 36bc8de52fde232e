import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { echo, megabyte, open, remote, say } from './datapath.js'
import { connectTo, digest, fastClock, noise, until } from './local.js'

describe('an agent too old for many connections', () => {
  const openOldWith = (agent: Record<string, unknown>, handle: (socket: Socket) => void) =>
    open(handle, { agent: { version: '3.0.196.0', ...agent } })
  const openOld = (handle: (socket: Socket) => void) => openOldWith({}, handle)

  test('carries one after another, each its own bytes', async () => {
    const { forward } = await openOld((socket) => socket.on('data', (chunk) => socket.write(chunk)))
    for (let i = 0; i < 3; i++) {
      const bytes = noise(50_000)
      const socket = await connectTo(forward.port)
      socket.write(bytes)
      const chunks: Buffer[] = []
      await new Promise<void>((resolve) => {
        socket.on('data', (chunk) => {
          chunks.push(chunk)
          if (Buffer.concat(chunks).length === bytes.length) resolve()
        })
      })
      expect(digest(Buffer.concat(chunks))).toBe(digest(bytes))
      socket.destroy()
    }
  })

  test('carries several concurrently over several sessions', async () => {
    const { forward } = await openOld((socket) => socket.on('data', (chunk) => socket.write(chunk)))
    const answers = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const socket = await connectTo(forward.port)
        socket.write(`hello ${i}`)
        const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve))
        socket.destroy()
        return answer.toString()
      }),
    )
    expect(answers).toEqual(Array.from({ length: 12 }, (_, i) => `hello ${i}`))
  })

  test('hands a greeting over that came before anybody had connected', async () => {
    const { forward } = await openOld((socket) => socket.write('220 welcome'))
    await systemClock.sleep(200)
    const socket = await connectTo(forward.port)
    const [greeting] = await once(socket, 'data')
    expect(greeting.toString()).toBe('220 welcome')
    socket.destroy()
  })

  test('gives no connection what was meant for the one before it', async () => {
    const { forward } = await openOldWith({ window: 100_000, pace: 0 }, (socket) => {
      socket.on('data', (chunk) => socket.write(chunk.toString() === 'flood' ? noise(20 * megabyte) : chunk))
    })
    await remote.set({ delay: 250 })
    const first = await connectTo(forward.port)
    first.write('flood')
    await once(first, 'data')
    first.resetAndDestroy()
    const sockets = await Promise.all(Array.from({ length: 9 }, () => connectTo(forward.port)))
    const answers = sockets.map(async (socket) => {
      socket.write('mine')
      const [answer] = await once(socket, 'data')
      socket.destroy()
      return answer.toString()
    })
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['mine']))
  })
})

test('an agent that ends silent sessions hears from us now and then', async () => {
  const { forward } = await open(echo, { clock: fastClock(50), agent: { version: '3.1.1511.0' } })
  await until('three signs of life', async () => ((await remote.stats()).agents.at(-1)?.seen ?? 0) >= 4)
  expect(await say(forward, 'works')).toBe('works')
})
