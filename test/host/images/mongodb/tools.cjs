// Stands in for mongodump and mongorestore: `--archive --gzip` to standard output, or from standard input.
const net = require('node:net')
const { gunzipSync, gzipSync } = require('node:zlib')

const [, , tool, ...flags] = process.argv
if (!flags.includes('--archive') || !flags.includes('--gzip')) throw new Error(`${tool} ${flags}`)

const ask = (...question) =>
  new Promise((resolve, reject) => {
    let text = ''
    const socket = net.connect(27017, '127.0.0.1', () => socket.write(`${JSON.stringify(question)}\n`))
    socket.on('data', (data) => {
      text += data
    })
    socket.on('end', () => resolve(JSON.parse(text)))
    socket.on('error', reject)
  })

async function main() {
  if (tool === 'mongodump') return process.stdout.write(gzipSync(JSON.stringify(await ask('all'))))
  const parts = []
  for await (const part of process.stdin) parts.push(part)
  await ask('replace', JSON.parse(gunzipSync(Buffer.concat(parts)).toString()))
}
main().catch((error) => {
  console.error(error.message)
  process.exit(1)
})
