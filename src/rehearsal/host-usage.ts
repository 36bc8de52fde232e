import { deflateSync } from 'node:zlib'
import type { Host } from './account.js'

type Period = [name: string, from: number, to: number]
type Row = [name: string, ...number[]]

const day = 86_400_000

/** The simulated usage of one user, model and day, always the same. */
function played(at: number, user: number, model: number): number[] {
  const busy = (Math.floor(at / day) * 7 + user * 13 + model * 5) % 11
  const [input, output, cacheWrite, cacheRead] = [busy * 2_100, busy * 640, busy * 410, busy * 5_200]
  const credits = input * 3 + output * 15 + cacheWrite * 3.75 + cacheRead * 0.3
  return [input, output, cacheWrite, cacheRead, busy * 4, credits]
}

const add = (one: readonly number[], other: readonly number[]) =>
  one.map((amount, i) => amount + (other[i] ?? 0))
const nothing = [0, 0, 0, 0, 0, 0]
const costliestFirst = (rows: Row[]) => rows.sort((one, other) => Number(other[6]) - Number(one[6]))

/** What a user has spent since a moment, in dollars. */
function spentBy(user: number, { models = [] }: Host, from: number, now: number): number {
  let credits = 0
  for (let at = from; at < now; at += day)
    for (const model of models.keys()) credits += played(at, user, model)[5] ?? 0
  return credits / 1e6
}

const monthOf = (now: number) => {
  const date = new Date(now)
  return { name: date.toISOString().slice(0, 7), from: Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) }
}

/** The last result of the host's timer; here it is always current. */
export function moneyNow(host: Host, now: number) {
  const { name: month, from } = monthOf(now)
  const usd = [...host.users.keys()].reduce((sum, user) => sum + spentBy(user, host, from, now), 0)
  const { allowance = null, limit = null, allowances = {} } = host
  const own = Object.values(allowances)
  return {
    allowance,
    limit,
    own: { users: own.length, usd: own.reduce((sum, one) => sum + one, 0) },
    month,
    usd,
    at: new Date(now).toISOString(),
    stopped: limit !== null && usd >= limit,
    warning: null,
  }
}

/** What `templates/host/allowance.py` answers, and what it changes. */
export function allowanceAnswer(
  request: string | undefined,
  host: Host,
  now: number,
): { output: string; allowances?: Record<string, number> } {
  const { email, usd, preview } = JSON.parse(request ?? '{}') as {
    email: string | null
    usd: number | 'default' | null
    preview: number | null
  }
  const refused = (code: string, what: string, fix: string) => ({
    output: JSON.stringify({ error: { code, what, why: 'Nothing was changed.', fix: [{ code: fix }] } }),
  })
  const usual = preview ?? host.allowance
  if (usual === undefined) return refused('no-allowance', 'This lab has no allowances.', 'set-allowance')
  const asked = email?.toLowerCase()
  const shown = [...host.users.entries()].filter(
    ([, [known]]) => asked === undefined || known?.toLowerCase() === asked,
  )
  if (asked !== undefined && shown.length === 0)
    return refused('user-unknown', `There is no user ${email}.`, 'list-users')
  const own = { ...host.allowances }
  if (asked !== undefined && usd !== null) {
    delete own[asked]
    if (usd !== 'default') own[asked] = usd
  }
  const users = shown.map(([i, [known = '']]) => {
    const allowance = own[known.toLowerCase()] ?? usual
    const used = spentBy(i, host, monthOf(now).from, now)
    const left = Math.max(0, allowance - used)
    return {
      email: known,
      usd: allowance,
      own: known.toLowerCase() in own,
      used,
      before: host.allowance === undefined ? null : left,
      left,
    }
  })
  return { output: JSON.stringify({ allowances: { usd: usual, users, more: 0 } }), allowances: own }
}

/** Bedrock's metrics in the order of `played`. */
const metricNames = [
  'InputTokenCount',
  'OutputTokenCount',
  'CacheWriteInputTokenCount',
  'CacheReadInputTokenCount',
  'Invocations',
]

/** CloudWatch's figures for a model: the users' calls, and for the first model the same amount by other programs. */
export function countedBy(
  { users, models = [] }: Host,
  asked: { model: string; metric: string; from: number; to: number; now: number },
): number {
  const [model, field] = [models.indexOf(asked.model), metricNames.indexOf(asked.metric)]
  if (model < 0 || field < 0) return 0
  let sum = 0
  for (let at = asked.from; at < Math.min(asked.to, asked.now); at += day)
    for (const user of users.keys()) sum += played(at, user, model)[field] ?? 0
  return model === 0 ? sum * 2 : sum
}

/** What `templates/host/usage.py` answers: as if each user had chatted with each model every day until now. */
export function usageAnswer(request: string | undefined, { users, models = [] }: Host, now: number): string {
  const asked = JSON.parse(request ?? '{}') as { days: Period[]; months: Period[] }
  const sum = ([, from, to]: Period, use: (user: number, model: number) => boolean = () => true) => {
    let total: readonly number[] = nothing
    for (let at = from; at < Math.min(to, now); at += day)
      for (const user of users.keys())
        for (const model of models.keys()) if (use(user, model)) total = add(total, played(at, user, model))
    return total
  }
  const sumDays = (use: (user: number, model: number) => boolean) =>
    asked.days.map((one) => sum(one, use)).reduce(add, nothing)
  const found = {
    days: asked.days.map((one): Row => [one[0], ...sum(one)]),
    // There were no users before this month.
    months: asked.months.map(
      (one, i): Row => [one[0], ...(i === asked.months.length - 1 ? sum(one) : nothing)],
    ),
    models: costliestFirst(models.map((id, i) => [id, ...sumDays((_, model) => model === i)])),
    users: costliestFirst(users.map(([email = ''], i) => [email, ...sumDays((user) => user === i)])),
  }
  return JSON.stringify({ usage: deflateSync(JSON.stringify(found)).toString('base64') })
}
