import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  acknowledged,
  acknowledgement,
  decodeMessage,
  encodeMessage,
  MalformedMessage,
  messageType,
} from '../../src/tunnel/message.js'
import { noise } from './local.js'
import { read, write } from './remote/wire.mjs'

const output = (payload: Buffer, sequence = 7) =>
  write({ type: 'output_stream_data', sequence, flags: 1, payloadType: 1, payload })

describe('a message', () => {
  test('is read by an implementation that shares no code with ours', () => {
    const payload = noise(1000)
    const sequence = 2 ** 40 + 5
    const bytes = encodeMessage(
      { type: messageType.input, sequence, flags: 0, payloadType: 1, payload },
      1.7e12,
    )
    expect(read(bytes)).toMatchObject({ type: 'input_stream_data', sequence, payloadType: 1, payload })
    expect(bytes.readUInt32BE(0)).toBe(116)
    expect(bytes.readBigUInt64BE(40)).toBe(1_700_000_000_000n)
    expect(bytes.subarray(80, 112)).toEqual(createHash('sha256').update(payload).digest())
  })

  test('of that implementation is read by ours', () => {
    const payload = noise(1000)
    const bytes = output(payload, 2 ** 40 + 5)
    const message = decodeMessage(bytes)
    expect(message).toMatchObject({ type: 'output_stream_data', sequence: 2 ** 40 + 5, flags: 1, payload })
    expect(message.id).toBe(read(bytes).id)
  })

  test('has an id of its own, a random uuid with its halves exchanged on the wire', () => {
    const ids = Array.from({ length: 1000 }, () => {
      const message = { type: messageType.input, sequence: 0, flags: 0, payloadType: 1, payload: noise(1) }
      return read(encodeMessage(message, 0)).id
    })
    expect(new Set(ids).size).toBe(1000)
    for (const id of ids) expect(id).toMatch(/^\w{8}-\w{4}-4\w{3}-[89ab]\w{3}-\w{12}$/)
  })

  test('may pad its type with NULs', () => {
    const bytes = output(noise(3))
    bytes.fill(0, 4 + 'output_stream_data'.length, 36)
    expect(decodeMessage(bytes).type).toBe('output_stream_data')
  })

  test('may have a longer header than is known today', () => {
    const payload = noise(10)
    const bytes = output(payload)
    const longer = Buffer.concat([bytes.subarray(0, 116), noise(8), bytes.subarray(116)])
    longer.writeUInt32BE(124, 0)
    expect(decodeMessage(longer).payload).toEqual(payload)
  })

  test('is acknowledged by number, type and id', () => {
    const message = decodeMessage(output(noise(3), 41))
    const content = JSON.parse(acknowledgement(message).toString())
    expect(content).toEqual({
      AcknowledgedMessageType: 'output_stream_data',
      AcknowledgedMessageId: message.id,
      AcknowledgedMessageSequenceNumber: 41,
      IsSequentialMessage: true,
    })
    expect(acknowledged(acknowledgement(message))).toBe(41)
  })

  test('that was damaged on its way is refused', () => {
    const bytes = output(noise(100))
    for (const at of [0, 80, 111, 116, 119, 120, 219]) {
      const damaged = Buffer.from(bytes)
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0xff, at)
      expect(() => decodeMessage(damaged), `byte ${at}`).toThrow(MalformedMessage)
    }
  })

  test('of a negative or unthinkable number is refused', () => {
    for (const high of [-1, 0x7fffffff]) {
      const bytes = output(noise(1))
      bytes.writeInt32BE(high, 48)
      expect(() => decodeMessage(bytes)).toThrow(MalformedMessage)
    }
  })

  test('made of anything at all is refused or read, and never breaks anything else', () => {
    for (let i = 0; i < 20_000; i++) {
      const bytes = i % 2 ? noise(i % 300) : mutated(output(noise(i % 60)))
      try {
        expect(decodeMessage(bytes).payload.length).toBeLessThanOrEqual(bytes.length)
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedMessage)
      }
    }
  })
})

test.each(['', '{', '[]', 'null', '{}', '{"AcknowledgedMessageSequenceNumber":"1"}', '3'])(
  'an acknowledgement of %j is refused',
  (text) => {
    expect(() => acknowledged(Buffer.from(text))).toThrow(MalformedMessage)
  },
)

function mutated(bytes: Buffer): Buffer {
  const cut = bytes.subarray(0, Math.floor(Math.random() * (bytes.length + 1)))
  const copy = Buffer.from(Math.random() < 0.5 ? cut : bytes)
  for (let i = 0; i < 3 && copy.length > 0; i++) {
    copy.writeUInt8(Math.floor(Math.random() * 256), Math.floor(Math.random() * copy.length))
  }
  return copy
}
