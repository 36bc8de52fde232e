import { hash, randomFillSync } from 'node:crypto'

/**
 * The data channel's message: a header of 116 bytes, the payload's length and the payload, all numbers
 * big-endian. Layout as in AWS's public agent (agent/session/contracts/agentmessage.go).
 *
 * offset: 0 header length · 4 type (32) · 36 schema version · 40 created, ms · 48 sequence · 56 flags ·
 * 64 message id (16) · 80 SHA-256 of the payload (32) · 112 payload type · 116 payload length · 120 payload
 */
export interface Message {
  type: string
  /** When it was made, in milliseconds since the epoch, by its sender's clock. */
  created: number
  /** Counts from 0 in each direction. */
  sequence: number
  flags: number
  /** A uuid as text: what an acknowledgement names. */
  id: string
  payloadType: number
  payload: Buffer
}

export const messageType = {
  input: 'input_stream_data',
  output: 'output_stream_data',
  acknowledge: 'acknowledge',
  closed: 'channel_closed',
  start: 'start_publication',
  pause: 'pause_publication',
} as const

export const payloadType = {
  none: 0,
  output: 1,
  size: 3,
  handshakeRequest: 5,
  handshakeResponse: 6,
  handshakeComplete: 7,
  challengeRequest: 8,
  challengeResponse: 9,
  flag: 10,
  stderr: 11,
  exitCode: 12,
} as const

/** What the four bytes of a flag payload mean. */
export const flag = { disconnectPort: 1, terminate: 2, connectFailed: 3 } as const

const headerLength = 116
const payloadAt = headerLength + 4

/** The bytes are not a message of the data channel. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage'
}

// Twenty thousand messages a second go through here: ids come from a pool, digests from the one-shot call.
const pool = Buffer.alloc(16 * 256)
let poolAt = pool.length

function writeId(into: Buffer): void {
  if (poolAt === pool.length) {
    randomFillSync(pool)
    poolAt = 0
  }
  pool.copy(into, 64, poolAt, poolAt + 16)
  poolAt += 16
  // The halves are swapped on the wire: bytes 8 to 15 of the uuid come first.
  into.writeUInt8((into.readUInt8(78) & 0x0f) | 0x40, 78)
  into.writeUInt8((into.readUInt8(64) & 0x3f) | 0x80, 64)
}

function readId(from: Buffer): string {
  const low = from.toString('hex', 64, 72)
  const high = from.toString('hex', 72, 80)
  return `${high.slice(0, 8)}-${high.slice(8, 12)}-${high.slice(12)}-${low.slice(0, 4)}-${low.slice(4)}`
}

function digest(payload: Buffer): Buffer {
  return hash('sha256', payload, 'buffer')
}

/** Encodes one message, with a new random id. `created` is in milliseconds since the epoch. */
export function encodeMessage(message: Omit<Message, 'id' | 'created'>, created: number): Buffer {
  const { payload } = message
  const bytes = Buffer.allocUnsafe(payloadAt + payload.length)
  bytes.writeUInt32BE(headerLength, 0)
  bytes.fill(0x20, 4, 36)
  bytes.write(message.type, 4, 32, 'latin1')
  bytes.writeUInt32BE(1, 36)
  writeLong(bytes, created, 40)
  writeLong(bytes, message.sequence, 48)
  writeLong(bytes, message.flags, 56)
  writeId(bytes)
  digest(payload).copy(bytes, 80)
  bytes.writeUInt32BE(message.payloadType, 112)
  bytes.writeUInt32BE(payload.length, 116)
  payload.copy(bytes, payloadAt)
  return bytes
}

/** The same message, with the same id and another payload. */
export function withPayload(frame: Buffer, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(payloadAt + payload.length)
  frame.copy(bytes, 0, 0, payloadAt)
  digest(payload).copy(bytes, 80)
  bytes.writeUInt32BE(payload.length, 116)
  payload.copy(bytes, payloadAt)
  return bytes
}

/** The payload of a message that `encodeMessage` wrote. */
export const payloadOf = (frame: Buffer): Buffer => frame.subarray(payloadAt)

/** Reads one message; throws `MalformedMessage`. The payload is a view of `bytes`. */
export function decodeMessage(bytes: Buffer): Message {
  if (bytes.length < payloadAt) throw new MalformedMessage(`a message of ${bytes.length} bytes`)
  const header = bytes.readUInt32BE(0)
  // A later header may be longer; the payload follows it and its length.
  if (header < headerLength || header + 4 > bytes.length) {
    throw new MalformedMessage(`a header of ${header} bytes`)
  }
  const payload = bytes.subarray(header + 4)
  if (bytes.readUInt32BE(header) !== payload.length) throw new MalformedMessage('a payload of another length')
  const type = trimType(bytes)
  if (type === messageType.output && digest(payload).compare(bytes, 80, 112) !== 0) {
    throw new MalformedMessage('a payload of another digest')
  }
  return {
    type,
    created: Number(bytes.readBigUInt64BE(40)),
    sequence: readLong(bytes, 48),
    // Only the two lowest bits have a meaning: first and last of the stream.
    flags: bytes.readUInt32BE(60),
    id: readId(bytes),
    payloadType: bytes.readUInt32BE(112),
    payload,
  }
}

/** The payload of an acknowledgement of `message`. */
export function acknowledgement(message: Message): Buffer {
  // Types and ids hold nothing that JSON would escape: both were checked when they were read.
  return Buffer.from(
    `{"AcknowledgedMessageType":"${message.type}","AcknowledgedMessageId":"${message.id}",` +
      `"AcknowledgedMessageSequenceNumber":${message.sequence},"IsSequentialMessage":true}`,
  )
}

/** The number that an acknowledgement names; throws `MalformedMessage`. */
export function acknowledged(payload: Buffer): number {
  const content = parseObject(payload)
  const sequence = content.AcknowledgedMessageSequenceNumber
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence)) {
    throw new MalformedMessage('an acknowledgement without a number')
  }
  return sequence
}

/** A payload that is one JSON object; throws `MalformedMessage`. */
export function parseObject(payload: Buffer): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(payload.toString())
  } catch {
    throw new MalformedMessage('a payload that is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MalformedMessage('a payload that is not an object')
  }
  return value as Record<string, unknown>
}

export function flagPayload(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function trimType(bytes: Buffer): string {
  const type = bytes.toString('latin1', 4, 36).replace(/[\0 ]+$/, '')
  if (!/^[a-z_]+$/.test(type)) throw new MalformedMessage('a type that is not a word')
  return type
}

function writeLong(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at)
  bytes.writeUInt32BE(value >>> 0, at + 4)
}

function readLong(bytes: Buffer, at: number): number {
  const value = bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
  if (value < 0 || !Number.isSafeInteger(value)) throw new MalformedMessage('a number out of range')
  return value
}
