import { once } from 'node:events'
import type { Server, Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/engine/clock.js'
import type { Forward } from '../../src/tunnel/forward.js'
import { Far } from './far.js'
import { connectTo, digest, everything, fastClock, forwarding, noise, serve, until } from './near.js'

const megabyte = 1024 * 1024
const noFaults = { drop: 0, twice: 0, late: 0, damage: 0 }

let far: Far
let servers: Server[] = []
let forwards: Forward[] = []

beforeAll(async () => {
  far = await Far.start()
})
afterAll(() => far.stop())
beforeEach(() =>
  far.set({
    up: noFaults,
    down: noFaults,
    delay: 0,
    silent: false,
    expired: false,
    resumeFailures: 0,
    errors: {},
    agent: {},
  }),
)
afterEach(async () => {
  await Promise.all(forwards.map((forward) => forward.close()))
  for (const server of servers) server.close()
  forwards = []
  servers = []
})

/** Forwards to a server that does `handle` with each connection. */
async function open(
  handle: (socket: Socket) => void,
  {
    clock = systemClock,
    agent = {},
    ...request
  }: Parameters<typeof forwarding>[1] & {
    clock?: typeof systemClock
    agent?: Record<string, unknown>
  } = {},
) {
  const { server, port } = await serve(handle)
  servers.push(server)
  await far.set({ agent: { ports: { 80: port }, ...agent } })
  const opened = await forwarding(far, request, clock)
  forwards.push(opened.forward)
  return opened
}

const echo = (socket: Socket) => socket.pipe(socket)
/** Sends `bytes` to whoever connects, and ends. */
const sender = (bytes: Buffer) => (socket: Socket) => socket.end(bytes)

/** Takes connections, and hands over what each was sent when it ends. */
function collector() {
  const received: Promise<Buffer>[] = []
  return {
    received,
    handle: (socket: Socket) => received.push(everything(socket).finally(() => socket.end())),
  }
}

/** Takes a length in the first 4 bytes, then so much, and answers with its digest; as uploads over HTTP go. */
function uploads(socket: Socket) {
  const chunks: Buffer[] = []
  let length = 0
  socket.on('data', (chunk) => {
    chunks.push(chunk)
    length += chunk.length
    if (length < 4) return
    const wanted = Buffer.concat(chunks.slice(0, 4)).readUInt32BE()
    if (length === wanted + 4) socket.end(digest(Buffer.concat(chunks).subarray(4)))
  })
}

async function upload(forward: Forward, bytes: Buffer): Promise<string> {
  const socket = await connectTo(forward.port)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  socket.write(length)
  socket.write(bytes)
  return (await everything(socket)).toString()
}

/** What comes back of `text`, from a far side that answers at once; the connection is then let go. */
async function say(forward: Forward, text: string): Promise<string> {
  const socket = await connectTo(forward.port)
  socket.write(text)
  let answer = ''
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('data', (chunk) => {
      answer += chunk
      if (answer.length >= text.length) resolve()
    })
  })
  socket.destroy()
  return answer
}

const download = async (forward: Forward) => everything(await connectTo(forward.port))

