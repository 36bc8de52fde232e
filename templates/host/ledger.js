// Runs in MongoDB's shell, after `const asked = {...}` and spending.js: sums LibreChat's transactions and prints one line of JSON.
// It reads amounts, models and who spent them, and never what was written.
// asked: {"days": [[name, from, to], ...], "months": the same}: milliseconds, `to` excluded.
const sums = ([, from, to], by) =>
  spending([from, to], {
    _id: by,
    tokens: { $sum: '$rawAmount' },
    written: { $sum: '$writeTokens' },
    read: { $sum: '$readTokens' },
    credits: { $sum: '$tokenValue' },
    count: { $sum: 1 },
  })

/** [input, output, cache writes, cache reads, calls, credits]: LibreChat writes what was spent as negative numbers. */
function amountsOf({ _id: { type }, tokens, written, read, credits, count }) {
  if (type === 'completion') return [0, -tokens, 0, 0, count, -credits]
  const [writes, reads] = [Math.abs(written), Math.abs(read)]
  return [-tokens - writes - reads, 0, writes, reads, 0, -credits]
}
const nothing = [0, 0, 0, 0, 0, 0]
const add = (one, other) => one.map((amount, i) => amount + other[i])
const addTo = (map, key, amounts) => map.set(key, add(map.get(key) ?? nothing, amounts))
const bySpending = (map) => [...map].sort(([, one], [, other]) => other[5] - one[5])

const days = []
const models = new Map()
const users = new Map()
let shown = nothing
for (const day of asked.days) {
  let total = nothing
  for (const row of sums(day, { user: '$user', model: '$model', type: '$tokenType' })) {
    const amounts = amountsOf(row)
    total = add(total, amounts)
    addTo(models, row._id.model ?? '', amounts)
    addTo(users, String(row._id.user), amounts)
  }
  days.push([day[0], ...total])
  shown = add(shown, total)
}
/** The days of a month that were summed are not read again. */
const [begin, end] = [asked.days[0]?.[1], asked.days.at(-1)?.[2]]
const months = []
for (const [name, from, to] of asked.months) {
  const [known, since] = from === begin && end <= to ? [shown, end] : [nothing, from]
  const rows = since < to ? sums([name, since, to], { type: '$tokenType' }) : []
  months.push([name, ...rows.map(amountsOf).reduce(add, known)])
}
const emails = new Map()
for (const { _id, email } of chat
  .getCollection('users')
  .find({ _id: { $in: [...users.keys()].map((id) => ObjectId(id)) } }, { email: 1 })
  .toArray())
  emails.set(String(_id), email)
print(
  JSON.stringify({
    days,
    months,
    models: bySpending(models).map(([id, amounts]) => [id, ...amounts]),
    // A user who was removed has an id only.
    users: bySpending(users).map(([id, amounts]) => [emails.get(id) ?? '', ...amounts]),
  }),
)
