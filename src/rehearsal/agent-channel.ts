import type { WebSocket } from 'ws'
import {
  acknowledged,
  acknowledgement,
  decodeMessage,
  encodeMessage,
  flag,
  messageType,
  payloadType,
} from '../tunnel/message.js'

/** The remote end of a session: a port or a shell. */
export interface Purpose {
  /** The agent's handshake request: `SessionType` and its properties. */
  readonly type: { SessionType: string; Properties: object }
  /** Called when the handshake is done. */
  begin(channel: AgentChannel): void
  take(payloadType: number, payload: Buffer): void
  end(): void
}

/**
 * The agent's side of one data channel: it starts the handshake, acknowledges every message, processes each once and
 * in order, and repeats unacknowledged messages on a new socket. Loopback loses nothing.
 */
export class AgentChannel {
  private socket: WebSocket | undefined
  private readonly unacknowledged = new Map<number, Buffer>()
  private next = 0
  private expected = 0
  private open = false

  constructor(
    private readonly agentVersion: string,
    private readonly purpose: Purpose,
    private readonly ended: () => void,
  ) {}

  attach(socket: WebSocket): void {
    this.socket?.removeAllListeners('message')
    this.socket = socket
    socket.on('message', (data: Buffer, isBinary) => isBinary && this.receive(data))
    for (const frame of this.unacknowledged.values()) socket.send(frame)
  }

  /** Requests the handshake; data follows when it is done. */
  greet(): void {
    const request = {
      AgentVersion: this.agentVersion,
      RequestedClientActions: [{ ActionType: 'SessionType', ActionParameters: this.purpose.type }],
    }
    this.send(payloadType.handshakeRequest, Buffer.from(JSON.stringify(request)))
  }

  send(type: number, payload: Buffer): void {
    const sequence = this.next++
    const frame = encodeMessage(
      { type: messageType.output, sequence, flags: 0, payloadType: type, payload },
      Date.now(),
    )
    this.unacknowledged.set(sequence, frame)
    this.socket?.send(frame)
  }

  /** Bytes that the client has not read yet. */
  get backlog(): number {
    return this.socket?.bufferedAmount ?? 0
  }

  /** Ends the session, with a reason for the user. */
  close(reason: string): void {
    const payload = Buffer.from(JSON.stringify({ Output: reason }))
    const message = {
      type: messageType.closed,
      sequence: 0,
      flags: 0,
      payloadType: payloadType.none,
      payload,
    }
    this.socket?.send(encodeMessage(message, Date.now()))
    this.finish()
  }

  private receive(frame: Buffer): void {
    const message = decodeMessage(frame)
    if (message.type === messageType.acknowledge) {
      this.unacknowledged.delete(acknowledged(message.payload))
      return
    }
    if (message.type !== messageType.input || message.sequence > this.expected) return
    const isNew = message.sequence === this.expected
    if (isNew) this.expected++
    const payload = acknowledgement(message)
    const answer = {
      type: messageType.acknowledge,
      sequence: 0,
      flags: 3,
      payloadType: payloadType.none,
      payload,
    }
    this.socket?.send(encodeMessage(answer, Date.now()))
    if (isNew) this.take(message.payloadType, message.payload)
  }

  private take(type: number, payload: Buffer): void {
    if (type === payloadType.flag && payload.readUInt32BE(0) === flag.terminate) this.finish()
    else if (this.open) this.purpose.take(type, payload)
    else if (type === payloadType.handshakeResponse) this.complete()
  }

  private complete(): void {
    this.open = true
    const complete = { HandshakeTimeToComplete: 1_000_000, CustomerMessage: '' }
    this.send(payloadType.handshakeComplete, Buffer.from(JSON.stringify(complete)))
    this.purpose.begin(this)
  }

  private finish(): void {
    this.purpose.end()
    this.ended()
  }
}
