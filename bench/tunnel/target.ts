// What the instance serves in the benchmark. The first byte says what: u a length and as many bytes, answered
// with one; d a length, answered with as many bytes; p answered with one byte.
import { createServer } from 'node:net'

const piece = Buffer.alloc(256 * 1024, 7)

const server = createServer((socket) => {
  socket.on('error', () => {})
  let wanted: number | undefined
  let got = 0
  socket.on('data', (chunk) => {
    if (wanted === undefined && chunk.length < 5 && chunk.toString('latin1', 0, 1) !== 'p')
      return socket.destroy()
    if (wanted === undefined) {
      const kind = chunk.toString('latin1', 0, 1)
      if (kind === 'p') return socket.write('k')
      wanted = chunk.readUInt32BE(1)
      if (kind === 'd') return send(wanted)
      got = -5
    }
    got += chunk.length
    if (got >= wanted) socket.write('k')
  })
  function send(left: number): void {
    if (left <= 0) return
    const more = socket.write(piece.subarray(0, Math.min(left, piece.length)))
    const rest = left - piece.length
    if (more) setImmediate(send, rest)
    else socket.once('drain', () => send(rest))
  }
})
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as { port: number }).port }))
process.on('disconnect', () => process.exit())
