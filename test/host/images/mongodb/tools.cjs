// Stands in for mongodump and mongorestore, by the name that it is called by: the same command lines, the real archive's
// first bytes, and every document of the running database over the wire; what is between is one line of JSON.
const net = require('node:net')
const zlib = require('node:zlib')

const [name, ...given] = process.argv.slice(2)
const magic = Buffer.from('6de29981', 'hex')
const known = {
  mongodump: ['--archive', '--gzip', '--db=LibreChat', '--numParallelCollections=1'],
  mongorestore: ['--archive', '--gzip', '--nsInclude=LibreChat.*', '--stopOnError'],
}[name]
const unknown = given.find((argument) => !known.includes(argument))
if (unknown || !given.includes('--archive') || !given.includes('--gzip')) {
  console.error(`error parsing command line options: ${unknown ?? 'no archive'}`)
  process.exit(1)
}
const ask = (question) =>
  new Promise((resolve, reject) => {
    const chunks = []
    const socket = net.connect(27017, '127.0.0.1', () => socket.write(`${JSON.stringify(question)}\n`))
    socket.on('data', (data) => chunks.push(data))
    socket.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString())))
    socket.on('error', reject)
  })

async function main() {
  if (name === 'mongodump') {
    const documents = Buffer.from(JSON.stringify(await ask(['dump'])))
    return process.stdout.write(zlib.gzipSync(Buffer.concat([magic, documents])))
  }
  const chunks = []
  for await (const chunk of process.stdin) chunks.push(chunk)
  const archive = zlib.gunzipSync(Buffer.concat(chunks))
  if (!archive.subarray(0, 4).equals(magic))
    throw new Error('stream or file does not appear to be a mongodump archive')
  await ask(['load', JSON.parse(archive.subarray(4).toString())])
}

main().catch((error) => {
  console.error(`Failed: ${error.message}`)
  process.exit(1)
})
