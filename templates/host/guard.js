// Runs in MongoDB's shell, after `const asked = {...}`: sums the dollars of periods and sets balances. Prints one line
// of JSON. It touches balances only, and never a conversation.
// asked: {"sums": [[from, to], ...], "month": [from, to], "allowances": null | {"default": credits, "own": {email:
// credits}, "only": email | null, "set": bool}}: milliseconds, `to` excluded; 1,000,000 credits are a dollar.
const chat = db.getSiblingDB('LibreChat')
const idAt = (ms) =>
  ObjectId(
    `${Math.floor(ms / 1000)
      .toString(16)
      .padStart(8, '0')}${'0'.repeat(16)}`,
  )
const spending = ([from, to], by) =>
  chat.getCollection('transactions').aggregate([
    {
      $match: {
        _id: { $gte: idAt(from), $lt: idAt(to) },
        tokenType: { $in: ['prompt', 'completion'] },
      },
    },
    { $group: { _id: by, credits: { $sum: '$tokenValue' } } },
  ])

const sums = []
for (const period of asked.sums) {
  const [row] = spending(period, null).toArray()
  sums.push(row ? -row.credits : 0)
}

const balances = []
if (asked.allowances) {
  const { own, only, set, default: usual } = asked.allowances
  const spent = new Map()
  for (const { _id, credits } of spending(asked.month, '$user').toArray()) spent.set(String(_id), -credits)
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
print(JSON.stringify({ sums, balances }))
