import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { quickClock, runHere } from './in-process.js'

const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-money-'))
const clock = quickClock()
const run = (line: string) => runHere([...line.split(' '), '--rehearse'], { folder, clock })
const json = async (line: string): Promise<Record<string, unknown>> =>
  JSON.parse((await run(`${line} --json`)).stdout)

beforeAll(async () => {
  await run('up --yes --email me@example.org --limit 50 --allowance 10')
})

it('says the most that the models can cost in a scheduled, a stopped and a started lab', async () => {
  const scheduled = await json('schedule set --start 08:00 --stop 20:00 --timezone UTC')
  expect(scheduled).toMatchObject({ cost: { modelsMostUsd: 50 }, alwaysCost: { modelsMostUsd: 50 } })
  const stopped = await json('stop')
  expect(stopped).toMatchObject({ cost: { modelsMostUsd: 0 }, runningCost: { modelsMostUsd: 50 } })
  await run('start')
})

it.each([
  ['2026-13', '"2026-13" is not a month.'],
  ['november', '"november" is not a month.'],
  ['2026-12', '2026-12 has not begun yet.'],
  ['1969-12', '1969-12 is too early.'],
])('usage --month %s says what is wrong with it', async (month, what) => {
  expect(await json(`usage --month ${month}`)).toMatchObject({ error: { code: 'bad-month', what } })
})

it('shows a month before the lab as one without use', async () => {
  expect(await json('usage --month 1999-01')).toMatchObject({ month: '1999-01' })
})
