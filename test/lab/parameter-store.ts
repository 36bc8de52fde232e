import {
  DeleteParameterCommand,
  GetParameterCommand,
  PutParameterCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm'
import type { Clock } from '../../src/core/clock.js'
import { Interrupted } from '../../src/core/error.js'

/** An error as AWS answers it. */
export const awsError = (name: string, status = 400) =>
  Object.assign(new Error(`${name}: played`), { name, $metadata: { httpStatusCode: status, requestId: 'r' } })

/**
 * Parameter Store for one test: versions count from 1, a put without Overwrite refuses what exists.
 * https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
 */
export function parameterStore() {
  const there = new Map<string, { value: string; version: number }>()
  /** The next calls of a command fail with these. */
  const failing: { command: string; error: Error }[] = []
  const calls: string[] = []
  const send = async (command: { input: unknown; constructor: { name: string } }): Promise<unknown> => {
    await new Promise(setImmediate)
    const kind = command.constructor.name.replace('Command', '')
    calls.push(kind)
    const fault = failing.findIndex((one) => one.command === kind)
    if (fault >= 0) throw failing.splice(fault, 1)[0]?.error
    const { Name = '', Value = '', Overwrite } = command.input as PutParameterCommand['input']
    const found = there.get(Name)
    if (command instanceof PutParameterCommand) {
      if (found && !Overwrite) throw awsError('ParameterAlreadyExists')
      const version = (found?.version ?? 0) + 1
      there.set(Name, { value: Value, version })
      return { Version: version }
    }
    if (!found) throw awsError('ParameterNotFound')
    if (command instanceof GetParameterCommand)
      return { Parameter: { Name, Value: found.value, Version: found.version } }
    if (command instanceof DeleteParameterCommand) there.delete(Name)
    return {}
  }
  return { ssm: { send } as unknown as SSMClient, there, failing, calls }
}

/** A clock that stands still until a test moves it. */
export function handClock(): Clock & { advance(ms: number): Promise<void>; jump(ms: number): void } {
  let now = 0
  let sleepers: { at: number; wake: () => void }[] = []
  const settle = async () => {
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
  }
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const stop = () => reject(new Interrupted())
        if (signal?.aborted) return stop()
        signal?.addEventListener('abort', stop, { once: true })
        sleepers.push({ at: now + ms, wake: resolve })
      }),
    /** Time passes while this machine sleeps: no timer runs. */
    jump(ms) {
      now += ms
    },
    async advance(ms) {
      const end = now + ms
      for (;;) {
        await settle()
        const next = sleepers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (!next) break
        sleepers = sleepers.filter((one) => one !== next)
        now = Math.max(now, next.at)
        next.wake()
      }
      now = end
      await settle()
    },
  }
}
