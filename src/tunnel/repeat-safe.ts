import { command, frameHeader, writeFrameHeader } from './smux.js'

/** Bytes that a payload needs beside its frames, first sent or repeated. */
export const repeatReserve = 16

/** A payload, and how the same message is written when it is sent again. */
export interface SafePayload {
  payload: Buffer
  repeated: (payload: Buffer) => Buffer
}

/**
 * Makes payloads that the agent can receive twice without harm. The agent passes a payload to its multiplexer, then
 * acknowledges it, and only then expects the next number (agent/session/datachannel/datachannel.go,
 * handleStreamDataMessage). If its connection breaks in between, it takes the repetition for new data.
 *
 * So the payload tells the agent's frame reader whether it is new. Every second payload ends with the first byte of
 * the next frame: a version, always 1. The reader is thus in one of two states, *even* at the start of a frame or
 * *odd* after a version byte, and each payload switches from one to the other.
 *
 * - When first sent, the payload is its frames. If it is processed twice, left out or out of order, the state is wrong,
 *   and the version is invalid at once.
 * - When repeated, it begins with a header that means something different in each state. In the state before the message
 *   its frames are read; in the state after it they are the data of a stream that does not exist, which the agent drops
 *   (github.com/xtaci/smux, session.go, recvLoop). Both lead to the state after the message.
 */
export class RepeatSafe {
  private odd = false

  /** `frames`: whole frames, at most 1024 - `repeatReserve` bytes. */
  next(frames: Buffer): SafePayload {
    const { odd } = this
    this.odd = !odd
    if (!odd) return { payload: Buffer.concat([frames, version]), repeated: repeatedEven }
    // In the even state a finish, 1, would pass for a version.
    const first = frames.readUInt8(1) === command.finish ? Buffer.concat([nop, frames]) : frames
    return { payload: first.subarray(1), repeated: repeatedOdd }
  }
}

const version = Buffer.from([1])
const nop = header(command.nop, 0, 0)

/**
 * New when the reader is even: a push of 7 bytes to no stream, then the frames.
 * Known when it is odd: 1 and this header's first 7 bytes are a finish of stream 0; its last byte, 1, begins the
 * push that takes the frames.
 */
function repeatedEven(payload: Buffer): Buffer {
  const swallow = header(command.push, payload.length - 1, 0).subarray(1)
  return Buffer.concat([header(command.push, swallow.length, 0x0100_0000), swallow, payload])
}

/**
 * New when the reader is odd: 1 and this header's first 7 bytes are a finish of a stream that is never opened; its
 * last byte, 1, begins the first frame. Known when it is even: a push to no stream that takes the frames.
 */
function repeatedOdd(payload: Buffer): Buffer {
  return Buffer.concat([header(command.push, payload.length, 0x01ff_fffe), payload])
}

function header(kind: number, length: number, stream: number): Buffer {
  const bytes = Buffer.alloc(frameHeader)
  writeFrameHeader(bytes, 0, { command: kind, stream, length })
  return bytes
}
