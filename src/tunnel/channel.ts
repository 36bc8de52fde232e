import {
  acknowledged,
  acknowledgement,
  decodeMessage,
  encodeMessage,
  MalformedMessage,
  type Message,
  messageType,
  parseObject,
  payloadOf,
  payloadType,
  withPayload,
} from './message.js'

import { Progress } from './progress.js'

/** Values of AWS's public agent and client (their config.go) or stricter, in milliseconds unless noted. */
export const limits = {
  /** Maximum number of unacknowledged messages. */
  flight: 256,
  /** Maximum distance of the newest from the oldest unacknowledged message; the agent's is 100,000. */
  span: 8192,
  /** Maximum bytes of messages that are kept because they arrived early, each counted with `overhead`. */
  early: 16 * 1024 * 1024,
  overhead: 256,
  /** Consecutive unreadable messages after which the session is given up. */
  malformed: 50,
  roundTrip: 100,
  timeout: 200,
  longestTimeout: 1000,
  granularity: 10,
  /** How long a pause lasts without a start: a lost start message must not stop a session forever. */
  pause: 30_000,
} as const

/** The current connection of a channel; replaced by each reconnection. */
export interface Wire {
  send(frame: Buffer): void
  /** Bytes that are buffered and not sent yet. */
  backlog(): number
}

export interface ChannelEvents {
  /** The payload of the agent's next message, in order, each once. */
  payload(type: number, payload: Buffer): void
  /** The agent or the gateway ended the session. Their reason may be empty. */
  closed(reason: string): void
  /** Messages can be sent again. */
  onDrain(): void
}

interface Flight {
  frame: Buffer
  /** When it was first sent on this connection, and last sent. */
  firstAt: number
  sentAt: number
  /** How often it was sent. */
  sent: number
  /** The payload to use when it is sent again; undefined: the same. */
  repeated: ((payload: Buffer) => Buffer) | undefined
}

/**
 * Delivers one session's messages in order and complete, over connections that lose, repeat and reorder messages, and
 * break. It does no I/O itself: bytes come in through `receive` and go out through the wire, and time is `now`.
 */
export class Channel {
  private readonly flight = new Map<number, Flight>()
  private readonly early = new Map<number, Message>()
  private earlyBytes = 0
  private next = 0
  private expected = 0
  private wire: Wire | undefined
  private pausedAt: number | undefined
  private lastAcknowledged = Number.NEGATIVE_INFINITY
  private excusedAt = Number.NEGATIVE_INFINITY
  private malformed = 0
  private smoothed: number = limits.roundTrip
  private variation = 0
  private timeout: number = limits.timeout
  private readonly progress = new Progress()
  /** Messages that were sent more than once. */
  resent = 0

  constructor(
    private readonly now: () => number,
    private readonly events: ChannelEvents,
  ) {}

  /** The smoothed round trip in milliseconds. */
  get roundTrip(): number {
    return this.smoothed
  }

  /** The number of unacknowledged messages. */
  get waiting(): number {
    return this.flight.size
  }

  /** Milliseconds since the last acknowledgement while messages wait for one; 0 if none waits. */
  get unheard(): number {
    for (const { firstAt } of this.flight.values()) {
      return this.wire ? this.now() - Math.max(firstAt, this.lastAcknowledged, this.excusedAt) : 0
    }
    return 0
  }

  /** Milliseconds for which incoming messages have been late and slow: see `Progress`. */
  get crawling(): number {
    return this.wire ? this.progress.crawling(this.now(), this.early.size > 0) : 0
  }

  /** Resets lateness, also of acknowledgements, because nothing was read for a while. */
  excuse(): void {
    this.excusedAt = this.now()
    this.progress.reset()
  }

  /** How many messages may be sent now. */
  get sendWindow(): number {
    if (this.paused || this.next - this.oldest() >= limits.span) return 0
    return Math.max(0, limits.flight - this.flight.size)
  }

  /** Switches to a new wire and repeats all unacknowledged messages on it. */
  attach(wire: Wire): void {
    this.wire = wire
    this.pausedAt = undefined
    this.progress.reset()
    for (const flight of this.flight.values()) {
      flight.firstAt = this.now()
      this.put(flight)
    }
  }

  detach(): void {
    this.wire = undefined
  }

  /** Sends one payload. Callers should check `sendWindow` first; payloads beyond it are queued. */
  send(type: number, payload: Buffer, repeated?: (payload: Buffer) => Buffer): void {
    const sequence = this.next++
    const message = { type: messageType.input, sequence, flags: 0, payloadType: type, payload }
    const now = this.now()
    const flight = { frame: encodeMessage(message, now), firstAt: now, sentAt: now, sent: 0, repeated }
    this.flight.set(sequence, flight)
    if (!this.paused) this.put(flight)
  }

