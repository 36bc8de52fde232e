// Stands in for MongoDB where a deployment meets it: started as root, hands its folder to user 999 and becomes it, as
// the image's entrypoint does, and needs the rights for that; started as 999 it needs none. Keeps documents on its volume, answers on 27017. One line of JSON each way: ["insert" | "find" | "remove" | "dump" | "load", ...]; the last two for its mongodump and mongorestore.
const fs = require('node:fs')
const net = require('node:net')

const file = '/data/db/documents.json'
if (process.getuid() === 0) {
  for (const directory of ['/data/db', '/data/configdb']) {
    fs.chownSync(directory, 999, 999)
    for (const name of fs.readdirSync(directory)) fs.chownSync(`${directory}/${name}`, 999, 999)
  }
  process.setgroups([])
  process.setgid(999)
  process.setuid(999)
}

let documents = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : []
function save() {
  const handle = fs.openSync(`${file}.new`, 'w')
  fs.writeSync(handle, JSON.stringify(documents))
  fs.fsyncSync(handle)
  fs.closeSync(handle)
  fs.renameSync(`${file}.new`, file)
  // The new name, too, is on the disk before anything is acknowledged.
  const directory = fs.openSync('/data/db', 'r')
  fs.fsyncSync(directory)
  fs.closeSync(directory)
}
const answers = {
  ping: () => 'ok',
  find: (kind) => documents.filter((one) => one.kind === kind),
  insert(document) {
    documents = documents
      .filter((one) => one.kind !== document.kind || one.id !== document.id)
      .concat(document)
    save()
  },
  dump: () => documents,
  load(given) {
    documents = given
    save()
  },
  remove(kind, id) {
    documents = documents.filter((one) => one.kind !== kind || one.id !== id)
    save()
  },
}
net
  .createServer((socket) => {
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (data) => {
      text += data
      const end = text.indexOf('\n')
      if (end < 0) return
      const [verb, ...rest] = JSON.parse(text.slice(0, end))
      socket.end(`${JSON.stringify(answers[verb](...rest) ?? null)}\n`)
    })
  })
  .listen(27017, '0.0.0.0')
process.on('SIGTERM', () => process.exit(0))
