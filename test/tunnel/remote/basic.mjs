// Port forwarding as agents up to 3.0.196.0 do it: one connection, raw, opened again when data arrives after its end.
import net from 'node:net'
import { openOutput } from './output.mjs'

export function openBasic(link) {
  const { options } = link
  let socket
  const output = openOutput(link)
  output.onFlush = (full) => (full ? socket?.pause() : socket?.resume())

  function connect() {
    socket = net.connect({ port: options.ports?.[options.port] ?? 1, host: '127.0.0.1' })
    const mine = socket
    let connected = false
    mine.on('connect', () => {
      connected = true
    })
    mine.on('data', (chunk) => mine === socket && output.write(chunk))
    mine.on('error', () => {
      if (!connected) link.close('Unable to connect to specified port')
    })
    mine.on('close', () => {
      if (socket === mine) socket = undefined
    })
  }
  connect()
  return {
    take(payloadType, payload) {
      if (payloadType === 10 && payload.readUInt32BE() === 1) {
        socket?.destroySoon()
        socket = undefined
        output.clear()
      }
      if (payloadType !== 1) return
      if (!socket) connect()
      socket.write(payload)
    },
    stop: () => socket?.destroy(),
  }
}
