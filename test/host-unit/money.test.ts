import { spawnSync } from 'node:child_process'
import { describe, expect, it, onTestFinished } from 'vitest'
import { userAllowances } from '../../src/host/allowances.js'
import { type Collections, hostWithDatabase, idAt, idOf } from './database.js'
import { scriptedHost, sent, succeeded } from './scripted.js'

const there = spawnSync('python3', ['-c', 'pass']).status === 0

/** So many dollars that a user spent at a moment. */
const spent = (user: number, date: string, usd: number) => ({
  _id: idAt(date),
  user: idOf(user),
  model: 'amazon.nova-pro-v1:0',
  tokenType: 'completion',
  rawAmount: -1000,
  tokenValue: -usd * 1e6,
})
const users = [
  { _id: idOf(1), email: 'ann@example.org' },
  { _id: idOf(2), email: 'Bob@example.org' },
]

function opened(collections: Collections) {
  const host = hostWithDatabase(collections)
  onTestFinished(host.remove)
  const tick = (date: string) =>
    expect(host.run('money', { args: ['tick', String(Date.parse(date) / 1000)] }).status).toBe(0)
  const state = () => JSON.parse(host.read('state/money.json'))
  const balances = () =>
    Object.fromEntries((host.collections().balances ?? []).map((one) => [one.user, one.tokenCredits / 1e6]))
  const stopped = () => host.read('caddy/limit/stopped.txt')
  return { ...host, tick, state, balances, stopped }
}

