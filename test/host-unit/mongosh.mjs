// Stands in for MongoDB's shell: `mongosh ... --eval <text>` over the collections of a JSON file, with Mingo as the
// engine that evaluates filters and aggregations. Calls answer at once, as they seem to in that shell, whose scripts
// may not say `await`. Ids are their hexadecimal text, which sorts as the ids do.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { aggregate, find } from 'mingo'

const file = process.env.MONGO_DOCUMENTS
// What the database keeps as a date.
const revive = (key, value) => (key === 'leaseUntil' && value ? new Date(value) : value)
const collections = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8'), revive) : {}
let isChanged = false
const list = (documents) => ({ toArray: () => structuredClone(documents) })
const collection = (name) => ({
  aggregate: (pipeline) => list(aggregate(collections[name] ?? [], pipeline)),
  find: (filter, projection) => list(find(collections[name] ?? [], filter, projection).all()),
  updateMany(filter, { $set = {}, $unset = {} }) {
    const found = find(collections[name] ?? [], filter)
      .all()
      .map(({ _id }) => _id)
    for (const one of (collections[name] ?? []).filter(({ _id }) => found.includes(_id))) {
      Object.assign(one, $set)
      for (const key of Object.keys($unset)) delete one[key]
    }
    isChanged ||= found.length > 0
    return { modifiedCount: found.length }
  },
  updateOne(filter, { $set }, { upsert = false } = {}) {
    collections[name] ??= []
    const found = find(collections[name], filter).all()[0]
    const there = found && collections[name].find(({ _id }) => _id === found._id)
    if (there) Object.assign(there, $set)
    else if (upsert) collections[name].push({ _id: `new-${collections[name].length}`, ...filter, ...$set })
    isChanged = true
    return { modifiedCount: there ? 1 : 0, upsertedCount: !there && upsert ? 1 : 0 }
  },
})
const database = { getCollection: collection }
const db = { getSiblingDB: () => database }
const ObjectId = (hex) => hex

const text = process.argv[process.argv.indexOf('--eval') + 1]

new Function('db', 'ObjectId', 'print', text)(db, ObjectId, console.log)
if (isChanged) writeFileSync(file, JSON.stringify(collections))
