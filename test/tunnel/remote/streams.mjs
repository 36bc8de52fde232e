// The agent's multiplexer, smux version 1 with the defaults of its library: 4 MiB for all streams together that
// no port has taken yet, and then nothing more is read.
import net from 'node:net'
import { openOutput } from './output.mjs'

const bucket = 4 * 1024 * 1024
const frameLength = 32_768
const [SYN, FIN, PSH, NOP] = [0, 1, 2, 3]

export function openMux(link) {
  const { options } = link
  const streams = new Map()
  /** Cut into messages without regard to frames, as they come from a socket. */
  const output = openOutput(link)
  output.onFlush = (full) => {
    for (const { socket } of streams.values()) full ? socket.pause() : socket.resume()
  }

  function frame(command, id, data = Buffer.alloc(0)) {
    const head = Buffer.alloc(8)
    head[0] = 1
    head[1] = command
    head.writeUInt16LE(data.length, 2)
    head.writeUInt32LE(id, 4)
    return [head, data]
  }

  const queued = () => [...streams.values()].reduce((sum, { socket }) => sum + socket.writableLength, 0)

  function open(id) {
    const target = options.ports?.[options.port]
    const socket = net.connect({ port: target ?? 1, host: '127.0.0.1' })
    const stream = { socket, connected: false }
    streams.set(id, stream)
    socket.on('connect', () => {
      stream.connected = true
    })
    socket.on('data', (chunk) => {
      const frames = []
      for (let at = 0; at < chunk.length; at += frameLength) {
        frames.push(...frame(PSH, id, chunk.subarray(at, at + frameLength)))
      }
      output.write(...frames)
    })
    socket.on('drain', () => link.blocked && queued() < bucket / 2 && link.unblock())
    socket.on('error', () => {
      if (!stream.connected) link.flag(3)
    })
    // At the end of either side both are closed: half-closing is unknown here.
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      streams.delete(id)
      output.write(...frame(FIN, id))
      if (link.blocked && queued() < bucket / 2) link.unblock()
    })
  }

  let invalid = false
  /** The multiplexer's error ends its streams, and with the next one the session (port_mux.go, WritePump). */
  function fail() {
    invalid = true
    for (const { socket } of streams.values()) socket.destroySoon()
    link.close('')
  }

  let head = Buffer.alloc(0)
  function input(bytes) {
    head = head.length > 0 ? Buffer.concat([head, bytes]) : bytes
    // As recvLoop of github.com/xtaci/smux reads: only a push has data, whatever the length of another frame says.
    while (head.length >= 8 && !invalid) {
      const [version, command, id] = [head[0], head[1], head.readUInt32LE(4)]
      if (version !== 1 || command > NOP) return fail()
      const length = command === PSH ? head.readUInt16LE(2) : 0
      if (head.length < 8 + length) return
      const data = Buffer.from(head.subarray(8, 8 + length))
      head = head.subarray(8 + length)
      const stream = streams.get(id)
      if (command === SYN) open(id)
      // A full close: what the port would still say is lost.
      if (command === FIN) stream?.socket.destroySoon()
      if (command === PSH && stream && !stream.socket.destroyed) {
        stream.socket.write(data)
        if (queued() > bucket) link.block()
      }
    }
  }

  return {
    take: (payloadType, payload) => payloadType === 1 && input(payload),
    stop: () => {
      for (const { socket } of streams.values()) socket.destroy()
    },
  }
}
