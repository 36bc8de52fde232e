import { once } from 'node:events'
import type { Server, Socket } from 'node:net'
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

/** Answers, at the end of what it was sent, nothing; and hands over what came. */
function collector() {
  const received: Promise<Buffer>[] = []
  return {
    received,
    handle: (socket: Socket) => received.push(everything(socket).finally(() => socket.end())),
  }
}

const echo = (socket: Socket) => socket.pipe(socket)
/** Sends `bytes` to whoever connects, and ends. */
const sender = (bytes: Buffer) => (socket: Socket) => socket.end(bytes)

async function upload(forward: Forward, bytes: Buffer): Promise<Socket> {
  const socket = await connectTo(forward.port)
  socket.write(bytes)
  return socket
}

describe('a forwarded port', () => {
  test('carries a hundred megabytes down, every byte right', async () => {
    const bytes = noise(100 * megabyte)
    const { forward } = await open(sender(bytes))
    const got = await everything(await connectTo(forward.port))
    expect(digest(got)).toBe(digest(bytes))
  }, 60_000)
})
