import type { Server, Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import type { Forward } from '../../src/tunnel/forward.js'
import { connectTo, digest, everything, forwarding, serve } from './local.js'
import { Remote } from './remote.js'

export const megabyte = 1024 * 1024
export const noFaults = { drop: 0, twice: 0, late: 0, damage: 0 }

/** The remote side of this file's tests. */
export let remote: Remote
let servers: Server[] = []
let forwards: Forward[] = []

beforeAll(async () => {
  remote = await Remote.start()
})
afterAll(() => remote.stop())
beforeEach(() =>
  remote.set({
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
export async function open(
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
  await remote.set({ agent: { ports: { 80: port }, ...agent } })
  const opened = await forwarding(remote, request, clock)
  forwards.push(opened.forward)
  return opened
}

export const echo = (socket: Socket) => socket.pipe(socket)
/** Sends `bytes` to whoever connects, and ends. */
export const sender = (bytes: Buffer) => (socket: Socket) => socket.end(bytes)

/** Takes connections, and hands over what each was sent when it ends. */
export function collector() {
  const received: Promise<Buffer>[] = []
  return {
    received,
    handle: (socket: Socket) => received.push(everything(socket).finally(() => socket.end())),
  }
}

/** Takes a length in the first 4 bytes, then so much, and answers with its digest; as uploads over HTTP go. */
export function uploads(socket: Socket) {
  const chunks: Buffer[] = []
  let length = 0
  socket.on('data', (chunk) => {
    chunks.push(chunk)
    length += chunk.length
    if (length < 4) return
    const wanted = Buffer.concat(chunks.slice(0, 4)).readUInt32BE()
    if (length >= wanted + 4) socket.end(digest(Buffer.concat(chunks).subarray(4)))
  })
}

export async function upload(forward: Forward, bytes: Buffer): Promise<string> {
  const socket = await connectTo(forward.port)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  socket.write(length)
  socket.write(bytes)
  return (await everything(socket)).toString()
}

/** What comes back of `text`, from a remote side that answers at once; the connection is then let go. */
export async function say(forward: Forward, text: string): Promise<string> {
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

export const download = async (forward: Forward) => everything(await connectTo(forward.port))

/** Says `word` and takes the answer. */
export async function downloadAfter(forward: Forward, word: string): Promise<Buffer> {
  const socket = await connectTo(forward.port)
  socket.write(word)
  return everything(socket)
}