describe.skipIf(!there)('the guard on the host', () => {
  it('sums a month piece by piece to what one sum of it gives', () => {
    const { tick, state, change, settings } = opened({ transactions: [], users })
    settings('LAB_REGION=us-east-1\n')
    let total = 0
    const add = (at: string, usd: number) => {
      total += usd
      change(({ transactions }) => transactions.push(spent(1, at, usd)))
    }
    add('2026-11-10T10:00:00Z', 0.5)
    tick('2026-11-10T10:00:30Z')
    // It began to be written before the look, and is there after it.
    add('2026-11-10T10:00:29Z', 0.25)
    add('2026-11-10T10:03:00Z', 1)
    tick('2026-11-10T10:03:30Z')
    expect(state()).toMatchObject({ usd: total })
    tick('2026-11-10T11:00:00Z')
    expect(state()).toMatchObject({ month: '2026-11', usd: total, stopped: false })
    expect(state().settled).toBe(total)
  })

  it('counts what is spent after a clock that was ahead is right again', () => {
    const { tick, state, change, settings } = opened({ transactions: [], users })
    settings('LAB_LIMIT=6\n')
    tick('2026-11-10T10:00:00Z')
    tick('2026-11-20T10:00:00Z')
    change(({ transactions }) => transactions.push(spent(1, '2026-11-10T10:01:00Z', 7)))
    tick('2026-11-10T10:05:00Z')
    expect(state()).toMatchObject({ usd: 7, stopped: true })
    tick('2026-11-10T10:10:00Z')
    expect(state()).toMatchObject({ usd: 7, stopped: true })
  })

  it('does not warn of hours that a clock that was ahead has counted', () => {
    const { tick, state, change, settings } = opened({ transactions: [], users })
    settings('LAB_REGION=us-east-1\n')
    const pass = (at: string, usd: number) => {
      tick(new Date(Date.parse(at) - 10 * 60_000).toISOString())
      change(({ transactions }) => transactions.push(spent(1, at, usd)))
      tick(new Date(Date.parse(at) + 10 * 60_000).toISOString())
    }
    pass('2026-11-10T08:10:00Z', 0.5)
    pass('2026-11-12T08:10:00Z', 40)
    tick('2026-11-10T11:00:00Z')
    expect(state()).toMatchObject({ usd: 0.5, warning: null })
  })

  it.each([
    ['money', '[]'],
    ['money', '{"month":"2026-11"}'],
    ['money', '\xff'],
    ['allowances', '[1]'],
  ])('counts a damaged file as none: %s.json with %s', (name, text) => {
    const { tick, state, settings, write } = opened({
      transactions: [spent(1, '2026-11-10T10:00:00Z', 2)],
      users,
      balances: [],
    })
    settings('LAB_ALLOWANCE=10\nLAB_LIMIT=6\n')
    write(`state/${name}.json`, text)
    tick('2026-11-10T10:05:00Z')
    expect(state()).toMatchObject({ usd: 2, stopped: false })
  })

  it('counts what was spent before a restore, and sets balances by the restored data', () => {
    const { tick, state, change, settings, balances } = opened({
      transactions: [spent(1, '2026-11-10T10:00:00Z', 2), spent(1, '2026-11-11T10:00:00Z', 3)],
      users,
      balances: [],
    })
    const lines = 'LAB_REGION=us-east-1\nLAB_ALLOWANCE=10\nLAB_LIMIT=6\n'
    settings(lines)
    tick('2026-11-11T10:05:00Z')
    // The dump is of the first day.
    change((now) => {
      now.transactions.pop()
      now.balances = []
    })
    settings(`${lines}LAB_DATA=-r1\n`)
    tick('2026-11-12T10:00:00Z')
    expect(state()).toMatchObject({ usd: 5, stopped: false })
    expect(balances()[idOf(1)]).toBe(8)
    change(({ transactions }) => transactions.push(spent(1, '2026-11-12T11:00:00Z', 1.5)))
    tick('2026-11-12T11:05:00Z')
    expect(state()).toMatchObject({ usd: 6.5, stopped: true })
  })

  it('counts what restored data has spent this month, in a lab that had spent nothing', () => {
    const { tick, state, change, settings } = opened({ transactions: [], users, balances: [] })
    settings('LAB_REGION=us-east-1\n')
    tick('2026-11-10T10:05:00Z')
    change(({ transactions }) => transactions.push(spent(1, '2026-11-09T10:00:00Z', 4)))
    settings('LAB_REGION=us-east-1\nLAB_DATA=-r1\n')
    tick('2026-11-10T10:10:00Z')
    expect(state()).toMatchObject({ usd: 4 })
  })

  it('holds scheduled chats at the limit, new ones too, and frees only what it holds', () => {
    const running = { leaseUntil: '2099-01-01T00:00:00.000Z', leaseBy: 'engine' }
    const { tick, settings, collections, change } = opened({
      transactions: [spent(1, '2026-11-10T10:00:00Z', 5)],
      users,
      schedules: [
        { _id: 'free', enabled: true },
        { _id: 'over', enabled: true, leaseUntil: '2020-01-01T00:00:00.000Z', leaseBy: 'engine' },
        { _id: 'none', enabled: false, leaseUntil: null },
        { _id: 'running', enabled: true, ...running },
      ],
    })
    const before = collections()
    const leases = () =>
      Object.fromEntries(
        (collections().schedules ?? []).map(({ _id, leaseBy, leaseUntil }) => [_id, leaseBy && leaseUntil]),
      )
    settings('LAB_LIMIT=6\n')
    tick('2026-11-10T10:01:00Z')
    expect(collections()).toEqual(before)
    settings('LAB_LIMIT=5\n')
    tick('2026-11-10T10:04:00Z')
    const until = '2026-12-01T00:00:00.000Z'
    expect(leases()).toEqual({ free: until, over: until, none: until, running: running.leaseUntil })
    // One that is made meanwhile, and one whose chat has ended.
    change(({ schedules = [] }) => {
      schedules.push({ _id: 'new', enabled: true })
      const one = schedules.find(({ _id }) => _id === 'running')
      delete one?.leaseUntil
      delete one?.leaseBy
    })
    tick('2026-11-10T10:07:00Z')
    expect(leases()).toMatchObject({ new: until, running: until })
    change(({ schedules = [] }) => Object.assign(schedules[0] ?? {}, running))
    settings('LAB_LIMIT=50\n')
    tick('2026-11-10T10:10:00Z')
    expect(leases()).toEqual({ free: running.leaseUntil })
  })

  it('stops new messages at the limit, says why, and lifts with a higher limit or in a new month', () => {
    const { tick, stopped, settings, collections } = opened({
      transactions: [spent(1, '2026-11-10T10:00:00Z', 4.99)],
      users,
      balances: [{ _id: 'b', user: idOf(1), tokenCredits: 5 }],
    })
    const before = collections()
    settings('LAB_LIMIT=5\n')
    tick('2026-11-10T10:01:00Z')
    expect(stopped()).toBe('')
    settings('LAB_LIMIT=4.5\n')
    tick('2026-11-10T10:04:00Z')
    expect(stopped()).toMatch(
      /spent \$4\.99 .* limit is \$4\.50 a month.*until 2026-12-01.*up --limit <dollars>/,
    )
    settings('LAB_LIMIT=6\n')
    tick('2026-11-10T10:07:00Z')
    expect(stopped()).toBe('')
    settings('LAB_LIMIT=1\n')
    tick('2026-11-30T23:59:00Z')
    expect(stopped()).not.toBe('')
    tick('2026-12-01T00:02:00Z')
    expect(stopped()).toBe('')
    expect(collections()).toEqual(before)
  })

  it('warns where an hour costs ten times what the week’s hours did', () => {
    const { tick, state, settings, change } = opened({ transactions: [], users })
    settings('')
    const pass = (at: string, usd: number) => {
      change(({ transactions }) => transactions.push(spent(1, at, usd)))
      tick(new Date(Date.parse(at) + 20 * 60_000).toISOString())
    }
    pass('2026-11-10T08:00:00Z', 0.5)
    pass('2026-11-10T08:30:00Z', 0.5)
    expect(state().warning).toBe(null)
    pass('2026-11-10T09:10:00Z', 8)
    pass('2026-11-10T09:50:00Z', 8)
    // Another hour that is no longer recent is what the present one is held against.
    pass('2026-11-10T10:40:00Z', 8)
    expect(state().warning).toMatch(/cost \$\d+\.\d\d an hour now/)
  })
})

