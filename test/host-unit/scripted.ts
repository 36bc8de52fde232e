import type { SSMClient } from '@aws-sdk/client-ssm'
import type { Clock } from '../../src/core/clock.js'
import { Interrupted } from '../../src/core/error.js'
import type { Event } from '../../src/core/event.js'
import type { Host } from '../../src/host/host.js'

/** What one call is answered with: an output, or an error. */
export type Answer = object | Error

interface Call {
  readonly name: string
  readonly input: Record<string, never> & Record<string, unknown>
}

/** An AWS error as the SDK throws it. */
export const awsError = (name: string, message = ''): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: 400 } })

/** A host whose answers are written down beforehand, by the command's name, and whose time flies. */
export function scriptedHost(answers: Record<string, Answer[] | ((input: Call['input']) => Answer)>): {
  host: Host
  calls: Call[]
  events: Event[]
  abort: AbortController
  elapsed(): number
} {
  const calls: Call[] = []
  const events: Event[] = []
  const abort = new AbortController()
  let now = 0
  const clock: Clock = {
    now: () => now,
    async sleep(ms, signal) {
      if (signal?.aborted) throw new Interrupted()
      now += ms
    },
  }
  const ssm = {
    async send(command: { constructor: { name: string }; input: Call['input'] }) {
      const name = command.constructor.name.replace(/Command$/, '')
      calls.push({ name, input: command.input })
      const given = answers[name]
      const answer = typeof given === 'function' ? given(command.input) : (given?.shift() ?? {})
      if (answer instanceof Error) throw answer
      return answer
    },
  } as unknown as SSMClient
  const host: Host = {
    ssm,
    region: 'eu-west-1',
    instanceId: 'i-0123456789abcdef0',
    lab: 'team-a',
    clock,
    emit: (event) => events.push(event),
    signal: abort.signal,
  }
  return { host, calls, events, abort, elapsed: () => now }
}

export const sent = { Command: { CommandId: '11111111-1111-1111-1111-111111111111' } }
export const succeeded = (stdout: string): object => ({
  Status: 'Success',
  ResponseCode: 0,
  StandardOutputContent: stdout,
})
