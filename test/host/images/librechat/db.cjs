// Asks the database's stand-in: one question, one connection.
const net = require('node:net')

const { hostname, port } = new URL(process.env.MONGO_URI ?? 'mongodb://127.0.0.1:27017')

exports.ask = (...question) =>
  new Promise((resolve, reject) => {
    let text = ''
    const socket = net.connect(Number(port), hostname, () => socket.write(`${JSON.stringify(question)}\n`))
    socket.on('data', (data) => {
      text += data
    })
    socket.on('end', () => resolve(JSON.parse(text)))
    socket.on('error', reject)
    socket.setTimeout(10_000, () => socket.destroy(new Error('the database does not answer')))
  })
