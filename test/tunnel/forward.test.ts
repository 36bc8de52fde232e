import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import {
  collector,
  download,
  echo,
  megabyte,
  open,
  remote,
  say,
  sender,
  upload,
  uploads,
} from './datapath.js'
import { connectTo, digest, everything, fastClock, noise, serve, until } from './local.js'

describe('a forwarded port', () => {
  test('carries a hundred megabytes down, every byte right', async () => {
    const bytes = noise(100 * megabyte)
    const { forward } = await open(sender(bytes), { agent: { pace: 0 } })
    expect(digest(await download(forward))).toBe(digest(bytes))
    expect(forward.traffic.bytesDown).toBe(bytes.length)
  }, 60_000)

  test('carries a hundred megabytes up, every byte right', async () => {
    const bytes = noise(100 * megabyte)
    const { forward } = await open(uploads)
    expect(await upload(forward, bytes)).toBe(digest(bytes))
    expect(forward.traffic.bytesUp).toBe(bytes.length + 4)
  }, 60_000)

  test('carries two hundred concurrent connections, each its own bytes', async () => {
    const { forward } = await open(echo)
    const digests = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const text = noise(10_000).toString('hex')
        return (await say(forward, text)) === text
      }),
    )
    expect(digests.filter(Boolean)).toHaveLength(200)
    await until('the connections to be gone', () => forward.traffic.connections === 0)
  })

  test('warns of nothing that it caused itself when many connections end at once', async () => {
    const warnings: Error[] = []
    const keep = (warning: Error) => warnings.push(warning)
    process.on('warning', keep)
    const { forward } = await open(echo)
    await Promise.all(Array.from({ length: 50 }, () => say(forward, 'hello')))
    await systemClock.sleep(100)
    process.off('warning', keep)
    expect(warnings.filter(({ name }) => name === 'MaxListenersExceededWarning')).toEqual([])
  })

  test('carries a single line feed as it is', async () => {
    const { handle, received } = collector()
    const { forward } = await open(handle, { clock: fastClock(20) })
    const socket = await connectTo(forward.port)
    socket.end('\n')
    await until('a connection', () => received.length > 0)
    expect(await received[0]).toEqual(Buffer.from('\n'))
  })

  test('lets a client end its side and still have the whole answer', async () => {
    const bytes = noise(50_000)
    const { forward } = await open((socket) => {
      socket.once('data', () => setTimeout(() => socket.end(bytes), 300))
    })
    const socket = await connectTo(forward.port)
    socket.end('what do you have?')
    expect(await everything(socket)).toEqual(bytes)
  })

  test('breaks the connection of a client that ended its side and whose answer may be lost', async () => {
    // The agent closes both ways at a FIN (port_mux.go, handleDataTransfer): what comes only then never arrives.
    const { forward } = await open((socket) => socket.resume().on('end', () => socket.end('the answer')), {
      clock: fastClock(20),
    })
    const socket = await connectTo(forward.port)
    socket.end('a question')
    await expect(everything(socket)).rejects.toThrow()
  })

  test('closes the remote side soon when nothing is unanswered', async () => {
    let closed = 0
    const { forward } = await open(
      (socket) => {
        echo(socket)
        socket.on('close', () => closed++)
      },
      { clock: fastClock(20) },
    )
    const since = Date.now()
    await say(forward, 'hello')
    await until('the remote side to be closed', () => closed === 1)
    expect((Date.now() - since) * 20).toBeLessThan(8000)
  })

  test('tells the remote side of an end when nothing more has come for ten seconds', async () => {
    const { handle, received } = collector()
    const { forward } = await open(handle, { clock: fastClock(20) })
    const bytes = noise(70_000)
    const socket = await connectTo(forward.port)
    const since = Date.now()
    socket.end(bytes)
    await until('a connection', () => received.length > 0)
    expect(await received[0]).toEqual(bytes)
    expect((Date.now() - since) * 20).toBeGreaterThanOrEqual(10_000)
  })

  test('breaks the local connection when the remote one is broken off', async () => {
    const { handle, received } = collector()
    const { forward } = await open(handle)
    const socket = await connectTo(forward.port)
    socket.write('x')
    await until('a connection', () => received.length > 0)
    socket.resetAndDestroy()
    await received[0]
    await until('the connection to be gone', () => forward.traffic.connections === 0)
  })

  test('spreads its connections over several sessions', async () => {
    const { forward } = await open(echo, { sessions: 4 })
    const before = (await remote.stats()).started.length
    expect(before).toBeGreaterThanOrEqual(4)
    const sockets = await Promise.all(Array.from({ length: 8 }, () => connectTo(forward.port)))
    for (const socket of sockets) socket.write('hello')
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('data', resolve))))
    const { agents } = await remote.stats()
    expect(agents.filter(({ seen }) => seen >= 4)).toHaveLength(4)
  })

  test('prefers a session whose connections are closing to one whose connections are in use', async () => {
    const { forward } = await open((socket) => socket.on('data', (chunk) => socket.write(chunk)), {
      sessions: 4,
    })
    const answer = (socket: Socket) => {
      socket.write('hello')
      return new Promise((resolve) => socket.once('data', resolve))
    }
    const sockets: Socket[] = []
    for (let i = 0; i < 4; i++) {
      sockets.push(await connectTo(forward.port))
      await answer(sockets[i] as Socket)
    }
    for (const socket of sockets.slice(2)) socket.end()
    await systemClock.sleep(100)
    const before = (await remote.stats()).agents.slice(-4).map(({ seen }) => seen)
    const others = [await connectTo(forward.port), await connectTo(forward.port)]
    for (const socket of others) await answer(socket)
    const after = (await remote.stats()).agents.slice(-4).map(({ seen }) => seen)
    expect(after.map((seen, i) => seen > (before[i] ?? 0))).toEqual([false, false, true, true])
  })

  test('takes another local port when the wanted one is taken', async () => {
    const { server, port } = await serve(echo)
    const { forward } = await open(echo, { localPort: port })
    expect(forward.port).not.toBe(port)
    expect(forward.port).toBeGreaterThan(0)
    server.close()
  })

  test('ends its sessions at AWS when it is closed', async () => {
    const { forward } = await open(echo, { sessions: 2 })
    const { terminated, live } = await remote.stats()
    await forward.close()
    const after = await remote.stats()
    expect(after.terminated.length - terminated.length).toBe(2)
    expect(live - after.live).toBe(2)
  })

  test('says when nothing listens on the remote side, and breaks the connection', async () => {
    const { forward, notices } = await open(echo, { remotePort: 81 })
    await expect(download(forward)).rejects.toThrow()
    expect(notices).toEqual([{ type: 'refused' }])
    // The session serves all the same.
    await expect(download(forward)).rejects.toThrow()
  })
})
