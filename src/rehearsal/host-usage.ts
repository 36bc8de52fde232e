import { deflateSync } from 'node:zlib'
import type { Host } from './account.js'

type Period = [name: string, from: number, to: number]
type Row = [name: string, ...number[]]

const day = 86_400_000

/** What one user asked one model on one day: invented, and the same whenever it is asked. */
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
    // Nobody was there before this month.
    months: asked.months.map(
      (one, i): Row => [one[0], ...(i === asked.months.length - 1 ? sum(one) : nothing)],
    ),
    models: costliestFirst(models.map((id, i) => [id, ...sumDays((_, model) => model === i)])),
    users: costliestFirst(users.map(([email = ''], i) => [email, ...sumDays((user) => user === i)])),
  }
  return JSON.stringify({ usage: deflateSync(JSON.stringify(found)).toString('base64') })
}
