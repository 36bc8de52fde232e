import { RepeatSafe, repeatReserve } from './repeat-safe.js'
import { command, FrameReader, frameHeader, writeFrameHeader } from './smux.js'

/** Maximum payload of the data channel, as in AWS's own client. */
export const payloadLength = 1024
const framesLength = payloadLength - repeatReserve

/** A stream's events. */
export interface StreamEvents {
  data(chunk: Buffer): void
  /** The remote side has closed the stream and accepts no more data. */
  finished(): void
  /** All written data was passed to the channel. */
  drained(): void
}

/** The part of a channel that the multiplexer uses. */
export interface Carriage {
  readonly sendWindow: number
  /** `repeated` returns the payload for a repetition. */
  send(payload: Buffer, repeated: (payload: Buffer) => Buffer): void
}

interface Outgoing {
  id: number
  events: StreamEvents
  /** Control frames and data, in the order of sending. */
  queue: (number | Buffer)[]
  queued: number
  finishedHere: boolean
  finishedThere: boolean
}

/** One of the connections that share the channel. */
export interface MuxStream {
  readonly id: number
  /** Bytes that are written and not yet passed to the channel. The owner stops reading when there are many. */
  readonly queued: number
  write(chunk: Buffer): void
  /** Signals the end of data. The remote side then closes the connection and signals that. */
  finish(): void
  /** Discards unsent data and tells the remote side to close. */
  abandon(): void
}

/**
 * Many streams over one channel. Streams take turns to fill each message with their frames, so that a large upload
 * doesn't delay a small request.
 */
export class Mux {
  private readonly reader = new FrameReader()
  private readonly repeatSafe = new RepeatSafe()
  private readonly streams = new Map<number, Outgoing>()
  /** Streams with data to send, in the order of their turns. */
  private turns: Outgoing[] = []
  private nextId = 3

  constructor(private readonly channel: Carriage) {}

  /** Open streams. */
  get size(): number {
    return this.streams.size
  }

  open(events: StreamEvents): MuxStream {
    const stream: Outgoing = {
      id: this.nextId,
      events,
      queue: [],
      queued: 0,
      finishedHere: false,
      finishedThere: false,
    }
    this.nextId += 2
    this.streams.set(stream.id, stream)
    this.enqueue(stream, command.open)
    return {
      id: stream.id,
      get queued() {
        return stream.queued
      },
      write: (chunk) => this.enqueue(stream, chunk),
      finish: () => this.finish(stream),
      abandon: () => {
        // If the opening is still queued, the stream was never opened and needs no end.
        const unopened = stream.queue[0] === command.open
        this.turns = this.turns.filter((other) => other !== stream)
        stream.queue = []
        stream.queued = 0
        this.streams.delete(stream.id)
        if (!unopened) this.finish(stream)
      },
    }
  }

  /** A keepalive, for agents that need one. */
  keepAlive(): void {
    this.put(control(command.nop, 0))
  }

  /**
   * Processes bytes from the remote side; throws `MalformedFrame`. Frames of unknown streams are ignored, because
   * they are late.
   */
  receive(bytes: Buffer): void {
    for (const frame of this.reader.read(bytes)) {
      const stream = this.streams.get(frame.stream)
      if (frame.command === command.push) stream?.events.data(frame.data)
      if (frame.command === command.finish && stream) {
        stream.finishedThere = true
        this.forget(stream)
        stream.events.finished()
      }
    }
  }

  /** Sends messages while there is data and the channel accepts them. */
  pump(): void {
    const drained: Outgoing[] = []
    while (this.turns.length > 0 && this.channel.sendWindow > 0) this.put(this.fill(drained))
    for (const stream of drained) if (stream.queue.length === 0) stream.events.drained()
  }

  private finish(stream: Outgoing): void {
    if (stream.finishedHere) return
    stream.finishedHere = true
    this.forget(stream)
    this.enqueue(stream, command.finish)
  }

  /** A stream exists until both sides have finished, so that data in transit still arrives. */
  private forget(stream: Outgoing): void {
    if (stream.finishedHere && stream.finishedThere) this.streams.delete(stream.id)
  }

  private enqueue(stream: Outgoing, item: number | Buffer): void {
    if (stream.queue.length === 0) this.turns.push(stream)
    stream.queue.push(item)
    if (typeof item !== 'number') stream.queued += item.length
    this.pump()
  }

  private put(frames: Buffer): void {
    const { payload, repeated } = this.repeatSafe.next(frames)
    this.channel.send(payload, repeated)
  }

  private fill(drained: Outgoing[]): Buffer {
    const payload = Buffer.allocUnsafe(framesLength)
    let at = 0
    // A frame needs its header and at least one byte.
    while (at + frameHeader < framesLength) {
      const stream = this.turns.shift()
      if (!stream) break
      at = this.putFrame(payload, at, stream)
      if (stream.queue.length > 0) this.turns.push(stream)
      else drained.push(stream)
    }
    return payload.subarray(0, at)
  }

  private putFrame(payload: Buffer, at: number, stream: Outgoing): number {
    const item = stream.queue[0]
    if (item === undefined) return at
    if (typeof item === 'number') {
      stream.queue.shift()
      writeFrameHeader(payload, at, { command: item, stream: stream.id, length: 0 })
      return at + frameHeader
    }
    const length = Math.min(item.length, framesLength - at - frameHeader)
    writeFrameHeader(payload, at, { command: command.push, stream: stream.id, length })
    item.copy(payload, at + frameHeader, 0, length)
    if (length === item.length) stream.queue.shift()
    else stream.queue[0] = item.subarray(length)
    stream.queued -= length
    return at + frameHeader + length
  }
}

function control(kind: number, stream: number): Buffer {
  const bytes = Buffer.alloc(frameHeader)
  writeFrameHeader(bytes, 0, { command: kind, stream, length: 0 })
  return bytes
}