  /**
   * Sends what a pause held back, and repeats overdue messages: the oldest one, and those sent before the last
   * acknowledgement. So a remote side that stopped reading is not flooded.
   */
  repeatOverdue(): void {
    if (!this.wire || this.paused || this.wire.backlog() > 256 * 1024) return
    const now = this.now()
    let oldest = true
    for (const flight of this.flight.values()) {
      const timeout = Math.min(this.timeout * 2 ** Math.max(0, flight.sent - 1), limits.longestTimeout)
      const overdue = now - flight.sentAt >= timeout && (oldest || this.lastAcknowledged >= flight.sentAt)
      if (overdue || flight.sent === 0) this.put(flight)
      oldest = false
    }
  }

  /** Processes one binary frame. Throws `MalformedMessage` after too many unreadable ones. */
  receive(frame: Buffer): void {
    try {
      this.dispatch(decodeMessage(frame))
      this.malformed = 0
    } catch (error) {
      // A damaged message is not acknowledged, so it is sent again like a lost one.
      if (!(error instanceof MalformedMessage) || ++this.malformed >= limits.malformed) throw error
    }
  }

  private get paused(): boolean {
    return this.pausedAt !== undefined && this.now() - this.pausedAt < limits.pause
  }

  private oldest(): number {
    for (const sequence of this.flight.keys()) return sequence
    return this.next
  }

  private put(flight: Flight): void {
    flight.sentAt = this.now()
    if (!this.wire) return
    if (flight.sent > 0) this.resent++
    if (flight.sent === 1 && flight.repeated) {
      flight.frame = withPayload(flight.frame, flight.repeated(payloadOf(flight.frame)))
    }
    flight.sent++
    this.wire.send(flight.frame)
  }

  private dispatch(message: Message): void {
    switch (message.type) {
      case messageType.output:
        this.takeOutput(message)
        break
      case messageType.acknowledge:
        this.takeAcknowledgement(acknowledged(message.payload))
        break
      case messageType.closed: {
        const { Output } = parseObject(message.payload)
        this.events.closed(typeof Output === 'string' ? Output : '')
        break
      }
      case messageType.pause:
        this.pausedAt = this.now()
        break
      case messageType.start:
        this.pausedAt = undefined
        this.repeatOverdue()
        this.events.onDrain()
        break
    }
  }

  private takeOutput(message: Message): void {
    if (message.sequence > this.expected) {
      this.progress.missed(this.now())
      this.keep(message)
      return
    }
    if (message.sequence === this.expected) this.handOn(message)
    // Lower numbers were received before. Their acknowledgement was lost, so acknowledge them again.
    this.acknowledge(message)
    for (let ready = this.early.get(this.expected); ready; ready = this.early.get(this.expected)) {
      this.early.delete(this.expected)
      this.earlyBytes -= weight(ready)
      this.handOn(ready)
    }
  }

  private handOn(message: Message): void {
    this.expected++
    this.progress.took(message.created, this.now(), this.early.size > 0)
    this.events.payload(message.payloadType, message.payload)
  }

  private keep(message: Message): void {
    if (!this.early.has(message.sequence)) {
      // It is not acknowledged, so it will be sent again.
      if (this.earlyBytes + weight(message) > limits.early) return
      this.early.set(message.sequence, message)
      this.earlyBytes += weight(message)
    }
    this.acknowledge(message)
  }

  private acknowledge(message: Message): void {
    const reply = {
      type: messageType.acknowledge,
      sequence: 0,
      flags: 3,
      payloadType: payloadType.none,
      payload: acknowledgement(message),
    }
    this.wire?.send(encodeMessage(reply, this.now()))
  }

  private takeAcknowledgement(sequence: number): void {
    const flight = this.flight.get(sequence)
    if (!flight) return
    this.flight.delete(sequence)
    this.lastAcknowledged = this.now()
    // After a repetition, it is unknown which of the two was acknowledged.
    if (flight.sent === 1) this.measure(this.now() - flight.sentAt)
    this.events.onDrain()
  }

  private measure(roundTrip: number): void {
    this.variation = 0.75 * this.variation + 0.25 * Math.abs(this.smoothed - roundTrip)
    this.smoothed = 0.875 * this.smoothed + 0.125 * roundTrip
    const timeout = this.smoothed + Math.max(limits.granularity, 4 * this.variation)
    this.timeout = Math.min(timeout, limits.longestTimeout)
  }
}

const weight = (message: Message) => message.payload.length + limits.overhead
