// Runs in MongoDB's shell, after `const asked = {...}` and spending.js: sums the dollars of periods, holds scheduled
// chats at the limit, and sets balances. Prints one line of JSON. It touches balances and the leases of schedules only,
// and never a conversation.
// asked: {"sums": [[from, to], ...], "stop": null | {"left": credits | null, "until": ms}, "month": [from, to],
// "allowances": null | {"default": credits, "own": {email: credits}, "only": email | null, "set": bool}}: milliseconds,
// `to` excluded; 1,000,000 credits are a dollar.
const credits = (period, by) => spending(period, { _id: by, credits: { $sum: '$tokenValue' } })

const sums = asked.sums.map((period) => {
  const [row] = credits(period, null)
  return row ? -row.credits : 0
})

/**
 * LibreChat's scheduler starts a chat, also one that a user starts by hand, only when it gets the schedule's lease. At
 * the limit the lab has them all, until the month ends: nothing of a schedule changes, running chats end as usual, and
 * what was due for longer than a quarter of an hour when it is lifted is skipped by LibreChat itself.
 */
const ours = 'librechat-lab-limit'
let stopped = false
if (asked.stop) {
  const { left, until } = asked.stop
  stopped = left !== null && sums.reduce((sum, one) => sum + one, 0) >= left
  const schedules = chat.getCollection('schedules')
  if (stopped) {
    const free = [
      { leaseUntil: { $exists: false } },
      { leaseUntil: null },
      { leaseUntil: { $lt: new Date() } },
    ]
    schedules.updateMany({ $or: free }, { $set: { leaseUntil: new Date(until), leaseBy: ours } })
  } else schedules.updateMany({ leaseBy: ours }, { $unset: { leaseUntil: 1, leaseBy: 1 } })
}

const balances = []
if (asked.allowances) {
  const { own, only, set, default: usual } = asked.allowances
  const spent = new Map()
  for (const { _id, credits: used } of credits(asked.month, '$user')) spent.set(String(_id), -used)
  const users = chat.getCollection('users').find({}, { email: 1 }).toArray()
  for (const { _id, email } of users) {
    if (only !== null && only.toLowerCase() !== email.toLowerCase()) continue
    const allowance = own[email.toLowerCase()] ?? usual
    const used = spent.get(String(_id)) ?? 0
    const left = Math.max(0, Math.floor(allowance - used))
    const [balance] = chat.getCollection('balances').find({ user: _id }).toArray()
    let done = true
    if (set && balance?.tokenCredits !== left) {
      // LibreChat changes a balance only from the value that it has read, and so does this.
      const where = balance ? { _id: balance._id, tokenCredits: balance.tokenCredits } : { user: _id }
      const { modifiedCount, upsertedCount } = chat
        .getCollection('balances')
        .updateOne(where, { $set: { tokenCredits: left, autoRefillEnabled: false } }, { upsert: !balance })
      done = modifiedCount + (upsertedCount ?? 0) > 0
    }
    balances.push({ email, allowance, used, before: balance?.tokenCredits ?? null, left, done })
  }
}
print(JSON.stringify({ sums, stopped, balances }))