describe('a forwarded port', () => {
  test('carries a hundred megabytes down, every byte right', async () => {
    const bytes = noise(100 * megabyte)
    const { forward } = await open(sender(bytes))
    expect(digest(await download(forward))).toBe(digest(bytes))
    expect(forward.traffic.bytesDown).toBe(bytes.length)
  }, 60_000)

  test('carries a hundred megabytes up, every byte right', async () => {
    const bytes = noise(100 * megabyte)
    const { forward } = await open(uploads)
    expect(await upload(forward, bytes)).toBe(digest(bytes))
    expect(forward.traffic.bytesUp).toBe(bytes.length + 4)
  }, 60_000)

  test('carries two hundred connections at once, each its own bytes', async () => {
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

  test('warns of nothing to do with its own making when many connections end at once', async () => {
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

  test('closes the far side soon when nothing is unanswered', async () => {
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
    await until('the far side to be closed', () => closed === 1)
    expect((Date.now() - since) * 20).toBeLessThan(8000)
  })

  test('tells the far side of an end when nothing more has come for ten seconds', async () => {
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

  test('breaks the local connection when the far one is broken off', async () => {
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
    const before = (await far.stats()).started.length
    expect(before).toBeGreaterThanOrEqual(4)
    const sockets = await Promise.all(Array.from({ length: 8 }, () => connectTo(forward.port)))
    for (const socket of sockets) socket.write('hello')
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('data', resolve))))
    const { agents } = await far.stats()
    expect(agents.filter(({ seen }) => seen >= 4)).toHaveLength(4)
  })

  test('takes another local port when the wanted one is taken', async () => {
    const { server, port } = await serve(echo)
    servers.push(server)
    const { forward } = await open(echo, { localPort: port })
    expect(forward.port).not.toBe(port)
    expect(forward.port).toBeGreaterThan(0)
  })

  test('ends its sessions at AWS when it is closed', async () => {
    const { forward } = await open(echo, { sessions: 2 })
    const { terminated, live } = await far.stats()
    await forward.close()
    const after = await far.stats()
    expect(after.terminated.length - terminated.length).toBe(2)
    expect(live - after.live).toBe(2)
  })

  test('says when nothing listens on the far side, and breaks the connection', async () => {
    const { forward, notices } = await open(echo, { remotePort: 81 })
    await expect(download(forward)).rejects.toThrow()
    expect(notices).toEqual([{ type: 'refused' }])
    // The session serves all the same.
    await expect(download(forward)).rejects.toThrow()
  })
})

describe('on a bad road', () => {
  const bad = { drop: 2000, twice: 2000, late: 5000, damage: 500 }

  test('every byte arrives, though messages are lost, repeated, reordered and damaged', async () => {
    const bytes = noise(megabyte)
    const { forward } = await open((socket) => socket.once('data', () => socket.end(bytes)))
    await far.set({ up: bad, down: bad, delay: 2 })
    const socket = await connectTo(forward.port)
    socket.write('go')
    expect(digest(await everything(socket))).toBe(digest(bytes))
  }, 60_000)

  test('and so it does on the way up', async () => {
    const bytes = noise(8 * megabyte)
    const { forward } = await open(uploads)
    await far.set({ up: bad, down: bad, delay: 2 })
    expect(await upload(forward, bytes)).toBe(digest(bytes))
  }, 60_000)

  /** Breaks every connection ten times, in each way that there is. */
  async function breakTenTimes(every: number): Promise<void> {
    const ways = ['kill', 'close', 'half'] as const
    for (let broken = 0; broken < 10; ) {
      await systemClock.sleep(every)
      broken += await far.break(ways[broken % 3] ?? 'kill')
    }
  }

  test('the gateway is killed ten times within an upload, and every byte arrives', async () => {
    const bytes = noise(100 * megabyte)
    const { forward, notices } = await open(uploads)
    const answer = upload(forward, bytes)
    await breakTenTimes(150)
    expect(forward.traffic.bytesUp).toBeLessThan(bytes.length)
    expect(await answer).toBe(digest(bytes))
    expect(forward.traffic.reconnects).toBe(10)
    expect(notices.filter(({ type }) => type === 'resumed')).toHaveLength(10)
  }, 60_000)

  test('and within a download, from an agent as slow as the real one', async () => {
    const bytes = noise(4 * megabyte)
    const { forward } = await open(sender(bytes), { agent: { pace: 1 } })
    const got = download(forward)
    await breakTenTimes(250)
    expect(forward.traffic.bytesDown).toBeLessThan(bytes.length)
    expect(digest(await got)).toBe(digest(bytes))
    expect(forward.traffic.reconnects).toBe(10)
  }, 60_000)

  test('a connection that is refused for a while is tried again, and nothing is lost', async () => {
    const { forward } = await open(echo)
    const text = noise(megabyte).toString('hex')
    await far.set({ errors: { ResumeSession: 'InternalServerError' } })
    await far.break('kill')
    const answer = say(forward, text)
    await systemClock.sleep(1500)
    await far.set({ errors: {} })
    expect((await answer) === text).toBe(true)
  })

  test('a gateway that falls silent is noticed, and the connection made anew', async () => {
    const { forward } = await open(echo, { clock: fastClock(30) })
    const { upgrades } = await far.stats()
    await far.set({ silent: true })
    await until('the silence to be noticed', async () => (await far.stats()).upgrades > upgrades)
    await far.set({ silent: false })
    expect(await say(forward, 'still there?')).toBe('still there?')
  })

  test('a pause that the gateway asks for is kept, and ended', async () => {
    const { forward } = await open(echo)
    await far.pause(true)
    const answer = say(forward, 'hello')
    await systemClock.sleep(300)
    expect((await far.stats()).agents.at(-1)?.seen).toBe(1)
    await far.pause(false)
    expect(await answer).toBe('hello')
  })

  test('a session that has timed out is replaced at the next connection, and that is said', async () => {
    const { forward, notices } = await open(echo)
    const { started } = await far.stats()
    await far.expire('Session timed out')
    await until('the end to be noticed', () => notices.length > 0)
    expect(notices).toEqual([{ type: 'session-ended', reason: 'Session timed out' }])
    expect(await say(forward, 'again')).toBe('again')
    expect((await far.stats()).started.length).toBe(started.length + 1)
  })

  test('a session that can’t be resumed, because it has timed out, is replaced as well', async () => {
    const { forward, notices } = await open(echo)
    const open1 = await connectTo(forward.port)
    open1.write('x')
    const broken = everything(open1)
    await far.set({ expired: true })
    await far.break('close')
    await expect(broken).rejects.toThrow()
    await until('the end to be noticed', () => notices.some(({ type }) => type === 'session-ended'))
    await far.set({ expired: false })
    expect(await say(forward, 'again')).toBe('again')
  })

  test('nonsense ends the session with an error, not the program', async () => {
    const { forward, notices } = await open(echo)
    for (let i = 0; i < 60; i++) await far.send(noise(200))
    await until('an error', () => notices.length > 0)
    expect(notices[0]).toMatchObject({ type: 'no-session' })
    expect(await say(forward, 'again')).toBe('again')
  })

  test('a frame too long to be honest breaks the connection, which is made anew', async () => {
    const { forward, notices } = await open(echo)
    await far.send(Buffer.alloc(1024 * 1024))
    await until('the connection to be made anew', () => notices.some(({ type }) => type === 'resumed'))
    expect(await say(forward, 'again')).toBe('again')
  })
})

/** Says `word` and takes the answer. */
async function downloadAfter(forward: Forward, word: string): Promise<Buffer> {
  const socket = await connectTo(forward.port)
  socket.write(word)
  return everything(socket)
}

/** Waits until a megabyte and more has gone, and nothing moves any longer. */
const stands = (what: string, count: () => number) =>
  until(`${what} to stand still`, async () => {
    const seen = count()
    await systemClock.sleep(150)
    return seen > megabyte && count() === seen
  })

describe('a slow reader', () => {
  const flood = noise(40 * megabyte)
  const floods = (socket: Socket) => {
    socket.once('data', (chunk) => (chunk.toString() === 'flood' ? socket.end(flood) : socket.end('quick')))
  }
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  /** Bytes that are really held, not those that wait to be collected. */
  const heap = () => {
    collect()
    const { arrayBuffers, heapUsed } = process.memoryUsage()
    return arrayBuffers + heapUsed
  }

  test('makes the far side wait: memory stays bounded, and every byte comes in the end', async () => {
    const { forward } = await open(floods)
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
    expect(most).toBeLessThan(10 * megabyte)
    const rest = everything(socket)
    socket.resume()
    expect(digest(await rest)).toBe(digest(flood))
  }, 30_000)

  test('is let go when it takes nothing and keeps others waiting', async () => {
    const { forward, notices } = await open(floods, { clock: fastClock(10) })
    const stalled = await connectTo(forward.port)
    stalled.write('flood')
    stalled.pause()
    await stands('the download', () => forward.traffic.bytesDown)
    const quick = await downloadAfter(forward, 'quick')
    expect(quick.toString()).toBe('quick')
    expect(notices).toContainEqual({ type: 'let-go' })
  }, 30_000)

  test('that takes its time is not let go, though others wait', async () => {
    const { forward, notices } = await open(floods, { clock: fastClock(10) })
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

  test('on the far side stops the upload, in bounded memory', async () => {
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
    expect(most).toBeLessThan(10 * megabyte)
    socket.destroy()
  }, 30_000)

  test('on the far side does not stop others for good: they get a new session', async () => {
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
    const waiting = downloadAfter(forward, 'quick')
    await expect(waiting).rejects.toThrow()
    expect(notices).toContainEqual({ type: 'stuck' })
    expect((await downloadAfter(forward, 'quick')).toString()).toBe('quick')
  }, 30_000)
})

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

  test('carries several at once over several sessions', async () => {
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
    const { forward } = await openOldWith({ window: 100_000 }, (socket) => {
      socket.on('data', (chunk) => socket.write(chunk.toString() === 'flood' ? noise(20 * megabyte) : chunk))
    })
    await far.set({ delay: 250 })
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
  await until('three signs of life', async () => ((await far.stats()).agents.at(-1)?.seen ?? 0) >= 4)
  expect(await say(forward, 'works')).toBe('works')
})
