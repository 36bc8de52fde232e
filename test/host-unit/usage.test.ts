import { spawnSync } from 'node:child_process'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Period, readLedger } from '../../src/host/usage.js'
import { type Collections, hostWithDatabase, idAt, idOf, type Transaction } from './database.js'
import { scriptedHost, sent, succeeded } from './scripted.js'

const there = spawnSync('python3', ['-c', 'pass']).status === 0

/** Runs the host's program over these collections, through the code that reads its answer. */
async function usage(asked: { days: Period[]; months: Period[] }, collections: Collections | undefined) {
  const { run, remove } = hostWithDatabase(collections)
  onTestFinished(remove)
  const { status, output, error } = run('usage', { request: asked })
  if (status !== 0) return { error }
  const { host } = scriptedHost({ SendCommand: [sent], GetCommandInvocation: [succeeded(output)] })
  return { bytes: Buffer.byteLength(output), ledger: await readLedger(host, asked) }
}

const period = (name: string, from: string, to: string): Period => [name, Date.parse(from), Date.parse(to)]
const november = [
  period('2026-11-01', '2026-11-01', '2026-11-02'),
  period('2026-11-02', '2026-11-02', '2026-11-03'),
]
const months = [period('2026-10', '2026-10-01', '2026-11-01'), period('2026-11', '2026-11-01', '2026-12-01')]

const spent = (date: string, more: Partial<Transaction>): Transaction => ({
  _id: idAt(date),
  user: idOf(1),
  model: 'us.anthropic.claude-sonnet-5',
  tokenType: 'prompt',
  rawAmount: -1000,
  tokenValue: -3000,
  ...more,
})

