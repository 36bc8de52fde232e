import { describe, expect, test } from 'vitest'
import { Mux, type StreamEvents } from '../../src/tunnel/mux.js'
import { noise } from './local.js'

/**
 * The agent's side, as github.com/xtaci/smux v1.5.15 reads (session.go, recvLoop): the version is checked first,
 * only a push has data, and data of an unknown stream is dropped.
 */
class AgentReader {
  readonly data = new Map<number, Buffer>()
  readonly closed: number[] = []
  error = ''
  private rest = Buffer.alloc(0)

  take(bytes: Buffer): void {
    if (this.error) return
    this.rest = Buffer.concat([this.rest, bytes])
    while (this.rest.length >= 8) {
      const [version, command, length] = [this.rest[0], this.rest[1] ?? 0, this.rest.readUInt16LE(2)]
      const stream = this.rest.readUInt32LE(4)
      if (version !== 1 || command > 4) {
        this.error = 'invalid protocol'
        return
      }
      const size = command === 2 ? length : command === 4 ? 8 : 0
      if (this.rest.length < 8 + size) return
      const data = this.rest.subarray(8, 8 + size)
      this.rest = this.rest.subarray(8 + size)
      if (command === 0 && !this.data.has(stream)) this.data.set(stream, Buffer.alloc(0))
      if (command === 1 && this.data.has(stream)) this.closed.push(stream)
      const before = this.data.get(stream)
      if (command === 2 && before) this.data.set(stream, Buffer.concat([before, data]))
    }
  }
}

const silent: StreamEvents = { data: () => {}, finished: () => {}, drained: () => {} }

/** What a multiplexer sends for uploads of several shapes on three streams, and what each stream was given. */
function traffic() {
  const messages: { first: Buffer; repeated: Buffer }[] = []
  const mux = new Mux({
    sendWindow: 100_000,
    send: (payload, repeated) => messages.push({ first: Buffer.from(payload), repeated: repeated(payload) }),
  })
  const given = new Map<number, Buffer>()
  const shapes = [
    noise(9000),
    Buffer.alloc(9000, 1),
    Buffer.alloc(3_000),
    noise(1),
    Buffer.from('0101020201010303', 'hex'),
  ]
  for (const bytes of shapes) {
    const stream = mux.open(silent)
    given.set(stream.id, bytes)
    stream.write(bytes)
    stream.finish()
    mux.keepAlive()
  }
  return { messages, given }
}

/** Compared as bytes: a matcher would look at each. */
const same = (data: Map<number, Buffer>, given: Map<number, Buffer>) =>
  data.size === given.size && [...given].every(([stream, bytes]) => data.get(stream)?.equals(bytes))

describe('a message that the agent takes twice', () => {
  test('fits into 1024 bytes, repeated or not', () => {
    for (const { first, repeated } of traffic().messages) {
      expect(first.length).toBeLessThanOrEqual(1024)
      expect(repeated.length).toBeLessThanOrEqual(1024)
    }
  })

  test('changes nothing when the second copy is our repetition', () => {
    const { messages, given } = traffic()
    for (let at = 0; at < messages.length; at++) {
      const agent = new AgentReader()
      for (const [i, { first, repeated }] of messages.entries()) {
        agent.take(first)
        if (i === at) for (let n = 0; n < 1 + (at % 3); n++) agent.take(repeated)
      }
      expect(agent.error).toBe('')
      expect(same(agent.data, given)).toBe(true)
      expect(agent.closed).toEqual([...given.keys()])
    }
  })

  test('changes nothing when only repetitions arrive, each any number of times', () => {
    const { messages, given } = traffic()
    const agent = new AgentReader()
    for (const [i, { first, repeated }] of messages.entries()) {
      if (i % 3 === 0) agent.take(first)
      for (let n = 0; n < 1 + (i % 4); n++) agent.take(repeated)
    }
    expect(agent.error).toBe('')
    expect(same(agent.data, given)).toBe(true)
    expect(agent.closed).toEqual([...given.keys()])
  })

  test.each([
    ['doubled', (messages: Buffer[], at: number) => messages.toSpliced(at, 0, messages[at] as Buffer)],
    ['missing', (messages: Buffer[], at: number) => messages.toSpliced(at, 1)],
    [
      'swapped with the next',
      (messages: Buffer[], at: number) =>
        messages.toSpliced(at, 2, messages[at + 1] as Buffer, messages[at] as Buffer),
    ],
  ])('%s ends the session before a wrong byte is passed on', (_, spoil) => {
    const { messages, given } = traffic()
    const sent = messages.map(({ first }) => first)
    for (let at = 0; at < sent.length - 2; at++) {
      const agent = new AgentReader()
      for (const bytes of spoil(sent, at)) agent.take(bytes)
      expect(agent.error).toBe('invalid protocol')
      for (const [stream, data] of agent.data) {
        expect(given.get(stream)?.subarray(0, data.length).equals(data)).toBe(true)
      }
    }
  })
})