describe.skipIf(!there)('allowances on the host', () => {
  it('are given when a month begins, also to a host that was stopped then, less what was spent since', () => {
    const { tick, balances, settings, change, collections } = opened({ transactions: [], users })
    settings('LAB_ALLOWANCE=10\n')
    tick('2026-11-20T10:00:00Z')
    expect(balances()).toEqual({ [idOf(1)]: 10, [idOf(2)]: 10 })
    expect(collections().balances?.[0]).toMatchObject({ autoRefillEnabled: false })
    // LibreChat takes off what is spent; a new user gets the start balance from LibreChat.
    change((now) => {
      for (const one of now.balances ?? []) one.tokenCredits = 0
      now.users.push({ _id: idOf(3), email: 'cleo@example.org' })
      now.balances?.push({ _id: 'c', user: idOf(3), tokenCredits: 7e6 })
    })
    tick('2026-11-30T23:58:00Z')
    expect(balances()).toEqual({ [idOf(1)]: 0, [idOf(2)]: 0, [idOf(3)]: 7 })
    // Stopped over the turn, started on the third; somebody was faster than the timer.
    change((now) => now.transactions.push(spent(2, '2026-12-03T08:00:00Z', 1.5)))
    tick('2026-12-03T08:01:00Z')
    expect(balances()).toEqual({ [idOf(1)]: 10, [idOf(2)]: 8.5, [idOf(3)]: 10 })
    // Once: what is spent after that is LibreChat's to take off.
    change((now) => now.transactions.push(spent(1, '2026-12-03T08:02:00Z', 2)))
    tick('2026-12-03T08:04:00Z')
    expect(balances()).toMatchObject({ [idOf(1)]: 10 })
  })

  it('can be one user’s own, lowered at once, kept over the turn, and given up', async () => {
    const { run, tick, balances, settings } = opened({
      transactions: [spent(2, new Date().toISOString(), 4)],
      users,
      balances: [{ _id: 'b', user: idOf(2), tokenCredits: 6e6 }],
    })
    settings('LAB_ALLOWANCE=10\n')
    const ask = async (request: { email?: string; usd?: number | 'default'; preview?: number }) => {
      const { email = null, usd = null, preview = null } = request
      const { output } = run('allowance', { request: { email, usd, preview } })
      const { host } = scriptedHost({ SendCommand: [sent], GetCommandInvocation: [succeeded(output)] })
      return await userAllowances(host, request)
    }
    const bob = { email: 'Bob@example.org', used: 4 }
    expect((await ask({ preview: 20 })).users).toEqual([
      { email: 'ann@example.org', usd: 20, own: false, used: 0, before: null, left: 20 },
      { ...bob, usd: 20, own: false, before: 6, left: 16 },
    ])
    expect(balances()).toEqual({ [idOf(2)]: 6 })
    const lowered = await ask({ email: 'bob@example.org', usd: 3 })
    expect(lowered.users).toEqual([{ ...bob, usd: 3, own: true, before: 6, left: 0 }])
    expect(balances()).toEqual({ [idOf(2)]: 0 })
    const next = new Date(Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth() + 1, 2))
    tick(next.toISOString())
    expect(balances()).toEqual({ [idOf(1)]: 10, [idOf(2)]: 3 })
    expect((await ask({ email: 'bob@example.org', usd: 'default' })).users[0]).toMatchObject({
      usd: 10,
      own: false,
      left: 6,
    })
  })

  it('refuses without an allowance of the lab, and for a user that there is not', () => {
    const { run, settings } = opened({ transactions: [], users })
    settings('')
    expect(run('allowance', { request: { email: null, usd: null } }).error).toMatchObject({
      code: 'no-allowance',
      refused: true,
    })
    settings('LAB_ALLOWANCE=10\n')
    const request = { email: 'eve@example.org', usd: 5 }
    expect(run('allowance', { request }).error).toMatchObject({ code: 'user-unknown', refused: true })
  })
})
