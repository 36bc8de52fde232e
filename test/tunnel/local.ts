import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { SSMClient } from '@aws-sdk/client-ssm'
import { type Clock, systemClock } from '../../src/core/clock.js'
import { Forward, type ForwardRequest, type Notice } from '../../src/tunnel/forward.js'
import type { SessionSurroundings } from '../../src/tunnel/session.js'
import type { Remote } from './remote.js'

const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
}

export function surroundings(remote: Remote, clock: Clock = systemClock): SessionSurroundings {
  const ssm = new SSMClient({ region: 'us-east-1', endpoint: remote.url, credentials, maxAttempts: 2 })
  return { clock, ssm, signer: { region: 'us-east-1', credentials: async () => credentials } }
}

/** A forward to whatever the remote side's `ports` says, on a free local port, and what it gave notice of. */
export async function forwarding(
  remote: Remote,
  request: Partial<ForwardRequest> = {},
  clock: Clock = systemClock,
): Promise<{ forward: Forward; notices: Notice[] }> {
  const notices: Notice[] = []
  const forward = await Forward.open(
    { instanceId: 'i-0123', remotePort: 80, localPort: 0, bind: '127.0.0.1', sessions: 1, ...request },
    surroundings(remote, clock),
    (notice) => notices.push(notice),
  )
  return { forward, notices }
}

/** A clock that runs `factor` times as fast, so that a wait of half a minute takes a second. */
export function fastClock(factor: number): Clock {
  const start = Date.now()
  return {
    now: () => start + (Date.now() - start) * factor,
    sleep: (ms, signal) => systemClock.sleep(ms / factor, signal),
  }
}

/** A server on this machine that stands for what listens on the instance. */
export async function serve(handle: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    handle(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as { port: number }).port }
}

export async function connectTo(port: number): Promise<Socket> {
  const socket = dial({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/**
 * All that comes until the end; rejects when the connection breaks instead of ending. Where data and a reset arrive
 * together, Node reports a normal end (uv__stream_io of libuv's src/unix/stream.c); a reset socket has no peer then,
 * and neither has one that both sides have ended.
 */
export async function everything(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  await new Promise<void>((resolve, reject) => {
    socket.on('end', () => {
      if (socket.remotePort || socket.writableEnded) resolve()
      else reject(new Error('reset'))
    })
    socket.on('error', reject)
    socket.on('close', (hadError) => hadError && reject(new Error('reset')))
  })
  return Buffer.concat(chunks)
}

export const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** Incompressible, and different each time. */
export const noise = (length: number) => randomBytes(length)

export const until = async (what: string, met: () => boolean | Promise<boolean>, within = 10_000) => {
  for (const end = Date.now() + within; !(await met()); await systemClock.sleep(20)) {
    if (Date.now() > end) throw new Error(`waited ${within} ms for ${what}`)
  }
}
