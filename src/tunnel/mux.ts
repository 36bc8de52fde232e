import { RepeatSafe, repeatReserve } from './repeat-safe.js'
import { command, FrameReader, frameHeader, writeFrameHeader } from './smux.js'

/** A payload of the data channel is at most so long: what AWS's own client sends. */
export const payloadLength = 1024
const framesLength = payloadLength - repeatReserve

/** What a stream tells its owner. */
export interface StreamEvents {
  data(chunk: Buffer): void
  /** The other side has closed the stream: nothing more comes, and nothing more is wanted. */
  finished(): void
  /** All that was written has gone to the channel. */
  drained(): void
}

/** What the multiplexer needs of a channel. */
export interface Carriage {
  readonly sendWindow: number
  /** `repeated` writes the payload for sending it again. */
  send(payload: Buffer, repeated: (payload: Buffer) => Buffer): void
}

interface Outgoing {
  id: number
  events: StreamEvents
  /** Control frames and data in the order in which they go out. */
  queue: (number | Buffer)[]
  queued: number
  finishedHere: boolean
  finishedThere: boolean
}

/** One connection among those that share the channel. */
export interface MuxStream {
  readonly id: number
  /** Bytes written that have not gone to the channel yet: the owner stops reading when there are many. */
  readonly queued: number
  write(chunk: Buffer): void
  /** Says that nothing more is coming. The remote side then closes the connection, and says so. */
  finish(): void
  /** Forgets what was not sent and tells the remote side to close. */
  abandon(): void
}

/**
 * Many streams over one channel. Each message is filled with the frames of whoever is next, and the turn goes
 * round, so that a large upload cannot keep a small request waiting.
 */
export class Mux {
  private readonly reader = new FrameReader()
  private readonly repeatSafe = new RepeatSafe()
  private readonly streams = new Map<number, Outgoing>()
  /** Streams with something to send, in the order of their turns. */
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
        // The opening may still be in the queue; a stream that was never opened needs no end.
        const unopened = stream.queue[0] === command.open
        this.turns = this.turns.filter((other) => other !== stream)
        stream.queue = []
        stream.queued = 0
        this.streams.delete(stream.id)
        if (!unopened) this.finish(stream)
      },
    }
  }

  /** Tells the remote side that somebody is here; for agents that want to hear it. */
  keepAlive(): void {
    this.put(control(command.nop, 0))
  }

  /** Takes bytes of the remote side in; throws `MalformedFrame`. Frames of unknown streams are late, not wrong. */
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

  /** Fills messages while there is something to send and room for it. */
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

  /** A stream lives until both sides have finished: what is on its way still arrives. */
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
