/**
 * smux, version 1: many streams in one stream of bytes. A frame is version (1 byte, 1), command (1),
 * length (2, little-endian), stream id (4, little-endian) and the data. As in github.com/xtaci/smux.
 */
export const command = { open: 0, finish: 1, push: 2, nop: 3 } as const

export interface Frame {
  command: number
  stream: number
  /** Empty except for `push`. */
  data: Buffer
}

export const frameHeader = 8

/** The bytes are not smux version 1. */
export class MalformedFrame extends Error {
  override readonly name = 'MalformedFrame'
}

/** Writes a frame's header into `bytes` at `at`; `length` bytes of data are to follow it. */
export function writeFrameHeader(
  bytes: Buffer,
  at: number,
  frame: { command: number; stream: number; length: number },
): void {
  bytes.writeUInt8(1, at)
  bytes.writeUInt8(frame.command, at + 1)
  bytes.writeUInt16LE(frame.length, at + 2)
  bytes.writeUInt32LE(frame.stream, at + 4)
}

/**
 * Splits a stream of bytes into frames. It buffers at most one header: the data of a long frame is passed on as it
 * arrives, as several frames.
 */
export class FrameReader {
  private readonly header = Buffer.alloc(frameHeader)
  private held = 0
  private stream = 0
  private missing = 0;

  /** The frames that `bytes` completes or continues; throws `MalformedFrame`. */
  *read(bytes: Buffer): Generator<Frame, void> {
    let at = 0
    while (at < bytes.length) {
      if (this.missing > 0) {
        const data = bytes.subarray(at, at + this.missing)
        this.missing -= data.length
        at += data.length
        yield { command: command.push, stream: this.stream, data }
        continue
      }
      const part = bytes.copy(this.header, this.held, at, at + frameHeader - this.held)
      this.held += part
      at += part
      if (this.held < frameHeader) return
      this.held = 0
      const frame = this.start()
      if (frame) yield frame
    }
  }

  private start(): Frame | undefined {
    const { header } = this
    const [version, kind, length] = [header.readUInt8(0), header.readUInt8(1), header.readUInt16LE(2)]
    if (version !== 1) throw new MalformedFrame(`smux version ${version}`)
    if (kind > command.nop) throw new MalformedFrame(`smux command ${kind}`)
    if (kind !== command.push && length > 0) throw new MalformedFrame(`smux command ${kind} with data`)
    this.stream = header.readUInt32LE(4)
    this.missing = length
    if (kind === command.push) return undefined
    return { command: kind, stream: this.stream, data: Buffer.alloc(0) }
  }
}