describe.skipIf(!there)('usage on the host', () => {
  it('sums what LibreChat wrote by day, month, model and user, cached tokens apart', async () => {
    const nova = { model: 'amazon.nova-pro-v1:0', user: idOf(2) }
    const { ledger } = await usage(
      { days: november, months },
      {
        users: [{ _id: idOf(1), email: 'ann@example.org' }],
        transactions: [
          spent('2026-10-31T23:59:59Z', {}),
          spent('2026-11-01T00:00:00Z', { rawAmount: -1000, writeTokens: -200, readTokens: -700 }),
          spent('2026-11-01T12:00:00Z', { tokenType: 'completion', rawAmount: -500, tokenValue: -7500 }),
          spent('2026-11-02T23:59:59Z', { ...nova, rawAmount: -10, tokenValue: -8 }),
          // An administrator's credits are no use of a model.
          spent('2026-11-02T12:00:00Z', { tokenType: 'credits', rawAmount: 5e6, tokenValue: 5e6 }),
          spent('2026-12-01T00:00:00Z', {}),
        ],
      },
    )
    const first = {
      inputTokens: 100,
      outputTokens: 500,
      cacheWriteTokens: 200,
      cacheReadTokens: 700,
      calls: 1,
      usd: 0.0105,
    }
    const second = {
      inputTokens: 10,
      outputTokens: 0,
      cacheWriteTokens: 0,
      cacheReadTokens: 0,
      calls: 0,
      usd: 8e-6,
    }
    expect(ledger).toEqual({
      days: [
        { day: '2026-11-01', ...first },
        { day: '2026-11-02', ...second },
      ],
      months: [
        { month: '2026-10', ...second, inputTokens: 1000, usd: 0.003 },
        { month: '2026-11', ...first, inputTokens: 110, usd: 0.010508 },
      ],
      models: [
        { model: 'us.anthropic.claude-sonnet-5', ...first },
        { model: 'amazon.nova-pro-v1:0', ...second },
      ],
      users: [
        { email: 'ann@example.org', ...first },
        { email: '', ...second },
      ],
    })
  })

  it('equals an independent sum, and fits into one command however many users there are', async () => {
    // A generator of its own, so that the same figures come each time.
    let seed = 1
    const random = (below: number) => {
      seed = (seed * 48271) % 2147483647
      return seed % below
    }
    const users = Array.from({ length: 1000 }, (_, i) => ({
      _id: idOf(i),
      email: `${random(2 ** 31).toString(36)}-${'x'.repeat(random(150))}${i}@example.org`,
    }))
    const transactions = Array.from({ length: 2500 }, () =>
      spent(new Date(Date.UTC(2026, 10, 1) + random(2 * 86_400_000)).toISOString(), {
        user: idOf(random(users.length)),
        model: `model-${random(8)}`,
        tokenType: random(2) === 0 ? 'prompt' : 'completion',
        rawAmount: -random(100_000),
        tokenValue: -random(1_000_000) / 8,
      }),
    )
    const { bytes, ledger } = await usage({ days: november, months }, { users, transactions })
    expect(bytes).toBeLessThan(24_000)
    const total = transactions.reduce((sum, { tokenValue }) => sum - tokenValue, 0) / 1e6
    const sumOf = (rows: readonly { usd: number }[] = []) => rows.reduce((sum, { usd }) => sum + usd, 0)
    for (const rows of [ledger?.days, ledger?.months, ledger?.models, ledger?.users])
      expect(sumOf(rows)).toBeCloseTo(total, 3)
    const counted = (ledger?.users ?? []).reduce((sum, { count = 1 }) => sum + count, 0)
    expect(counted).toBe(new Set(transactions.map(({ user }) => user)).size)
    const costs = new Map<string, number>()
    for (const { user, tokenValue } of transactions)
      costs.set(user, (costs.get(user) ?? 0) - tokenValue / 1e6)
    const [costliest] = [...costs].sort(([, one], [, other]) => other - one)
    expect(ledger?.users[0]).toMatchObject({
      email: users.find(({ _id }) => _id === costliest?.[0])?.email,
      usd: expect.closeTo(costliest?.[1] ?? 0, 5),
    })
  })

  it('fits into one command with fifty users of 150 models on each day of a month, and loses nothing', async () => {
    let seed = 3
    const random = (below: number) => {
      seed = (seed * 48271) % 2147483647
      return seed % below
    }
    // As long as an address may be, and nothing that compresses.
    const long = (length: number) => Array.from({ length }, () => random(36).toString(36)).join('')
    const users = Array.from({ length: 50 }, (_, i) => ({
      _id: idOf(i),
      email: `${long(64)}@${long(180)}.org`,
    }))
    const models = Array.from({ length: 150 }, () => `us.vendor.${long(60)}`)
    const days = Array.from({ length: 31 }, (_, i): Period => {
      const from = Date.UTC(2026, 9, i + 1)
      return [new Date(from).toISOString().slice(0, 10), from, from + 86_400_000]
    })
    const year = Array.from({ length: 12 }, (_, i): Period => {
      return [`2026-${String(i + 1).padStart(2, '0')}`, Date.UTC(2026, i, 1), Date.UTC(2026, i + 1, 1)]
    })
    const transactions = Array.from({ length: 2000 }, (_, i) =>
      spent(new Date(Date.UTC(2026, 9, 1 + (i % 31)) + random(86_400_000)).toISOString(), {
        user: idOf(i % 50),
        model: models[random(150)] ?? '',
        tokenType: random(2) === 0 ? 'prompt' : 'completion',
        rawAmount: -random(1e9),
        tokenValue: -random(1e9) / 8,
      }),
    )
    const { bytes, ledger } = await usage({ days, months: year }, { users, transactions })
    expect(bytes).toBeLessThan(24_000)
    expect(ledger?.days).toHaveLength(31)
    const total = transactions.reduce((sum, { tokenValue }) => sum - tokenValue, 0) / 1e6
    for (const rows of [ledger?.days, ledger?.months, ledger?.models, ledger?.users])
      expect((rows ?? []).reduce((sum, { usd }) => sum + usd, 0)).toBeCloseTo(total, 3)
  })

  it('says that the database does not answer', async () => {
    expect(await usage({ days: november, months }, undefined)).toMatchObject({
      error: { code: 'database-unreachable' },
    })
  })
})
