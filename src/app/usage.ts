import { LabError } from '../core/error.js'
import { type Amounts, type Ledger, type Period, readLedger } from '../host/usage.js'
import { type ModelMetrics, modelMetrics } from '../lab/model-metrics.js'
import { type Cost, monthlyCost } from '../lab/prices.js'
import { nothingChosen, type Settings } from '../lab/settings.js'
import type { LabId } from '../resources/ownership.js'
import { requireRunning } from '../tunnel/advice.js'
import type { Context, GlobalOptions } from './context.js'
import { hostOf } from './host-work.js'
import { openLab } from './open-lab.js'
import { findRunning } from './running-instance.js'

export type { Amounts } from '../host/usage.js'

export interface Usage extends Ledger {
  lab: LabId
  /** "2026-11", in UTC. */
  month: string
  /** Today's day of the month; undefined for an earlier month. */
  today: number | undefined
  total: Amounts
  /** Labels of the menu's models, by id. */
  labels: ReadonlyMap<string, string>
  /** CloudWatch's figures for the account and region; undefined without the permission to read them. */
  counted: readonly ModelMetrics[] | undefined
  /** Monthly cost of host, disk and address. */
  cost: Cost
}

const monthsShown = 12
/** The database's ids count seconds from this date. */
const firstMonth = '1970-01'

/** The output format; LabError `bad-option` for two at once. */
export function outputOf({ csv, open, json }: { csv: boolean; open: boolean; json: boolean }) {
  if (csv && (open || json)) {
    throw new LabError({
      code: 'bad-option',
      what: `--csv can't be combined with ${open ? '--open' : '--json'}.`,
      fix: [
        { command: { keeps: true, path: 'usage', flags: { csv: true, open: undefined } } },
        {
          command: { keeps: true, path: 'usage', flags: { csv: undefined, ...(open ? {} : { json: true }) } },
        },
      ],
    })
  }
  return csv ? 'csv' : open ? 'page' : 'text'
}

/** What the lab's models and the host cost in a month. LabError `bad-month`, and those of the host. */
export async function usage(
  { month: wanted, ...options }: GlobalOptions & { month?: string },
  context: Context,
): Promise<Usage> {
  const now = new Date(context.clock.now())
  const current = monthOf(now)
  const month = wanted === undefined ? current : checkedMonth(wanted, current)
  const open = await openLab(options, context)
  const { lab, stored } = open
  const { instanceId, state } = await findRunning(open, context)
  requireRunning(state)
  const today = month === current ? now.getUTCDate() : undefined
  const found = await readLedger(hostOf(open, instanceId, context), {
    days: daysOf(month, today),
    months: monthsUntil(current),
  })
  const counted = await modelMetrics(open.clients.cloudwatch, {
    from: momentOf(month),
    to: momentOf(month, { months: 1 }),
    models: found.models.flatMap(({ model }) => model ?? []),
  })
  return {
    ...found,
    counted,
    lab,
    month,
    today,
    total: sum(found.days),
    labels: new Map((stored?.models ?? []).map(({ id, label }) => [id, label])),
    cost: costOf(lab, stored ?? nothingChosen),
  }
}

const costOf = ({ region }: LabId, { instanceType, diskGb }: Settings): Cost =>
  monthlyCost({ region, instanceType, diskGb, addresses: 1 })

/** LabError `bad-month`. */
function checkedMonth(text: string, current: string): string {
  const isMonth = /^\d{4}-(0[1-9]|1[0-2])$/.test(text)
  if (isMonth && text >= firstMonth && text <= current) return text
  const [what, why] = !isMonth
    ? [
        `${JSON.stringify(text.slice(0, 60))} is not a month.`,
        'A month is a year and two digits, such as 2026-01.',
      ]
    : text > current
      ? [`${text} has not begun yet.`, `In UTC it is ${current}.`]
      : [`${text} is too early.`, `The first month that can be shown is ${firstMonth}.`]
  throw new LabError({
    code: 'bad-month',
    what,
    why,
    fix: [
      { command: { keeps: true, path: 'usage', flags: { month: current } }, text: 'shows the present month' },
    ],
  })
}

const monthOf = (date: Date): string => date.toISOString().slice(0, 7)

/** Midnight in UTC; excess days and months roll over. */
function momentOf(month: string, { months = 0, days = 0 }: { months?: number; days?: number } = {}): number {
  const [year = 0, number = 1] = month.split('-').map(Number)
  return Date.UTC(year, number - 1 + months, 1 + days)
}

/** Its days; for the current month, those until today. */
function daysOf(month: string, today: number | undefined): Period[] {
  const length = (momentOf(month, { months: 1 }) - momentOf(month)) / 86_400_000
  return Array.from({ length: today ?? length }, (_, day) => {
    const from = momentOf(month, { days: day })
    return [new Date(from).toISOString().slice(0, 10), from, momentOf(month, { days: day + 1 })]
  })
}

/** The last months, oldest first. */
const monthsUntil = (current: string): Period[] =>
  Array.from({ length: monthsShown }, (_, i) => {
    const from = momentOf(current, { months: i + 1 - monthsShown })
    return [monthOf(new Date(from)), from, momentOf(current, { months: i + 2 - monthsShown })]
  })

function sum(all: readonly Amounts[]): Amounts {
  const total = (of: (one: Amounts) => number) => all.reduce((before, one) => before + of(one), 0)
  return {
    inputTokens: total((one) => one.inputTokens),
    outputTokens: total((one) => one.outputTokens),
    cacheWriteTokens: total((one) => one.cacheWriteTokens),
    cacheReadTokens: total((one) => one.cacheReadTokens),
    calls: total((one) => one.calls),
    usd: total((one) => one.usd),
  }
}
