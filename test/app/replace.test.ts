import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Connect, Context } from '../../src/app/context.js'
import { moveData } from '../../src/app/move-data.js'
import { up } from '../../src/app/up/up.js'
import type { UpOptions } from '../../src/app/up-options.js'
import type { Connection } from '../../src/aws/connect.js'
import { type Clock, systemClock } from '../../src/core/clock.js'
import type { Event } from '../../src/core/event.js'
import type { Host } from '../../src/host/host.js'
import type { Account, Instance } from '../../src/rehearsal/account.js'
import { rehearsalConnection } from '../../src/rehearsal/clients.js'

// The data's way is a test of its own: here it is the host's users that move.
vi.mock('../../src/app/move-data.js', () => ({ moveData: vi.fn() }))

const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-replace-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const state = join(folder, 'librechat-lab', 'rehearsal.json')
const env = { XDG_STATE_HOME: folder }
/** A thousand times as fast: minutes at AWS are milliseconds. */
const speed = 1000
const begun = Date.now()
const clock: Clock = {
  now: () => begun + (Date.now() - begun) * speed,
  sleep: (ms, signal) => systemClock.sleep(ms / speed, signal),
}

const account = (): Account => JSON.parse(readFileSync(state, 'utf8'))
const edit = (change: (instances: Record<string, Instance>) => void) => {
  const all = account()
  change(all.regions['us-east-1']?.instances ?? {})
  writeFileSync(state, JSON.stringify(all))
}
/** The lab's instances that have not ended, and where its address points. */
function there() {
  const { instances = {}, addresses = {} } = account().regions['us-east-1'] ?? {}
  const living = Object.entries(instances).filter(([, { state }]) => state !== 'terminated')
  return {
    ids: living.map(([id]) => id),
    states: Object.fromEntries(living.map(([id, { state }]) => [id, state])),
    address: Object.values(addresses)[0]?.instance,
    users: Object.fromEntries(
      living.map(([id, { host }]) => [id, host.users.map(([email]) => email)]),
    ),
  }
}

class Killed extends Error {}
interface Kill {
  nth: number
  when: 'before' | 'after'
}
const reading = /^(Describe|Get|List|Simulate)/

/** Each changing call in order; at the one to be killed over, this run makes no further call. */
function watched(connection: Connection, calls: string[], kill?: Kill): Connection {
  let dead = false
  for (const client of Object.values(connection.clients)) {
    if (typeof client === 'string') continue
    const one = client as { send(command: object, ...rest: unknown[]): Promise<unknown> }
    const send = one.send.bind(one)
    one.send = async (command, ...rest) => {
      if (dead) throw new Killed()
      const name = command.constructor.name.replace(/Command$/, '')
      if (reading.test(name)) return await send(command, ...rest)
      calls.push(name)
      const strikes = calls.length === kill?.nth
      if (strikes && kill.when === 'before') dead = true
      if (dead) throw new Killed()
      const answer = await send(command, ...rest)
      if (strikes) dead = true
      if (dead) throw new Killed()
      return answer
    }
  }
  return connection
}

async function run(options: UpOptions, kill?: Kill) {
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
    env,
    signal: new AbortController().signal,
    connect,
    settled: () => {},
  }
  const view = { plan: () => {}, dryRun: () => {}, summary: () => {} }
  const code = await up({ yes: true, ...options }, context, view)
  return { code, calls, events }
}

const move = vi.mocked(moveData)
beforeEach(async () => {
  mkdirSync(join(folder, 'librechat-lab'), { recursive: true })
  rmSync(state, { force: true })
  move.mockReset()
  move.mockImplementation(async (_, { from, to }: { from: Host; to: Host }) =>
    edit((instances) => {
      const [source, target] = [instances[from.instanceId], instances[to.instanceId]]
      if (source?.state !== 'running' || target?.state !== 'running') throw new Error('a host is away')
      target.host.users = source.host.users
      target.host.data = '-r1'
    }),
  )
  await run({ email: 'ann@example.org' })
})

