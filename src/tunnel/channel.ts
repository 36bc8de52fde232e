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

/** Figures of AWS's public agent and client (their config.go), in milliseconds, except where we are stricter. */
export const limits = {
  /** Messages on their way and not acknowledged. */
  flight: 256,
  /** How far the newest may be ahead of the oldest unacknowledged one; the agent keeps 100,000. */
  span: 8192,
  /** Bytes kept of messages that came too early, each counted with `overhead`. */
  early: 16 * 1024 * 1024,
  overhead: 256,
  /** Unreadable messages in a row after which the other side is not believed to speak the protocol. */
  malformed: 50,
  roundTrip: 100,
  timeout: 200,
  longestTimeout: 1000,
  granularity: 10,
  /** A pause without a start is believed for so long: a lost start must not stop a session for good. */
  pause: 30_000,
} as const

/** Where a channel's messages go for the moment; another one after a reconnection. */
export interface Wire {
  send(frame: Buffer): void
  /** Bytes handed over that have not left yet. */
  backlog(): number
}

export interface ChannelEvents {
  /** The payload of the agent's next message, in order, each once. */
  payload(type: number, payload: Buffer): void
  /** The agent or the gateway ended the session; the reason is theirs, and may be empty. */
  closed(reason: string): void
  /** There is room for messages again. */
  onDrain(): void
}

interface Flight {
  frame: Buffer
  /** When this connection first took it, and when it was last sent. */
  firstAt: number
  sentAt: number
  /** How often it has been put on a wire. */
  sent: number
  /** How the payload is written when it is sent again; undefined: as it was. */
  repeated: ((payload: Buffer) => Buffer) | undefined
}

/**
 * One session's messages in order and complete, over wires that lose, repeat, reorder and break. It does no
 * input or output of its own: bytes come in through `receive`, go out through the wire, and time is `now`.
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

  /** Messages that are sent and not acknowledged. */
  get waiting(): number {
    return this.flight.size
  }

  /** For how long, in milliseconds, messages have waited without any being acknowledged; 0 when none waits. */
  get unheard(): number {
    for (const { firstAt } of this.flight.values()) {
      return this.wire ? this.now() - Math.max(firstAt, this.lastAcknowledged, this.excusedAt) : 0
    }
    return 0
  }

  /** For how long, in milliseconds, what comes has been late and slow: see `Progress`. */
  get crawling(): number {
    return this.wire ? this.progress.crawling(this.now(), this.early.size > 0) : 0
  }

  /** Forgives what is late, acknowledgements as well: nothing was read for a while. */
  excuse(): void {
    this.excusedAt = this.now()
    this.progress.reset()
  }

  /** How many messages may be sent now. */
  get sendWindow(): number {
    if (this.paused || this.next - this.oldest() >= limits.span) return 0
    return Math.max(0, limits.flight - this.flight.size)
  }

  /** Takes a new wire into use and repeats on it all that was never acknowledged. */
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

  /** Sends one payload. Callers with a choice ask for `sendWindow` first; what is sent without is kept all the same. */
  send(type: number, payload: Buffer, repeated?: (payload: Buffer) => Buffer): void {
    const sequence = this.next++
    const message = { type: messageType.input, sequence, flags: 0, payloadType: type, payload }
    const now = this.now()
    const flight = { frame: encodeMessage(message, now), firstAt: now, sentAt: now, sent: 0, repeated }
    this.flight.set(sequence, flight)
    if (!this.paused) this.put(flight)
  }

  /**
   * Sends what a pause has kept, and repeats what has waited too long: the oldest, and of the others those sent
   * before the last acknowledgement came. So a remote side that has stopped reading is asked again, not flooded.
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

  /** Takes one binary frame in. Throws `MalformedMessage` when the other side keeps sending nonsense. */
  receive(frame: Buffer): void {
    try {
      this.dispatch(decodeMessage(frame))
      this.malformed = 0
    } catch (error) {
      // A damaged message is not acknowledged and so comes again, as a lost one does.
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
    // Lower ones have been seen: their acknowledgement was lost, and without another they would come for ever.
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
      // Not acknowledged, it will be sent again when there is room.
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
    // After a repetition nobody knows which of the two was answered.
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
