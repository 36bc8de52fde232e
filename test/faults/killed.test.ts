import { expect, it } from 'vitest'
import { type Account, openAccount } from '../support/account.js'
import { run, start } from '../support/cli.js'
import type { Call } from '../support/gateway/call.js'
import { inventory, leftovers } from '../support/inventory.js'
import { complaints, lab } from '../support/lab.js'
import { describeAws } from '../support/moto.js'
import { changes } from '../support/tally.js'

/** One call of an unharmed run, and the moment at which the program is killed over it. */
interface Point {
  /** Service, action and what it is about: `ssm:PutParameter /librechat-lab/default/spec`. */
  what: string
  /** Which of the calls of this kind. */
  nth: number
  when: 'before' | 'after'
}

const regions = ['us-east-1']
const up = ['up', '--yes', '--budget', '50', '--alert', 'me@example.org']
const destroy = async (account: Account) => {
  const { addresses } = await lab(account)
  return [
    'destroy',
    '--confirm',
    'default',
    ...addresses.flatMap((one) => ['--release-address', `${one.PublicIp}`]),
  ]
}
const say = ({ what, nth, when }: Point) => `${what} no. ${nth}, ${when} it`

const what = ({ service, action, params }: Call): string =>
  [`${service}:${action}`, params.Comment ?? params.Name ?? '', params.Overwrite ? 'again' : '']
    .join(' ')
    .trim()

/** The lock is renewed by the clock, so that an unharmed run may have none of these calls, or many. */
const renewals = [
  'ssm:GetParameter /librechat-lab/default/lock',
  'ssm:PutParameter /librechat-lab/default/lock again',
]

/**
 * Every call that was recorded, and one renewal: before it is sent and, where it changes something, after it was carried
 * out. After one that only reads, the account is what it was before it.
 */
function pointsOf(calls: readonly Call[]): Point[] {
  const met = new Map<string, number>()
  // So is a second look at one command: a busy machine has more of them.
  const looked = new Set<unknown>()
  const first = calls.filter(({ action, params }) => {
    if (action !== 'GetCommandInvocation') return true
    const again = looked.has(params.CommandId)
    looked.add(params.CommandId)
    return !again
  })
  const kinds = first.map((call) => ({ kind: what(call), changing: call.changing }))
  const others = kinds.filter(({ kind }) => !renewals.includes(kind))
  const renewed = renewals.map((kind) => ({ kind, changing: kind.includes('Put') }))
  return [...others, ...renewed].flatMap(({ kind, changing }) => {
    const nth = (met.get(kind) ?? 0) + 1
    met.set(kind, nth)
    const before = { what: kind, nth, when: 'before' as const }
    return changing ? [before, { what: kind, nth, when: 'after' as const }] : [before]
  })
}

/** Runs the program and kills it at the point. */
async function killedAt(account: Account, point: Point, args: readonly string[]) {
  account.forget()
  // For a renewal it must come round within a short run.
  const hurry = renewals.includes(point.what) ? { env: { LIBRECHAT_LAB_POLL_SCALE: '0.001' } } : {}
  const running = start(account, args, hurry)
  const act = () => running.signal('SIGKILL')
  account.gateway.faults.add({
    where: (call) => what(call) === point.what,
    nth: point.nth,
    effect: { kind: 'run', when: point.when, act },
  })
  const { code } = await running.ended
  account.gateway.faults.clear()
  return { reached: code === 'SIGKILL', changed: changes(account.calls).length > 0 }
}

/** An account and what stands in it: nothing, or one whole lab. */
interface Lane {
  account: Account
  hasLab: boolean
}

describeAws('killed everywhere', (moto) => {
  const failures: string[] = []
  const points: Record<'up' | 'destroy', Point[]> = { up: [], destroy: [] }
  const struck = { up: 0, destroy: 0 }

  async function makeWhole(lane: Lane, after: string): Promise<void> {
    const ended = await run(lane.account, up)
    if (ended.code !== 0) failures.push(`up after ${after}: ${ended.code}: ${ended.stderr.slice(-600)}`)
    for (const complaint of complaints(await lab(lane.account)))
      failures.push(`up after ${after}: not so: ${complaint}`)
    lane.hasLab = true
  }

  async function removeAll(lane: Lane, after: string): Promise<void> {
    const args = await destroy(lane.account)
    const ended = await run(lane.account, args)
    if (ended.code !== 0) failures.push(`destroy after ${after}: ${ended.code}: ${ended.stderr.slice(-600)}`)
    const left = await leftovers(lane.account, regions)
    if (left.length) failures.push(`left by destroy after ${after}: ${left.join(', ')}`)
    lane.hasLab = false
  }

  /** Kills the command at the point; where that changed something, the same command again must put it right. */
  async function journey(lane: Lane, command: 'up' | 'destroy', point: Point): Promise<void> {
    const args = command === 'up' ? up : await destroy(lane.account)
    const { reached, changed } = await killedAt(lane.account, point, args)
    if (reached) struck[command] += 1
    else failures.push(`${command}, ${say(point)}: not reached`)
    // Killed before the first change, the account is as it was: the next run starts where this one did.
    if (!changed) return
    await (command === 'up' ? makeWhole : removeAll)(lane, `${command} killed at ${say(point)}`)
  }

  it('converges when it is run again, from every call of up and of destroy, and leaves no orphan', async () => {
    const open = async () => ({ account: await openAccount(moto(), { models: 3 }), hasLab: false })
    const lanes: Lane[] = [await open(), await open(), await open()]
    const before = await Promise.all(lanes.map(({ account }) => inventory(account, regions)))
    const [{ account: first }] = lanes as [Lane]

    expect(await run(first, up)).toMatchObject({ code: 0 })
    points.up = pointsOf(first.calls)
    const goodbye = await destroy(first)
    first.forget()
    expect(await run(first, goodbye)).toMatchObject({ code: 0 })
    points.destroy = pointsOf(first.calls)
    const wanted = { up: points.up.length, destroy: points.destroy.length }

    await Promise.all(
      lanes.map(async (lane) => {
        for (;;) {
          const command = lane.hasLab ? 'destroy' : 'up'
          const point = points[command].shift()
          if (point) await journey(lane, command, point)
          else if (command === 'destroy') await removeAll(lane, 'everything')
          else if (points.destroy.length > 0) await makeWhole(lane, 'nothing')
          else return
        }
      }),
    )

    const made = lanes.reduce((sum, { account }) => sum + account.ledger.made.size, 0)
    const left = await Promise.all(lanes.map(({ account }) => leftovers(account, regions)))
    process.stdout.write(
      `killed everywhere: up at ${struck.up} of ${wanted.up} points, destroy at ${struck.destroy} of ` +
        `${wanted.destroy}; ${made} things made, ${left.flat().length} orphans, ${failures.length} failures\n`,
    )
    expect(failures).toEqual([])
    expect(struck).toEqual(wanted)
    expect(await Promise.all(lanes.map(({ account }) => inventory(account, regions)))).toEqual(before)
    await Promise.all(lanes.map(({ account }) => account.close()))
  }, 1_800_000)
})
