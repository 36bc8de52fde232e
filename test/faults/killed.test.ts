import { expect, it } from 'vitest'
import { type Account, openAccount } from '../support/account.js'
import { run, start } from '../support/cli.js'
import type { Call } from '../support/gateway/call.js'
import { inventory, leftovers } from '../support/inventory.js'
import { complaints, lab } from '../support/lab.js'
import { lanes } from '../support/lanes.js'
import { describeAws } from '../support/moto.js'

/** One call of an unharmed run, and the moment at which the program is killed over it. */
interface Point {
  service: string
  action: string
  /** Which of the calls of this action. */
  nth: number
  when: 'before' | 'after'
}

const regions = ['us-east-1']
const up = ['up', '--yes']
const destroy = async (account: Account) => {
  const { addresses } = await lab(account)
  return [
    'destroy',
    '--confirm',
    'default',
    ...addresses.flatMap((one) => ['--release-address', `${one.PublicIp}`]),
  ]
}
const say = ({ service, action, nth, when }: Point) => `${service}:${action} no. ${nth}, ${when} it`

/** Every call that was recorded, each twice: killed before it is sent, and after it was carried out. */
function pointsOf(calls: readonly Call[]): Point[] {
  const met = new Map<string, number>()
  return calls.flatMap(({ service, action }) => {
    const nth = (met.get(`${service}:${action}`) ?? 0) + 1
    met.set(`${service}:${action}`, nth)
    return [
      { service, action, nth, when: 'before' as const },
      { service, action, nth, when: 'after' as const },
    ]
  })
}

/** Runs the program and kills it at the point; says whether the point was reached. */
async function killedAt(account: Account, point: Point, args: readonly string[]): Promise<boolean> {
  const { service, action, nth, when } = point
  const running = start(account, args)
  const kill = () => running.signal('SIGKILL')
  account.gateway.faults.add({ service, action, nth, effect: { kind: 'run', when, act: kill } })
  const { code } = await running.ended
  account.gateway.faults.clear()
  return code === 'SIGKILL'
}

describeAws('killed everywhere', (moto) => {
  it('converges when it is run again, from every call of up and of destroy, and leaves no orphan', async () => {
    const accounts = await Promise.all([openAccount(moto()), openAccount(moto())])
    const [first] = accounts as [Account, Account]
    const before = new Map(
      await Promise.all(accounts.map(async (one) => [one, await inventory(one, regions)] as const)),
    )

    expect(await run(first, up)).toMatchObject({ code: 0 })
    const upCalls = [...first.calls]
    const goodbye = await destroy(first)
    first.forget()
    expect(await run(first, goodbye)).toMatchObject({ code: 0 })
    const destroyCalls = [...first.calls]

    const failures: string[] = []
    const struck = { up: 0, destroy: 0 }
    const ofDestroy = pointsOf(destroyCalls)
    // Each journey: up killed, up again, destroy (killed, as long as there are points), destroy again.
    const journeys = pointsOf(upCalls).map((point, index) => ({ point, later: ofDestroy[index] }))
    await lanes(accounts, journeys, async (account, { point, later }) => {
      const wrong = (what: string) => void failures.push(`${say(point)}: ${what}`)
      if (await killedAt(account, point, up)) struck.up += 1
      else wrong('not reached')
      const again = await run(account, up)
      if (again.code !== 0) wrong(`up ended with ${again.code}: ${again.stderr.slice(-600)}`)
      for (const complaint of complaints(await lab(account))) wrong(`after up, not so: ${complaint}`)
      const args = await destroy(account)
      if (later) {
        if (await killedAt(account, later, args)) struck.destroy += 1
        else failures.push(`${say(later)}: not reached`)
      }
      const gone = await run(account, args)
      if (gone.code !== 0)
        wrong(`destroy after ${later ? say(later) : 'all'}: ${gone.code}: ${gone.stderr.slice(-600)}`)
      const left = await leftovers(account, regions)
      if (left.length) wrong(`left after destroy at ${later ? say(later) : 'no point'}: ${left.join(', ')}`)
      // Whatever went wrong must not spoil the next journey.
      if (left.length) await run(account, await destroy(account))
    })

    const made = accounts.reduce((sum, { ledger }) => sum + ledger.made.size, 0)
    for (const account of accounts) expect(await inventory(account, regions)).toEqual(before.get(account))
    process.stdout.write(
      `killed everywhere: up ${upCalls.length} calls, ${struck.up} points; destroy ${destroyCalls.length} calls, ` +
        `${struck.destroy} points; ${made} things made, ${failures.length} failures, 0 orphans\n`,
    )
    expect(failures).toEqual([])
    expect(struck).toEqual({ up: 2 * upCalls.length, destroy: 2 * destroyCalls.length })
    await Promise.all(accounts.map((account) => account.close()))
  }, 400_000)
})
