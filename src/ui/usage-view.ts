import type { Amounts, Usage } from '../app/usage.js'
import { clean, cut } from './style.js'
import { columns, usd } from './table.js'
import type { Paint, Ui } from './ui.js'

/** Widths in columns: a bar's maximum and minimum, and a name's minimum beside a short bar. */
const barWidth = 16
const leastBar = 4
const leastName = 20
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A bar in steps of an eighth of a column; any value above zero is visible. */
function bar(amount: number, most: number, wide: number): string {
  if (amount <= 0 || most <= 0) return ''
  const steps = Math.max(1, Math.round((amount / most) * wide * 8))
  return '█'.repeat(Math.floor(steps / 8)) + (eighths[steps % 8] ?? '')
}

/** "812", "1.2K", "34M" */
export const short = (tokens: number): string =>
  new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 }).format(tokens)

/** "1.2M in, 300K out, 4.1M cached" */
export function tokensText(
  one: Pick<Amounts, 'inputTokens' | 'outputTokens' | 'cacheReadTokens' | 'cacheWriteTokens'>,
): string {
  const cached = one.cacheReadTokens + one.cacheWriteTokens
  return [
    `${short(one.inputTokens)} in`,
    `${short(one.outputTokens)} out`,
    ...(cached > 0 ? [`${short(cached)} cached`] : []),
  ].join(', ')
}

export const monthName = (month: string): string =>
  new Date(`${month}-01T00:00:00Z`).toLocaleDateString('en', {
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  })

export const modelName = ({ model, count }: Usage['models'][number], { labels }: Usage): string =>
  model === undefined ? `${count} others` : (labels.get(model) ?? (model || 'unknown model'))

export const userName = ({ email, count }: Usage['users'][number]): string =>
  email === undefined ? `${count} others` : email || 'a removed user'

/** The month's projected cost; undefined for a past month and on its first day. */
export function paceOf({ total, today, month }: Usage): number | undefined {
  if (today === undefined || today < 2) return undefined
  const [year = 0, number = 1] = month.split('-').map(Number)
  return (total.usd / today) * new Date(Date.UTC(year, number, 0)).getUTCDate()
}

/** Its label in the menu, or the id that was called. */
export const countedName = ({ model }: { model: string }, { labels }: Pick<Usage, 'labels'>): string =>
  labels.get(model) ?? model

/** Why AWS's figures differ from the lab's. */
export const countedText =
  'AWS counts every call in the account and region by the id that it named, also those of other programs and the tests that up and status make. It is minutes late and has no dollars.'

export const uncountedText =
  'AWS’s own count of tokens is not shown: it needs the permissions cloudwatch:ListMetrics and cloudwatch:GetMetricData.'

/** The source of the figures, and why AWS's can differ. */
export const sourceText =
  'Model prices are LibreChat’s own rates, so AWS’s invoice can differ: regional prices, taxes, and calls that other programs in the account make.'

