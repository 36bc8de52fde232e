import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Connect, Context } from '../../src/app/context.js'
import type { Summary } from '../../src/app/up/run.js'
import { up } from '../../src/app/up/up.js'
import type { UpOptions } from '../../src/app/up-options.js'
import type { Connection } from '../../src/aws/connect.js'
import { type Clock, systemClock } from '../../src/core/clock.js'
import type { Event } from '../../src/core/event.js'
import type { Host } from '../../src/host/host.js'
import type { Account, Instance } from '../../src/rehearsal/account.js'
import { rehearsalConnection } from '../../src/rehearsal/clients.js'

// `up` in this process, on a rehearsal account, where a call can be its last.

const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-replace-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
export const state = join(folder, 'librechat-lab', 'rehearsal.json')
const env = { XDG_STATE_HOME: folder }
/** A thousand times as fast: minutes at AWS are milliseconds. */
const speed = 1000
const begun = Date.now()
const clock: Clock = {
  now: () => begun + (Date.now() - begun) * speed,
  sleep: (ms, signal) => systemClock.sleep(ms / speed, signal),
}

const account = (): Account => JSON.parse(readFileSync(state, 'utf8'))
export const edit = (change: (instances: Record<string, Instance>) => void) => {
  const all = account()
  change(all.regions['us-east-1']?.instances ?? {})
  writeFileSync(state, JSON.stringify(all))
}
/** EC2 describes a terminated instance for a while, which is a moment of this clock. */
export const staysDescribed = (id: string) =>
  edit((instances) => {
    const instance = instances[id]
    if (instance) instance.volume.deleteOnTermination = false
  })

/** The lab's instances that have not ended, and where its address points. */
export function there() {
  const { instances = {}, addresses = {} } = account().regions['us-east-1'] ?? {}
  const living = Object.entries(instances).filter(([, { state }]) => state !== 'terminated')
  return {
    ids: living.map(([id]) => id),
    states: Object.fromEntries(living.map(([id, { state }]) => [id, state])),
    address: Object.values(addresses)[0]?.instance,
    users: Object.fromEntries(living.map(([id, { host }]) => [id, host.users.map(([email]) => email)])),
  }
}

class Killed extends Error {}
/** The number of the call after which the run makes no further one. */
type Kill = number
const reading = /^(Describe|Get|List|Simulate)/

/** Each changing call in order; at the one to be killed over, this run makes no further call. */
export function watched(connection: Connection, calls: string[], kill?: Kill): Connection {
  let dead = false
  for (const client of Object.values(connection.clients)) {
    if (typeof client === 'string') continue
    const one = client as { send(command: object, ...rest: unknown[]): Promise<unknown> }
    const send = one.send.bind(one)
    one.send = async (command, ...rest) => {
      if (dead) throw new Killed()
      const name = command.constructor.name.replace(/Command$/, '')
      if (reading.test(name)) return await send(command, ...rest)
      const { input = {} } = command as { input?: { Name?: string; DryRun?: boolean } }
      // The lock is renewed by the clock, as often as a busy machine has it.
      if (input.DryRun || input.Name?.endsWith('/lock')) return await send(command, ...rest)
      const nth = calls.push(name)
      const answer = await send(command, ...rest)
      if (nth === kill) dead = true
      if (dead) throw new Killed()
      return answer
    }
  }
  return connection
}

export async function run(options: UpOptions, kill?: Kill) {
  const calls: string[] = []
  const events: Event[] = []
  const connect: Connect = async (_, known) =>
    known ?? watched(await rehearsalConnection({}, env, clock), calls, kill)
  const refuse = () => Promise.reject(new Error('nobody is asked'))
  const context: Context = {
    ui: {
      interactive: false,
      json: false,
      emit: (event) => events.push(event),
      confirm: refuse,
      input: refuse,
      password: refuse,
      select: refuse,
      checkbox: refuse,
    },
    clock,
    stdin: Readable.from([]),
    env,
    signal: new AbortController().signal,
    connect,
    settled: () => {},
    continuesWith: () => {},
  }
  let tookMs: number | undefined
  const summary = (one: Summary) => {
    tookMs = one.tookMs
  }
  const view = { plan: () => {}, dryRun: () => {}, summary }
  const code = await up({ yes: true, ...options }, context, view)
  return { code, calls, events, tookMs }
}

/** What a move of the data comes to in this account: the users, and the host's word for its data. */
export async function moveUsers(_: unknown, { from, to }: { from: Host; to: Host }): Promise<void> {
  edit((instances) => {
    const [source, target] = [instances[from.instanceId], instances[to.instanceId]]
    if (source?.state !== 'running' || target?.state !== 'running') throw new Error('a host is away')
    target.host.users = source.host.users
    target.host.data = '-r1'
  })
}

/** The account with one lab and its first user; nothing else. */
export async function freshLab(): Promise<void> {
  mkdirSync(join(folder, 'librechat-lab'), { recursive: true })
  rmSync(state, { force: true })
  await run({ email: 'ann@example.org' })
}
