// What ledger.js and guard.js share, before them in MongoDB's shell: LibreChat's database, and what it wrote about the
// use of models.
const chat = db.getSiblingDB('LibreChat')

/** The first id of a moment: ids begin with their second, so a period is a range of the index that is always there. */
const idAt = (ms) =>
  ObjectId(
    `${Math.floor(ms / 1000)
      .toString(16)
      .padStart(8, '0')}${'0'.repeat(16)}`,
  )

/** A period's transactions, summed in the database itself, so that only one row for each group comes out. */
// biome-ignore lint/correctness/noUnusedVariables: the script that follows uses it
const spending = ([from, to], group) =>
  chat
    .getCollection('transactions')
    .aggregate([
      {
        $match: {
          _id: { $gte: idAt(from), $lt: idAt(to) },
          tokenType: { $in: ['prompt', 'completion'] },
        },
      },
      { $group: group },
    ])
    .toArray()