export function usageText(
  usage: Usage,
  { style, hint, columns: width }: Paint & Pick<Ui, 'columns'>,
): string {
  const { lab, month, today, total, cost, days, models, users, months, counted } = usage
  const spent = (rows: readonly Amounts[]) => Math.max(0, ...rows.map((one) => one.usd))
  const table = <Row extends Amounts>(
    rows: readonly Row[],
    name: (row: Row) => string,
    more: (row: Row) => string,
  ) => {
    const widest = (text: (row: Row) => string) => Math.max(0, ...rows.map((row) => text(row).length))
    const dollars = Math.max(
      9,
      widest((row) => usd(row.usd)),
    )
    // The width for a name and its bar: the rest of the line after indent, three gaps, dollars and tokens.
    const free = width - 8 - dollars - widest(more)
    const barRoom = Math.min(barWidth, Math.max(leastBar, free - leastName))
    return columns(
      rows.map((row) => [
        `  ${cut(clean(name(row)), Math.max(leastName, free - barRoom))}`,
        usd(row.usd).padStart(dollars),
        bar(row.usd, spent(rows), barRoom).padEnd(barRoom),
        style('dim', more(row)),
      ]),
    )
  }
  const pace = paceOf(usage)
  const earlier = months.filter((one) => one.month < month && one.calls + one.usd > 0)
  const head = columns([
    [
      '  Models',
      usd(total.usd),
      `${tokensText(total)}${pace === undefined ? '' : `; at this pace ${usd(pace)} by the end of the month`}`,
    ],
    ['  Host', usd(cost.monthlyUsd), 'a whole month of instance, disk and address, before tax'],
  ])
  const used = days.filter((one) => one.calls + one.usd > 0)
  const parts = [
    ['By day', table(used, (one) => one.day, tokensText)],
    ['By model', table(models, (one) => modelName(one, usage), tokensText)],
    ['By user', table(users, userName, tokensText)],
    ['Earlier months', table(earlier, (one) => one.month, tokensText)],
  ] as const
  return [
    style(
      'bold',
      `Usage of the lab "${lab.name}" in ${monthName(month)}${today === undefined ? '' : ' so far'}`,
    ),
    '',
    ...head,
    ...(used.length === 0 ? ['', '  Nobody has used a model in this month.'] : []),
    ...parts.flatMap(([title, lines]) => (lines.length > 0 ? ['', style('bold', title), ...lines] : [])),
    ...countedLines(counted, usage, style, width),
    '',
    style('dim', `  ${sourceText} Days are in UTC.`),
    `  ${hint({ command: { path: 'usage', flags: { open: true } }, text: 'shows it as charts in the browser' })}`,
  ].join('\n')
}

/** Bedrock's metrics, in addition to the lab's own figures. */
function countedLines(
  counted: Usage['counted'],
  usage: Usage,
  style: Paint['style'],
  width: number,
): string[] {
  if (!counted) return ['', style('dim', `  ${uncountedText}`)]
  const rows = counted.map((one) => [
    `  ${cut(clean(countedName(one, usage)), Math.max(leastName, width - 44))}`,
    style('dim', tokensText(one)),
  ])
  if (rows.length === 0) return []
  return ['', style('bold', 'Counted by AWS'), ...columns(rows), style('dim', `  ${countedText}`)]
}

export const usageJson = ({
  lab,
  month,
  total,
  days,
  models,
  users,
  months,
  labels,
  cost,
  counted,
}: Usage) => ({
  lab: lab.name,
  region: lab.region,
  account: lab.account,
  month,
  total,
  days,
  models: models.map(({ model, count, ...amounts }) => ({
    model: model ?? null,
    label: (model !== undefined && labels.get(model)) || null,
    ...(count === undefined ? {} : { count }),
    ...amounts,
  })),
  users: users.map(({ email, count, ...amounts }) => ({
    email: email ?? null,
    ...(count === undefined ? {} : { count }),
    ...amounts,
  })),
  months,
  counted: counted?.map((one) => ({ ...one, label: labels.get(one.model) ?? null })) ?? null,
  hostMonthlyUsd: cost.monthlyUsd ?? null,
})

/** One line for each day, model, user, month and count of AWS, told apart by the first column. */
export function usageCsv(usage: Usage): string {
  const line = (kind: string, name: string, one: Omit<Amounts, 'usd'> & { usd?: number }) =>
    [
      kind,
      name,
      one.inputTokens,
      one.outputTokens,
      one.cacheWriteTokens,
      one.cacheReadTokens,
      one.calls,
      one.usd?.toFixed(6) ?? '',
    ]
      .map(cell)
      .join(',')
  return [
    'kind,name,input_tokens,output_tokens,cache_write_tokens,cache_read_tokens,calls,usd',
    ...usage.days.map((one) => line('day', one.day, one)),
    ...usage.models.map((one) => line('model', one.model ?? modelName(one, usage), one)),
    ...usage.users.map((one) => line('user', userName(one), one)),
    ...usage.months.map((one) => line('month', one.month, one)),
    ...(usage.counted ?? []).map((one) => line('counted by AWS', one.model, one)),
  ].join('\n')
}

/** A cell that a spreadsheet reads as text and not as a formula. */
function cell(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const text = clean(value).replace(/^(?=[=+@-])/, "'")
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
