import { describe, expect, test } from 'vitest'
import { Channel, limits } from '../../src/tunnel/channel.js'
import { decodeMessage, MalformedMessage, payloadType } from '../../src/tunnel/message.js'
import { noise } from './local.js'
import { read, write } from './remote/wire.mjs'

/** A channel with a clock that stands still until told, and a wire that keeps what it is given. */
function channelAt(start = 1000) {
  let time = start
  const sent: Buffer[] = []
  const got: string[] = []
  const closed: string[] = []
  let drains = 0
  let backlog = 0
  const channel = new Channel(() => time, {
    payload: (_, payload) => got.push(payload.toString()),
    closed: (reason) => closed.push(reason),
    onDrain: () => drains++,
  })
  const wire = { send: (frame: Buffer) => sent.push(frame), backlog: () => backlog }
  channel.attach(wire)
  return {
    channel,
    wire,
    got,
    closed,
    pass: (ms: number) => {
      time += ms
    },
    hinder: (bytes: number) => {
      backlog = bytes
    },
    drains: () => drains,
    /** What was sent since it was last asked, as the remote side reads it. */
    sent: () => sent.splice(0).map((frame) => read(frame)),
  }
}

type Sent = ReturnType<typeof read>
const output = (sequence: number, text = String(sequence)) =>
  write({ type: 'output_stream_data', sequence, payloadType: 1, payload: Buffer.from(text) })
const acknowledge = (sequence: number) =>
  write({
    type: 'acknowledge',
    flags: 3,
    payload: Buffer.from(JSON.stringify({ AcknowledgedMessageSequenceNumber: sequence })),
  })
const plain = (type: string, content = {}) => write({ type, payload: Buffer.from(JSON.stringify(content)) })
const acknowledgedBy = (sent: Sent[]) =>
  sent.map(({ payload }) => JSON.parse(payload.toString()).AcknowledgedMessageSequenceNumber)
const numbers = (sent: Sent[]) => sent.map(({ sequence }) => sequence)

describe('what comes in', () => {
  test('is handed over in order, whatever the order in which it came', () => {
    const { channel, got } = channelAt()
    for (const sequence of [2, 0, 4, 1, 3]) channel.receive(output(sequence))
    expect(got).toEqual(['0', '1', '2', '3', '4'])
  })

  test('is acknowledged when it came too early, and handed over once when it comes twice', () => {
    const { channel, got, sent } = channelAt()
    for (const sequence of [1, 1, 0, 1, 0]) channel.receive(output(sequence))
    expect(got).toEqual(['0', '1'])
    expect(acknowledgedBy(sent())).toEqual([1, 1, 0, 1, 0])
  })

  test('is acknowledged again when the acknowledgement was lost', () => {
    const { channel, sent } = channelAt()
    channel.receive(output(0))
    sent()
    channel.receive(output(0))
    expect(acknowledgedBy(sent())).toEqual([0])
  })

  test('is acknowledged with number 0, flags 3 and no payload type', () => {
    const { channel, wire } = channelAt()
    const frames: Buffer[] = []
    channel.attach({ ...wire, send: (frame) => frames.push(frame) })
    channel.receive(output(0))
    expect(decodeMessage(frames[0] ?? Buffer.alloc(0))).toMatchObject({
      type: 'acknowledge',
      sequence: 0,
      flags: 3,
      payloadType: payloadType.none,
    })
  })

  test('is not acknowledged when it was damaged, so that it comes again', () => {
    const { channel, got, sent } = channelAt()
    const damaged = output(0, 'hello')
    damaged.writeUInt8(0, damaged.length - 1)
    channel.receive(damaged)
    expect(sent()).toEqual([])
    channel.receive(output(0, 'hello'))
    expect(got).toEqual(['hello'])
  })

  test('too early takes bounded memory: the rest is not acknowledged', () => {
    const { channel, got, sent } = channelAt()
    const big = 'x'.repeat(100_000)
    for (let sequence = 1; sequence <= 1000; sequence++) channel.receive(output(sequence, big))
    const kept = acknowledgedBy(sent())
    expect(kept.length * 100_000).toBeLessThanOrEqual(limits.early)
    expect(kept.length).toBeGreaterThan(150)
    channel.receive(output(0, 'first'))
    expect(got).toHaveLength(kept.length + 1)
    expect(got[0]).toBe('first')
    // What had no place comes again, and then finds it.
    for (let sequence = kept.length + 1; sequence <= 1000; sequence++) channel.receive(output(sequence, big))
    expect(got).toHaveLength(1001)
  })

  test('too early and empty takes bounded memory as well', () => {
    const { channel, sent } = channelAt()
    for (let sequence = 1; sequence <= 70_000; sequence++) channel.receive(output(sequence, ''))
    expect(sent().length).toBeLessThanOrEqual(limits.early / limits.overhead)
  })

  test('is an error when it is nonsense for long, and not before', () => {
    const { channel, got } = channelAt()
    for (let i = 0; i < limits.malformed - 1; i++) channel.receive(noise(150))
    channel.receive(output(0))
    expect(got).toEqual(['0'])
    for (let i = 0; i < limits.malformed - 1; i++) channel.receive(noise(150))
    expect(() => channel.receive(noise(150))).toThrow(MalformedMessage)
  })

  test('of an unknown kind is passed over', () => {
    const { channel, sent, got } = channelAt()
    channel.receive(plain('agent_session_state', { SessionState: 'Connected' }))
    expect([...sent(), ...got]).toEqual([])
  })

  test('tells the reason when the channel is closed', () => {
    const { channel, closed } = channelAt()
    channel.receive(plain('channel_closed', { Output: 'timed out' }))
    channel.receive(plain('channel_closed', { Output: 7 }))
    expect(closed).toEqual(['timed out', ''])
  })
})

