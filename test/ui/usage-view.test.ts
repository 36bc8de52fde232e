import { describe, expect, it } from 'vitest'
import type { Usage } from '../../src/app/usage.js'
import { usagePage } from '../../src/ui/usage-page.js'
import { usageCsv, usageText } from '../../src/ui/usage-view.js'

const amounts = {
  inputTokens: 1_234_567,
  outputTokens: 300,
  cacheWriteTokens: 0,
  cacheReadTokens: 0,
  calls: 4,
}
const hostile = '=cmd|"</script><b>\u202e@example.org'
const usage: Usage = {
  lab: { name: 'default', region: 'us-east-1', account: '123456789012', partition: 'aws' },
  month: '2026-11',
  today: 10,
  total: { ...amounts, usd: 8 },
  days: [
    { day: '2026-11-01', ...amounts, usd: 8 },
    { day: '2026-11-02', ...amounts, usd: 0.01 },
    { day: '2026-11-03', ...amounts, calls: 0, usd: 0 },
  ],
  months: [{ month: '2026-10', ...amounts, usd: 3 }],
  models: [
    { model: 'amazon.nova-pro-v1:0', ...amounts, usd: 8 },
    { model: 'gone.model', ...amounts, usd: 0 },
  ],
  users: [
    { email: hostile, ...amounts, usd: 7 },
    { email: '', ...amounts, usd: 1 },
    { count: 12, ...amounts, usd: 0.5 },
  ],
  labels: new Map([['amazon.nova-pro-v1:0', 'Nova Pro']]),
  cost: { lines: [], monthlyUsd: 36.42, source: '', dated: '' },
  counted: [
    { model: 'amazon.nova-pro-v1:0', ...amounts, inputTokens: 2_000_000 },
    { model: 'us.other<b>', ...amounts },
  ],
}
const paint = { style: (_: unknown, text: string) => text, hint: () => 'usage --open', columns: 80 }

describe('usage', () => {
  it('shows what was spent with bars, the pace, removed users and those that are summed up', () => {
    const lines = usageText({ ...usage, counted: undefined }, paint).split('\n')
    expect(lines).toContain('  Models  $8.00   1.2M in, 300 out; at this pace $24.00 by the end of the month')
    expect(lines).toContain('  2026-11-01      $8.00  ████████████████  1.2M in, 300 out')
    // What is more than nothing has a bar; a day without use has no line.
    expect(lines).toContain('  2026-11-02      $0.01  ▏                 1.2M in, 300 out')
    expect(lines.join('\n')).not.toContain('2026-11-03')
    expect(lines.filter((line) => /Nova Pro|gone\.model|a removed user|12 others/.test(line))).toHaveLength(4)
  })

  it('shows AWS’s figures in addition, and says if they may not be read', () => {
    const text = usageText(usage, paint)
    expect(text).toMatch(
      /Counted by AWS\n {2}Nova Pro {5}2M in, 300 out\n {2}us\.other<b> {2}1\.2M in, 300 out\n/,
    )
    const { counted: _, ...rest } = usage
    const without = { ...rest, counted: undefined }
    expect(usageText(without, paint)).toContain('cloudwatch:GetMetricData')
    expect(usageText({ ...usage, counted: [] }, paint)).not.toContain('Counted by AWS')
    expect(usageCsv(usage)).toMatch(/^counted by AWS,amazon\.nova-pro-v1:0,2000000,300,0,0,4,$/m)
    expect(usagePage(usage, '')).toContain('us.other&#60;b&#62;')
    expect(usagePage(without, '')).toContain('cloudwatch:GetMetricData')
  })

  it('keeps each row of fifty users and a month of large amounts within 80 columns', () => {
    const large = {
      inputTokens: 999_400_000,
      outputTokens: 888_400_000,
      cacheWriteTokens: 333_300_000,
      cacheReadTokens: 444_400_000,
      calls: 1_000_000,
    }
    const row = { ...large, usd: 12_345.67 }
    const many = <Row>(count: number, one: (i: number) => Row) =>
      Array.from({ length: count }, (_, i) => one(i))
    const text = usageText(
      {
        ...usage,
        total: row,
        today: 30,
        days: many(30, (i) => ({ day: `2026-11-${String(i + 1).padStart(2, '0')}`, ...row })),
        models: many(12, (i) => ({ model: `us.anthropic.claude-sonnet-${i}-20260101-v1:0`, ...row })),
        users: many(50, (i) => ({ email: `firstname.lastname-${i}@department.example.org`, ...row })),
        counted: many(12, (i) => ({ model: `us.anthropic.claude-sonnet-${i}-20260101-v1:0`, ...large })),
      },
      paint,
    )
    // Sentences are wrapped where they are printed; the rows of a table are not.
    const rows = text.split('\n').filter((line) => / in, /.test(line) && !line.startsWith('  Models'))
    expect(rows).toHaveLength(30 + 12 + 50 + 1 + 12)
    expect(rows.filter((line) => line.length > 80)).toEqual([])
  })

  it('gives a spreadsheet text only, whatever an address begins with', () => {
    const [line] = usageCsv(usage).match(/^user,.*$/m) ?? []
    expect(line).toBe(`user,"'=cmd|""</script><b> @example.org",1234567,300,0,0,4,7.000000`)
  })

  it('puts nothing into the page that a browser would take for markup', () => {
    const page = usagePage(usage, 'const end = "</script>"')
    expect(page).not.toContain('<b>')
    expect(page.match(/<\/script>/g)).toHaveLength(2)
  })
})
