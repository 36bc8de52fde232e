import { afterAll, beforeAll, expect, it } from 'vitest'
import { labGraph } from '../../src/lab/graph.js'
import { nothingChosen } from '../../src/lab/settings.js'
import { leaves } from '../cli/leaves.js'
import { type Account, openAccount } from '../support/account.js'
import { type Ended, run } from '../support/cli.js'
import type { Call } from '../support/gateway/call.js'
import { errorAnswer, jsonAnswer } from '../support/gateway/wire.js'
import { lab, only } from '../support/lab.js'
import { describeAws } from '../support/moto.js'
import { strangers, strangersVolume, type Tagged } from '../support/strangers.js'

/** How each command is typed here. A new command without a line fails the suite. */
const lines: Record<string, readonly string[]> = {
  status: [],
  tunnel: [],
  open: [],
  list: [],
  models: [],
  doctor: [],
  'user add': ['me@example.org'],
  'user list': [],
  'user remove': ['me@example.org', '--confirm', 'me@example.org'],
  'user reset-password': ['me@example.org'],
  'user allowance': [],
  'portainer password': [],
  usage: [],
  shell: [],
  logs: [],
  backup: ['/nowhere/lab.backup'],
  'backup verify': ['/nowhere/lab.backup'],
  'backup list': [],
  'backup remove': ['20260101T000000Z-snapshot', '--confirm', 'default'],
  graduate: ['--out', '/nowhere/k8s', '--host', 'chat.example.org', '--mongodb', 'mongodb://db.example.org'],
  restore: ['20260101T020000Z-nightly', '--confirm', 'default'],
  'address policy': [],
  'access list': [],
  'access add': ['198.50.100.0/24', '--yes'],
  'access remove': ['198.50.100.0/24', '--yes'],
  update: ['--yes'],
  policy: [],
  completion: ['bash'],
  'schedule set': ['--start', '08:00', '--stop', '20:00', '--timezone', 'Europe/Berlin'],
  'schedule show': [],
  stop: [],
  start: [],
  'schedule off': [],
  // These change the most, so they come last; the address is released to leave nothing of the lab.
  up: ['--yes', '--instance-type', 't3.large'],
  destroy: ['--confirm', 'default', '--release-address'],
}

/** What a call would have to name to change a resource of somebody else. */
const names = (call: Call, ids: readonly string[]) =>
  ids.some((id) => call.action.endsWith(`/${id}`)) ||
  Object.values(call.params).some((value) => ids.some((id) => JSON.stringify(value).includes(`"${id}"`)))

describeAws('resources of others that have the lab’s tags', (moto) => {
  let account: Account
  let tagged: [kind: string, one: Tagged][]
  let before: unknown[]
  const ledger = () => Promise.all(tagged.map(([, one]) => one.state()))
  const ended = new Map<string, { result: Ended; calls: readonly Call[] }>()

  beforeAll(async () => {
    account = await openAccount(moto(), { models: 3 })
    // moto has no sessions; a host that is not connected ends each of these commands.
    account.answer({
      before: (call) =>
        call.action === 'StartSession'
          ? errorAnswer(call, 'TargetNotConnected', `${call.params.Target} is not connected.`)
          : call.action === 'DescribeSessions'
            ? jsonAnswer({ Sessions: [] })
            : undefined,
    })
    expect(await run(account, ['up', '--yes'])).toMatchObject({ code: 0 })
    const aws = account.at('us-east-1')
    tagged = []
    for (const [kind, make] of Object.entries(strangers)) tagged.push([kind, await make(aws, account)])
    tagged.push(['volume', await strangersVolume(aws)])
    before = await ledger()
    const address = only((await lab(account)).addresses).PublicIp ?? ''
    for (const [path, args] of Object.entries(lines)) {
      account.forget()
      const typed = [...path.split(' '), ...args, ...(path === 'destroy' ? [address] : [])]
      const result = await run(account, typed)
      ended.set(path, { result, calls: account.calls })
    }
  }, 240_000)
  afterAll(() => account.close())

  it('are there for every kind of resource in the graph', () => {
    const graph = labGraph({
      clients: {} as never,
      lab: { name: 'default', region: 'us-east-1', account: '', partition: 'aws' },
      settings: nothingChosen,
      policy: { Version: '2012-10-17', Statement: [] },
      adopt: false,
      place: undefined,
      userData: undefined,
    })
    const kinds = Object.keys(graph).filter((kind) => kind !== 'all' && kind !== 'identity')
    expect(Object.keys(strangers).sort()).toEqual(kinds.sort())
  })

  it('meet every command of the program', () => {
    expect(Object.keys(lines).sort()).toEqual(leaves.map(({ path }) => path.join(' ')).sort())
  })

  it.each(Object.keys(lines))(
    'are named by no call of "%s" that changes something or opens a session',
    (path) => {
      const calls = ended.get(path)?.calls ?? []
      // A health check changes nothing, and goes to the lab's own host all the same.
      const acting = calls.filter(({ action, changing }) => changing || action === 'SendCommand')
      const aimed = tagged.flatMap(([kind, { ids }]) =>
        acting.filter((call) => names(call, ids)).map(({ action }) => `${action} ${kind}`),
      )
      expect(aimed).toEqual([])
    },
  )

  it('are as they were, after all commands', async () => {
    expect(await ledger()).toEqual(before)
    // The commands did their work meanwhile.
    for (const path of ['up', 'destroy', 'open', 'address policy', 'user list']) {
      const { code, stderr } = ended.get(path)?.result ?? {}
      expect(code, `${path}: ${stderr}`).toBe(0)
    }
    expect((await lab(account)).instances).toEqual([])
  })

  it.each(['up', 'status', 'destroy'])('are listed by %s as left alone', (path) => {
    const { stdout } = ended.get(path)?.result ?? { stdout: '' }
    for (const [kind, { ids }] of tagged) {
      // IAM's, Scheduler's and Budgets' lists hold no tags: what has another name is never looked at.
      if (!['role', 'profile', 'scheduleRole', 'scheduleGroup', 'schedules', 'budget'].includes(kind))
        expect(stdout, kind).toContain(ids[0])
    }
  })
})
