import { describe, expect, test } from 'vitest'
import { Mux, type StreamEvents } from '../../src/tunnel/mux.js'
import { FrameReader, MalformedFrame } from '../../src/tunnel/smux.js'
import { noise } from './local.js'

/** Frames as the multiplexer's library writes them. */
function frame(command: number, stream: number, data = Buffer.alloc(0), version = 1): Buffer {
  const head = Buffer.from([version, command, 0, 0, 0, 0, 0, 0])
  head.writeUInt16LE(data.length, 2)
  head.writeUInt32LE(stream, 4)
  return Buffer.concat([head, data])
}

/** Reads pieces, and puts the data of a stream together again. */
function readAll(pieces: Buffer[]) {
  const reader = new FrameReader()
  const seen: string[] = []
  const data = new Map<number, Buffer>()
  for (const piece of pieces) {
    for (const { command, stream, data: chunk } of reader.read(piece)) {
      if (command === 2) data.set(stream, Buffer.concat([data.get(stream) ?? Buffer.alloc(0), chunk]))
      else seen.push(`${command}:${stream}`)
    }
  }
  return { seen, data }
}

describe('frames', () => {
  test('are cut out of a stream of bytes, wherever it is broken', () => {
    const [one, two] = [noise(40_000), noise(5)]
    const bytes = Buffer.concat([frame(0, 3), frame(2, 3, one), frame(2, 5, two), frame(3, 0), frame(1, 3)])
    for (const size of [1, 2, 7, 8, 9, 1000, 1024, bytes.length]) {
      const pieces = []
      for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size))
      const { seen, data } = readAll(pieces)
      expect(seen).toEqual(['0:3', '3:0', '1:3'])
      expect(data.get(3)).toEqual(one)
      expect(data.get(5)).toEqual(two)
    }
  })

  test.each([
    ['another version', frame(0, 3, undefined, 2)],
    ['an unknown command', frame(4, 3)],
    ['data where there can be none', frame(1, 3, noise(4))],
  ])('with %s are refused', (_, bytes) => {
    expect(() => [...new FrameReader().read(bytes)]).toThrow(MalformedFrame)
  })

  test('made of anything at all are refused or read, and nothing is kept of them', () => {
    for (let i = 0; i < 5000; i++) {
      const reader = new FrameReader()
      const bytes = noise(200)
      if (i % 2) bytes.set([1, 2], 0)
      try {
        for (let at = 0; at < 200; at += 1 + (i % 50)) {
          for (const { data } of reader.read(bytes.subarray(at, at + 1 + (i % 50)))) {
            expect(data.length).toBeLessThanOrEqual(200)
          }
        }
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedFrame)
      }
    }
  })
})

/** A multiplexer whose messages are kept, with room for `sendWindow` of them. */
function muxWith(sendWindow: number) {
  const sent: Buffer[] = []
  const carriage = { sendWindow, send: (payload: Buffer) => sent.push(payload) && carriage.sendWindow-- }
  return { mux: new Mux(carriage), sent, carriage }
}

/** What was opened and closed; a frame that says nothing may stand anywhere. */
const seenBy = (sent: Buffer[]) => readAll(sent).seen.filter((frame) => frame !== '3:0')

const silent: StreamEvents = { data: () => {}, finished: () => {}, drained: () => {} }

describe('the multiplexer', () => {
  test('gives its streams odd numbers from 3 on, and opens and closes them', () => {
    const { mux, sent } = muxWith(100)
    mux.open(silent).finish()
    mux.open(silent).finish()
    expect(seenBy(sent)).toEqual(['0:3', '1:3', '0:5', '1:5'])
  })

  test('sends all that it is given, in order, in messages of at most 1024 bytes', () => {
    const { mux, sent } = muxWith(1000)
    const bytes = noise(100_000)
    const stream = mux.open(silent)
    for (let at = 0; at < bytes.length; at += 3333) stream.write(bytes.subarray(at, at + 3333))
    expect(Math.max(...sent.map(({ length }) => length))).toBeLessThanOrEqual(1024)
    expect(readAll(sent).data.get(3)).toEqual(bytes)
    expect(stream.queued).toBe(0)
  })

  test('lets a small request through beside a large upload', () => {
    const { mux, sent, carriage } = muxWith(2)
    mux.open(silent).write(noise(1_000_000))
    const small = mux.open(silent)
    small.write(Buffer.from('GET /'))
    carriage.sendWindow = 3
    mux.pump()
    expect(readAll(sent).data.get(5)?.toString()).toBe('GET /')
  })

  test('waits where there is no room, and says how much waits', () => {
    const { mux, sent, carriage } = muxWith(1)
    let drained = 0
    const stream = mux.open({ ...silent, drained: () => drained++ })
    stream.write(noise(5000))
    expect(sent).toHaveLength(1)
    expect(stream.queued).toBe(5000)
    carriage.sendWindow = 100
    mux.pump()
    expect(stream.queued).toBe(0)
    expect(drained).toBe(2)
  })

  test('hands over what comes after our own end, and forgets the stream at theirs', () => {
    const { mux } = muxWith(100)
    const got: string[] = []
    const events = {
      ...silent,
      data: (chunk: Buffer) => got.push(chunk.toString()),
      finished: () => got.push('end'),
    }
    const stream = mux.open(events)
    stream.finish()
    mux.receive(Buffer.concat([frame(2, 3, Buffer.from('late')), frame(1, 3), frame(2, 3, noise(3))]))
    expect(got).toEqual(['late', 'end'])
    expect(mux.size).toBe(0)
  })

  test('says nothing of a stream that was given up before it was opened', () => {
    const { mux, sent, carriage } = muxWith(0)
    const stream = mux.open(silent)
    stream.write(noise(10))
    stream.abandon()
    carriage.sendWindow = 10
    mux.pump()
    expect(sent).toEqual([])
    expect(mux.size).toBe(0)
  })

  test('gives up what was queued of a broken connection, and closes it there', () => {
    const { mux, sent, carriage } = muxWith(1)
    const stream = mux.open(silent)
    stream.write(noise(100_000))
    stream.abandon()
    carriage.sendWindow = 10
    mux.pump()
    expect(seenBy(sent)).toEqual(['0:3', '1:3'])
    expect(sent).toHaveLength(2)
  })

  test('is not confused by frames of streams that it does not know', () => {
    const { mux } = muxWith(10)
    expect(() =>
      mux.receive(Buffer.concat([frame(2, 99, noise(5)), frame(1, 99), frame(0, 4)])),
    ).not.toThrow()
    expect(mux.size).toBe(0)
  })
})
