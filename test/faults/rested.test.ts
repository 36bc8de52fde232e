import { expect, it } from 'vitest'
import { type Account, openAccount } from '../support/account.js'
import { run, start } from '../support/cli.js'
import type { Call } from '../support/gateway/call.js'
import { inventory, leftovers } from '../support/inventory.js'
import { complaints, lab } from '../support/lab.js'
import { describeAws } from '../support/moto.js'
import { changes } from '../support/tally.js'

const region = 'us-east-1'
const commands = {
  'schedule set': ['schedule', 'set', '--start', '08:00', '--stop', '20:00', '--timezone', 'Europe/Berlin'],
  stop: ['stop'],
  start: ['start'],
  'schedule off': ['schedule', 'off'],
} as const
type Command = keyof typeof commands

/** What must hold when a command has done its work. */
const done: Record<Command, (account: Account) => Promise<string[]>> = {
  'schedule set': async (account) => lacking(await resting(account), ['role', 'group', 'start', 'stop']),
  'schedule off': async (account) => (await resting(account)).map((what) => `${what} is left`),
  stop: async (account) => ((await stateOf(account)) === 'stopped' ? [] : ['not stopped']),
  start: async (account) => complaints(await lab(account)),
}

const lacking = (there: readonly string[], wanted: readonly string[]) =>
  wanted.filter((one) => !there.includes(one)).map((one) => `no ${one}`)
const stateOf = async (account: Account) => (await lab(account)).instances[0]?.State?.Name

/** The parts of the schedule that are there. */
async function resting(account: Account): Promise<string[]> {
  const found = await inventory(account, [region])
  const names = {
    'schedule-group/LibreChat': 'group',
    'schedule/LibreChat/start': 'start',
    'schedule/LibreChat/stop': 'stop',
  }
  return [
    ...(found.roles?.some((role) => role.startsWith('LibreChatScheduleRole')) ? ['role'] : []),
    ...(found[`${region} schedules`] ?? []).flatMap((one) => names[one as keyof typeof names] ?? []),
  ]
}

/** A call's name, the same in each account: Scheduler's names hold ARNs, and so the account's number. */
const what = ({ service, action, params }: Call): string =>
  [
    `${service}:${action.replace(/\d{12}/, 'account')}`,
    params.Comment ?? params.Name ?? '',
    params.Overwrite ? 'again' : '',
  ]
    .join(' ')
    .trim()

interface Point {
  what: string
  nth: number
  when: 'before' | 'after'
}

/**
 * Before every call and, where it changes something, after it; the lock's renewals, which come by the clock, and
 * repeated looks at one command aside.
 */
function pointsOf(calls: readonly Call[]): Point[] {
  const met = new Map<string, number>()
  const looked = new Set<unknown>()
  return calls.flatMap((call) => {
    const kind = what(call)
    if (/\/lock( again)?$/.test(kind) && /GetParameter|again$/.test(kind)) return []
    if (call.action === 'GetCommandInvocation') {
      if (looked.has(call.params.CommandId)) return []
      looked.add(call.params.CommandId)
    }
    const nth = (met.get(kind) ?? 0) + 1
    met.set(kind, nth)
    const moments = call.changing ? (['before', 'after'] as const) : (['before'] as const)
    return moments.map((when) => ({ what: kind, nth, when }))
  })
}

describeAws('a lab that rests, killed everywhere', (moto) => {
  const failures: string[] = []

  const check = async (account: Account, command: Command, after: string) => {
    const ended = await run(account, commands[command])
    if (ended.code !== 0)
      failures.push(`${command} after ${after}: ${ended.code}: ${ended.stderr.slice(-600)}`)
    for (const complaint of await done[command](account))
      failures.push(`${command} after ${after}: ${complaint}`)
  }

  /** Kills the command at the point; whether it had changed something. */
  async function kill(account: Account, command: Command, { what: kind, nth, when }: Point) {
    account.forget()
    const running = start(account, commands[command])
    account.gateway.faults.add({
      where: (call) => what(call) === kind,
      nth,
      effect: { kind: 'run', when, act: () => running.signal('SIGKILL') },
    })
    const { code } = await running.ended
    account.gateway.faults.clear()
    // The wait for a state is as long as it is: its last look may not come.
    if (code !== 'SIGKILL' && !/Describe|GetCommandInvocation/.test(kind))
      failures.push(`${command} at ${kind} no. ${nth}: not reached`)
    // A lock that it left is taken over by the next run.
    const acting = account.calls.filter(({ params }) => !String(params.Name).endsWith('/lock'))
    return changes(acting).length > 0 || code === 0
  }

  /** The command that takes back what another did, so that it has something to do again. */
  const back: Record<Command, Command> = {
    'schedule set': 'schedule off',
    'schedule off': 'schedule set',
    stop: 'start',
    start: 'stop',
  }

  it('converges from every call of stop, start, schedule set and off, and destroy leaves nothing', async () => {
    const accounts = await Promise.all([1, 2].map(() => openAccount(moto(), { models: 3 })))
    const before = await Promise.all(accounts.map((account) => inventory(account, [region])))
    for (const { code, stderr } of await Promise.all(accounts.map((one) => run(one, ['up', '--yes']))))
      expect(code, stderr).toBe(0)
    const [first] = accounts as [Account]
    const work: { command: Command; point: Point }[] = []
    for (const command of ['schedule set', 'stop', 'start', 'schedule off'] as const) {
      first.forget()
      await check(first, command, 'nothing')
      work.push(...pointsOf(first.calls).map((point) => ({ command, point })))
    }
    const total = work.length
    await Promise.all(
      accounts.map(async (account) => {
        let prepared: Command | undefined
        for (let next = work.shift(); next; next = work.shift()) {
          const { command, point } = next
          // What the command needs: a schedule to take away, an instance in the other state.
          if (prepared !== command) await run(account, commands[back[command]])
          const changed = await kill(account, command, point)
          prepared = changed ? undefined : command
          if (changed) await check(account, command, `${point.what} no. ${point.nth}, ${point.when} it`)
        }
        await run(account, commands.start)
        await run(account, commands['schedule set'])
        const address = (await lab(account)).addresses[0]?.PublicIp ?? ''
        const ended = await run(account, ['destroy', '--confirm', 'default', '--release-address', address])
        if (ended.code !== 0) failures.push(`destroy: ${ended.stderr.slice(-600)}`)
      }),
    )
    const left = await Promise.all(accounts.map((account) => leftovers(account, [region])))
    process.stdout.write(
      `rest, killed everywhere: ${total} points, ${left.flat().length} orphans, ${failures.length} failures\n`,
    )
    expect(failures).toEqual([])
    expect(await Promise.all(accounts.map((account) => inventory(account, [region])))).toEqual(before)
    await Promise.all(accounts.map((account) => account.close()))
  }, 1_800_000)
})