describe('an instance that is replaced', () => {
  it('hands over its data, then the address, and then goes', async () => {
    const [old = ''] = there().ids
    const seen: object[] = []
    const implementation = move.getMockImplementation()
    move.mockImplementation(async (...given) => {
      await implementation?.(...given)
      seen.push(there())
    })
    const { code, calls } = await run({ replaceInstance: old })
    expect(code).toBe(0)
    const [next = ''] = there().ids
    expect(there()).toMatchObject({ ids: [next], address: next, users: { [next]: ['ann@example.org'] } })
    expect(next).not.toBe(old)
    // While the data moves both run, and the address still points to the old one.
    expect(seen).toMatchObject([{ address: old, states: { [old]: 'running', [next]: 'running' } }])
    const order = ['RunInstances', 'StopInstances', 'AssociateAddress', 'TerminateInstances']
    expect(calls.filter((call) => order.includes(call))).toEqual(order)
    // A look at the host, and a dry run.
    expect((await run({})).calls).toEqual(['SendCommand', 'ReleaseAddress'])
  })

  it('keeps the address and everything where the new one does not answer', async () => {
    const [old = ''] = there().ids
    move.mockRejectedValue(new Error('the connection is gone'))
    await expect(run({ replaceInstance: old })).rejects.toThrow('the connection is gone')
    expect(there()).toMatchObject({ address: old, states: { [old]: 'running' }, users: { [old]: ['ann@example.org'] } })
  })

  it('loses its data only where that is said', async () => {
    const [old = ''] = there().ids
    expect((await run({ replaceInstance: old, discardData: true })).code).toBe(0)
    expect(move).not.toHaveBeenCalled()
    expect(there().ids).not.toContain(old)
    await expect(run({ discardData: true })).rejects.toMatchObject({ code: 'not-replaced' })
  })

  it('is not replaced while its host can’t be reached', async () => {
    const [old = ''] = there().ids
    edit((instances) => {
      const instance = instances[old]
      if (instance) instance.onlineAt = Number.MAX_SAFE_INTEGER
    })
    await expect(run({ replaceInstance: old })).rejects.toMatchObject({ code: 'data-unreachable' })
    expect(there().ids).toEqual([old])
  })

  it('is updated first where its versions are older', async () => {
    const [old = ''] = there().ids
    edit((instances) => {
      const instance = instances[old]
      if (instance) instance.host.librechat = 'v0.8.7'
    })
    await expect(run({ replaceInstance: old })).rejects.toMatchObject({ code: 'update-first' })
    expect(there().ids).toEqual([old])
  })
})

it('a replacement that is killed at any of its calls is finished by the next up, with all users', { timeout: 120_000 }, async () => {
  const [old = ''] = there().ids
  const whole = readFileSync(state, 'utf8')
  const { calls } = await run({ replaceInstance: old })
  expect(calls.length).toBeGreaterThan(12)
  const failures: string[] = []
  for (const [index, call] of calls.entries()) {
    for (const when of ['before', 'after'] as const) {
      writeFileSync(state, whole)
      const ended = await run({ replaceInstance: old }, { nth: index + 1, when }).catch((error) => error)
      if (!(ended instanceof Error)) failures.push(`${when} ${call}: not reached`)
      const kept = Object.values(there().users)
      if (!kept.some((users) => users.includes('ann@example.org'))) failures.push(`${when} ${call}: data lost`)
      const again = await run({}).catch((error) => error)
      const { ids, address, users } = there()
      if (again instanceof Error) failures.push(`${when} ${call} (${index}): ${again.message}`)
      if (ids.length !== 1 || address !== ids[0]) failures.push(`${when} ${call}: ${JSON.stringify(there())}`)
      if (users[ids[0] ?? '']?.join() !== 'ann@example.org') failures.push(`${when} ${call}: its users are lost`)
    }
  }
  expect(failures).toEqual([])
})
