import type { Account } from '../test/support/account.js'
import { requests } from '../test/support/tally.js'
import { environment, lab, program, slow } from './account.js'
import { chains } from './chain.js'
import { inTurn, median, run, seconds, table, times, withPeak } from './measure.js'
import { awsCli, has, ours, type Peer, terraform } from './peers.js'

/** One run on one machine against one emulator, elsewhere: where Terraform's provider can't be installed. */
const measuredElsewhere = { make: 24_900, again: 7_200, remove: 24_100, requests: [55, Number.NaN, 46] }

type Verb = 'make' | 'again' | 'remove'
const verbs: readonly Verb[] = ['make', 'again', 'remove']

/** The same nine resources made, looked at again and removed by each tool, in turn, each in a fresh account. */
export async function peers(rounds: number, fresh: () => Promise<Account>): Promise<string> {
  const withTerraform = terraform()
  const contestants: Peer[] = [
    ours,
    ...(has('aws', ['--version']) ? [awsCli] : []),
    ...(withTerraform ? [withTerraform] : []),
  ]
  const figures = contestants.map(() => verbs.map(() => ({ ms: [] as number[], sent: 0, counted: 0 })))
  for (let round = 0; round < rounds; round++) {
    for (const [i, peer] of contestants.entries()) {
      const account = await fresh()
      for (const [j, verb] of verbs.entries()) {
        account.forget()
        const ms = await peer[verb](account)
        const figure = figures[i]?.[j]
        figure?.ms.push(ms)
        if (figure)
          Object.assign(figure, { sent: account.calls.length, counted: requests(account.calls).length })
      }
    }
  }
  withTerraform?.close()
  const rows = contestants.map(({ name }, i) => [
    name,
    ...(figures[i] ?? []).map(
      ({ ms, sent, counted }) => `${seconds(median(ms))}, ${sent} requests (${counted})`,
    ),
  ])
  if (!withTerraform) {
    const { requests: sent } = measuredElsewhere
    rows.push([
      'Terraform 1.11, measured elsewhere',
      ...verbs.map(
        (verb, i) =>
          `${seconds(measuredElsewhere[verb])}${Number.isNaN(sent[i]) ? '' : `, ${sent[i]} requests`}`,
      ),
    ])
  }
  const [mine = [], ...theirs] = figures.map((ofOne) => ofOne.map(({ ms }) => median(ms)))
  if (!withTerraform) theirs.push(verbs.map((verb) => measuredElsewhere[verb]))
  const others = [...contestants.slice(1).map(({ name }) => name), ...(withTerraform ? [] : ['Terraform'])]
  for (const [i, name] of others.entries())
    rows.push([`${name} ÷ librechat-lab`, ...mine.map((ms, j) => times((theirs[i]?.[j] ?? 0) / ms))])
  return table(['', 'made', 'again, no change', 'removed'], rows)
}

/** On every call. Half a second is no network's, but tells the waiting from what else the machine does. */
const delaysMs = [0, 50, 100, 500]

/** How a network's delay on every call tells, beside the calls that must wait for one another. */
export async function delays(rounds: number, fresh: () => Promise<Account>): Promise<string> {
  const walls = new Map<string, number[]>()
  for (const ms of delaysMs) {
    const all: Record<Verb, number[]> = { make: [], again: [], remove: [] }
    for (let round = 0; round < rounds; round++) {
      const account = await fresh()
      slow(account, ms)
      for (const verb of verbs) all[verb].push(await ours[verb](account))
    }
    for (const verb of verbs) walls.set(verb, [...(walls.get(verb) ?? []), median(all[verb])])
  }
  const named = { make: chains.up, again: chains.again, remove: chains.destroy }
  const rows = verbs.map((verb) => {
    const [none = 0, ...slower] = walls.get(verb) ?? []
    const chain = named[verb].length
    const share = (wall: number, i: number) => times((wall - none) / (chain * (delaysMs[i + 1] ?? 0)))
    return [
      { make: 'up', again: 'up again', remove: 'destroy' }[verb],
      `${chain} calls`,
      seconds(none),
      ...slower.map((wall, i) => `${seconds(wall)} (${share(wall, i)})`),
    ]
  })
  const head = delaysMs.slice(1).map((ms) => `${ms} ms a call (added ÷ limit)`)
  return table(['', 'must wait for one another', 'no delay', ...head], rows)
}

/** The peak of resident memory. */
export async function memory(fresh: () => Promise<Account>): Promise<string> {
  const account = await fresh()
  const rows: string[][] = []
  const peak = async (name: string, go: (env: NodeJS.ProcessEnv) => Promise<unknown>) =>
    rows.push([name, `${(await withPeak(go)).peakMib.toFixed(0)} MiB`])
  await peak('node -e 0', (env) => run(process.execPath, ['-e', '0'], { env: { ...process.env, ...env } }))
  await peak('up', (env) => lab(account, ['up', '--yes'], env))
  await peak('up again', (env) => lab(account, ['up', '--yes'], env))
  await peak('status', (env) => lab(account, ['status'], env, [0, 2]))
  await peak('destroy', (env) => lab(account, ['destroy', '--confirm', 'default'], env))
  return table(['', 'peak'], rows)
}

/** `list` and `status` with more and more labs in the account. */
export async function manyLabs(rounds: number, fresh: () => Promise<Account>): Promise<string> {
  const account = await fresh()
  const rows: string[][] = []
  let made = 0
  for (const count of [1, 5, 20]) {
    for (; made < count; made++) {
      const name = made === 0 ? 'default' : `lab-${made}`
      await lab(account, ['up', '--yes', '--name', name], { LIBRECHAT_LAB_POLL_SCALE: '0.02' })
    }
    const timed = (args: readonly string[]) => async () => (await lab(account, args, {}, [0, 2])).ms
    const took = await inTurn(rounds, { list: timed(['list']), status: timed(['status']) })
    const sent = async (args: readonly string[]) => {
      account.forget()
      await run(process.execPath, [program, ...args], { env: environment(account), expected: [0, 2] })
      return account.calls.length
    }
    rows.push([
      String(count),
      `${seconds(took.list)}, ${await sent(['list'])} requests`,
      `${seconds(took.status)}, ${await sent(['status'])} requests`,
    ])
  }
  return table(['labs', 'list', 'status'], rows)
}
