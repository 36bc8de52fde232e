import { setMaxListeners } from 'node:events'
import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.js'
import { inBackground } from './background.js'
import { isLater } from './handshake.js'
import { flag, payloadType } from './message.js'
import { Mux, type MuxStream } from './mux.js'
import {
  Backpressure,
  breakOff,
  type ForwardingNotices,
  type ForwardingSession,
  type PortForwarding,
  readAhead,
  silenceAfter,
} from './port-forwarding.js'

/** Agents up to this one end a multiplexed session that is silent for half a minute. */
const wantsKeepAlive = '3.1.1511.0'
const keepAliveEvery = 10_000
/** How long the local side may stay open after the remote side has closed. */
const lingerFor = 30_000
const busyFor = 2000

interface Connection {
  socket: Socket
  stream: MuxStream
  received: number
  heardAt: number
  movedAt: number
  /** Data was sent after the last data arrived. */
  asked: boolean
  /** One side has closed. */
  closing: boolean
  /** The remote side was told that we closed before it closed itself, so an answer may be lost. */
  cutShort: boolean
}

/** Many connections over one session, for agents above 3.0.196.0. */
export class MuxPortForwarding implements PortForwarding {
  readonly full = false
  private readonly connections = new Set<Connection>()
  private readonly over = new AbortController()
  private readonly mux: Mux
  private readonly backpressure: Backpressure
  /** The number of connections that the instance could not open and that are not identified yet. */
  private refusals = 0

  constructor(
    session: ForwardingSession,
    private readonly clock: Clock,
    private readonly notices: ForwardingNotices,
  ) {
    this.mux = new Mux({
      get sendWindow() {
        return session.sendWindow
      },
      send: (payload, repeated) => session.send(payloadType.output, payload, repeated),
    })
    this.backpressure = new Backpressure(
      session,
      clock,
      () => this.size > 1,
      (socket) => {
        breakOff(socket)
        notices.letGo()
      },
    )
    // Each closing connection adds a listener for a while.
    setMaxListeners(0, this.over.signal)
    if (!isLater(session.agentVersion, wantsKeepAlive)) inBackground(this.keepAlive(), this.over.signal)
  }

  get load(): number {
    return this.count(({ closing }) => !closing)
  }

  get size(): number {
    return this.connections.size
  }

  get busy(): number {
    const since = this.clock.now() - busyFor
    return this.count(({ closing, movedAt }) => !closing && movedAt > since)
  }

  carry(socket: Socket): void {
    const connection: Connection = {
      socket,
      received: 0,
      heardAt: this.clock.now(),
      movedAt: this.clock.now(),
      asked: false,
      closing: false,
      cutShort: false,
      stream: this.mux.open({
        data: (chunk) => {
          connection.received += chunk.length
          connection.heardAt = connection.movedAt = this.clock.now()
          connection.asked = false
          this.notices.moved(chunk.length, 0)
          this.backpressure.write(socket, chunk)
        },
        finished: () => this.remoteEnd(connection),
        drained: () => socket.resume(),
      }),
    }
    this.connections.add(connection)
    socket.on('data', (chunk: Buffer) => {
      connection.asked = true
      connection.movedAt = this.clock.now()
      this.notices.moved(0, chunk.length)
      connection.stream.write(chunk)
      if (connection.stream.queued > readAhead) socket.pause()
    })
    socket.on('end', () => inBackground(this.localEnd(connection), this.over.signal))
    // The error is of no use to the remote side, and "close" follows.
    socket.on('error', () => {})
    socket.on('close', (hadError) => {
      this.connections.delete(connection)
      if (hadError) connection.stream.abandon()
      else connection.stream.finish()
    })
  }

  payload(type: number, payload: Buffer): void {
    if (type === payloadType.output) this.mux.receive(payload)
    const failed =
      type === payloadType.flag && payload.length === 4 && payload.readUInt32BE() === flag.connectFailed
    if (failed) this.refusals++
  }

  onDrain(): void {
    this.mux.pump()
  }

  end(): void {
    this.over.abort()
    for (const { socket } of this.connections) breakOff(socket)
  }

  /** The remote side has closed. Its data is delivered; more data from us would not be read. */
  private remoteEnd(connection: Connection): void {
    const { socket, stream, received, cutShort } = connection
    connection.closing = true
    stream.finish()
    const refused = this.refusals > 0 && received === 0
    if (refused) {
      this.refusals--
      this.notices.refused()
    }
    if (refused || cutShort) {
      breakOff(socket)
      return
    }
    socket.removeAllListeners('data')
    socket.resume()
    socket.end()
    socket.setTimeout(lingerFor, () => socket.destroy())
  }

  /** The local side has closed. The remote side is told when no more data arrives. */
  private async localEnd(connection: Connection): Promise<void> {
    connection.closing = true
    connection.heardAt = this.clock.now()
    for (let left = silenceAfter(connection.asked); left > 0; ) {
      await this.clock.sleep(left, this.over.signal)
      left = connection.heardAt + silenceAfter(connection.asked) - this.clock.now()
    }
    connection.cutShort = true
    connection.stream.finish()
  }

  private count(which: (connection: Connection) => boolean): number {
    let count = 0
    for (const connection of this.connections) if (which(connection)) count++
    return count
  }

  private async keepAlive(): Promise<void> {
    while (true) {
      await this.clock.sleep(keepAliveEvery, this.over.signal)
      this.mux.keepAlive()
    }
  }
}