describe('what goes out', () => {
  const send = (channel: Channel, count: number) => {
    for (let i = 0; i < count; i++) channel.send(payloadType.output, Buffer.from([i]))
  }

  test('is numbered from 0', () => {
    const { channel, sent } = channelAt()
    send(channel, 3)
    expect(numbers(sent())).toEqual([0, 1, 2])
  })

  test('is repeated after 200 ms without an acknowledgement, with the same number and payload', () => {
    const { channel, sent, pass } = channelAt()
    send(channel, 1)
    const [first] = sent()
    pass(199)
    channel.repeatOverdue()
    expect(sent()).toEqual([])
    pass(1)
    channel.repeatOverdue()
    expect(sent()).toEqual([first])
    expect(channel.resent).toBe(1)
  })

  test('is not repeated once acknowledged', () => {
    const { channel, sent, pass, drains } = channelAt()
    send(channel, 2)
    channel.receive(acknowledge(0))
    expect(drains()).toBe(1)
    sent()
    pass(5000)
    channel.repeatOverdue()
    expect(numbers(sent())).toEqual([1])
  })

  test('waits for as long as the measured round trips say: the figures of AWS’s agent', () => {
    const { channel, sent, pass } = channelAt()
    // srtt 100 → 90, variance 0 → 20: timeout 90 + 80.
    send(channel, 1)
    pass(20)
    channel.receive(acknowledge(0))
    expect(channel.roundTrip).toBe(90)
    send(channel, 1)
    sent()
    pass(169)
    channel.repeatOverdue()
    expect(sent()).toEqual([])
    pass(1)
    channel.repeatOverdue()
    expect(numbers(sent())).toEqual([1])
  })

  test('waits at most a second, and longer each time up to that', () => {
    const { channel, sent, pass } = channelAt()
    send(channel, 1)
    const at: number[] = []
    sent()
    for (let time = 0; time <= 3000; time += 50) {
      channel.repeatOverdue()
      if (sent().length > 0) at.push(time)
      pass(50)
    }
    expect(at).toEqual([200, 600, 1400, 2400])
  })

  test('does not measure by a message that was sent twice', () => {
    const { channel, pass } = channelAt()
    send(channel, 1)
    pass(900)
    channel.repeatOverdue()
    channel.receive(acknowledge(0))
    expect(channel.roundTrip).toBe(limits.roundTrip)
  })

  test('is asked for, not poured again, into a remote side that has fallen silent', () => {
    const { channel, sent, pass } = channelAt()
    send(channel, 200)
    sent()
    for (let time = 0; time < 60_000; time += 50) {
      pass(50)
      channel.repeatOverdue()
    }
    const repeated = numbers(sent())
    expect(new Set(repeated)).toEqual(new Set([0]))
    expect(repeated.length).toBeLessThan(70)
  })

  test('is repeated, each that is missing, as soon as the remote side is heard again', () => {
    const { channel, sent, pass } = channelAt()
    send(channel, 5)
    sent()
    pass(1000)
    channel.receive(acknowledge(2))
    channel.repeatOverdue()
    expect(numbers(sent())).toEqual([0, 1, 3, 4])
  })

  test('is not repeated while what was sent has not even left', () => {
    const { channel, sent, pass, hinder } = channelAt()
    send(channel, 1)
    sent()
    hinder(1024 * 1024)
    pass(5000)
    channel.repeatOverdue()
    expect(sent()).toEqual([])
  })

  test('has room for 256 messages that are not acknowledged', () => {
    const { channel } = channelAt()
    expect(channel.sendWindow).toBe(256)
    send(channel, 256)
    expect(channel.sendWindow).toBe(0)
    channel.receive(acknowledge(17))
    expect(channel.sendWindow).toBe(1)
  })

  test('does not run ahead of one lost message without end', () => {
    const { channel } = channelAt()
    send(channel, 1)
    let sequence = 1
    for (; channel.sendWindow > 0; sequence++) {
      send(channel, 1)
      channel.receive(acknowledge(sequence))
    }
    expect(sequence).toBe(limits.span)
  })

  test('waits while the gateway asks for a pause, and goes on when it says so', () => {
    const { channel, sent, drains } = channelAt()
    channel.receive(plain('pause_publication'))
    expect(channel.sendWindow).toBe(0)
    send(channel, 2)
    expect(sent()).toEqual([])
    channel.receive(plain('start_publication'))
    expect(drains()).toBe(1)
    expect(channel.sendWindow).toBe(254)
    expect(numbers(sent())).toEqual([0, 1])
  })

  test('goes on after half a minute when the word to go on was lost', () => {
    const { channel, sent, pass } = channelAt()
    channel.receive(plain('pause_publication'))
    send(channel, 1)
    pass(29_999)
    channel.repeatOverdue()
    expect(sent()).toEqual([])
    pass(1)
    channel.repeatOverdue()
    expect(numbers(sent())).toEqual([0])
  })

  test('is kept while there is no connection, and sent in order on the next', () => {
    const { channel, wire, sent } = channelAt()
    send(channel, 2)
    channel.receive(acknowledge(0))
    sent()
    channel.detach()
    send(channel, 2)
    expect(sent()).toEqual([])
    channel.attach(wire)
    expect(numbers(sent())).toEqual([1, 2, 3])
  })

  test('tells for how long nothing was acknowledged', () => {
    const { channel, pass } = channelAt()
    pass(60_000)
    expect(channel.unheard).toBe(0)
    send(channel, 2)
    pass(5000)
    expect(channel.unheard).toBe(5000)
    channel.receive(acknowledge(0))
    pass(100)
    expect(channel.unheard).toBe(100)
  })
})
