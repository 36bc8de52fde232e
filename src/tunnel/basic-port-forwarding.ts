import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.js'
import { flag, flagPayload, payloadType } from './message.js'
import { payloadLength } from './mux.js'
import {
  Backpressure,
  breakOff,
  type ForwardingNotices,
  type ForwardingSession,
  type PortForwarding,
  readAhead,
  silenceAfter,
} from './port-forwarding.js'

/** After a connection ends, data can still arrive. This long a silence means that all has arrived. */
const quietFor = 300
/** Data that the server sends before anything has connected here. */
const greeting = 64 * 1024

/**
 * One raw connection at a time, for agents up to 3.0.196.0. They connect when the session begins, and again when data
 * follows a disconnection, and don't signal when their side closes.
 */
export class BasicPortForwarding implements PortForwarding {
  private socket: Socket | undefined
  private taken = false
  private early: Buffer[] = []
  private earlyLength = 0
  private outgoing: Buffer[] = []
  private outgoingLength = 0
  private heardAt = 0
  private asked = false
  private over = false
  private readonly backpressure: Backpressure

  constructor(
    private readonly session: ForwardingSession,
    private readonly clock: Clock,
    private readonly notices: ForwardingNotices,
    /** Called when it can take a connection again. */
    private readonly free: () => void,
  ) {
    this.backpressure = new Backpressure(
      session,
      clock,
      () => false,
      () => {},
    )
  }

  get full(): boolean {
    return this.taken || this.over
  }

  get load(): number {
    return this.taken ? 1 : 0
  }

  get busy(): number {
    return this.load
  }

  get size(): number {
    return this.load
  }

  carry(socket: Socket): void {
    this.taken = true
    this.socket = socket
    this.asked = false
    for (const chunk of this.early.splice(0)) this.backpressure.write(socket, chunk)
    socket.on('data', (chunk: Buffer) => {
      this.asked = true
      this.notices.moved(0, chunk.length)
      this.outgoing.push(chunk)
      this.outgoingLength += chunk.length
      this.onDrain()
      if (this.outgoingLength > readAhead) socket.pause()
    })
    socket.on('end', () => this.localEnd(socket))
    socket.on('error', () => {})
    socket.on('close', () => this.disconnect())
    this.onDrain()
  }

  payload(type: number, payload: Buffer): void {
    if (type !== payloadType.output) return
    this.heardAt = this.clock.now()
    this.asked = false
    this.notices.moved(payload.length, 0)
    if (this.socket) this.backpressure.write(this.socket, payload)
    else if (!this.taken && this.earlyLength + payload.length <= greeting) {
      this.early.push(payload)
      this.earlyLength += payload.length
    }
  }

  onDrain(): void {
    while (this.outgoing.length > 0 && this.session.sendWindow > 0) {
      const chunk = this.outgoing[0] ?? Buffer.alloc(0)
      this.session.send(payloadType.output, chunk.subarray(0, payloadLength))
      this.outgoingLength -= Math.min(chunk.length, payloadLength)
      if (chunk.length > payloadLength) this.outgoing[0] = chunk.subarray(payloadLength)
      else this.outgoing.shift()
    }
    if (this.outgoing.length === 0) this.socket?.resume()
  }

  end(): void {
    this.over = true
    if (this.socket) breakOff(this.socket)
  }

  /** The local side has closed. The remote side is told when no more data arrives. */
  private async localEnd(socket: Socket): Promise<void> {
    this.heardAt = this.clock.now()
    while (this.socket === socket && this.clock.now() - this.heardAt < silenceAfter(this.asked)) {
      await this.clock.sleep(quietFor)
    }
    // This agent doesn't signal the end of data, so don't close the connection as if the answer were complete.
    breakOff(socket)
  }

  /** Makes the agent close its side, and waits until no data of this connection can reach the next one. */
  private async disconnect(): Promise<void> {
    this.socket = undefined
    if (this.over) return
    while (this.outgoing.length > 0 && !this.over) await this.clock.sleep(quietFor)
    this.session.send(payloadType.flag, flagPayload(flag.disconnectPort))
    do await this.clock.sleep(quietFor)
    while (!this.over && (!this.session.settled || this.clock.now() - this.heardAt < quietFor))
    this.taken = false
    if (!this.over) this.free()
  }
}
