import { once } from 'node:events'
import { createServer, connect as dial, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterEach, describe, expect, test } from 'vitest'
import { Listener, loopback } from '../../src/tunnel/listen.js'

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
)
let opened: { close(): unknown }[] = []
afterEach(() => {
  for (const one of opened) one.close()
  opened = []
})

async function another(port: number, address: string): Promise<Server> {
  const server = createServer((socket) => socket.end('another program'))
  server.listen({ port, host: address, ipv6Only: true })
  await once(server, 'listening')
  opened.push(server)
  return server
}

const portOf = (server: Server) => (server.address() as { port: number }).port

async function answerOf(port: number, host: string): Promise<string> {
  const socket = dial({ port, host })
  const [chunk] = await once(socket, 'data')
  socket.destroy()
  return `${chunk}`
}

async function listen(wanted: number, addresses: readonly string[] = loopback) {
  const listener = await Listener.open(wanted, addresses, (socket) => socket.end('the tunnel'))
  opened.push(listener)
  return listener
}

describe.runIf(hasIpv6)('a port of localhost', () => {
  test('answers on both loopback addresses', async () => {
    const { port, addresses } = await listen(0)
    expect(addresses).toEqual(['127.0.0.1', '::1'])
    expect(await answerOf(port, '127.0.0.1')).toBe('the tunnel')
    expect(await answerOf(port, '::1')).toBe('the tunnel')
  })

  test.each(loopback)('is another one when another program has it on %s', async (address) => {
    const taken = portOf(await another(0, address))
    const { port } = await listen(taken)
    expect(port).not.toBe(taken)
    for (const host of loopback) expect(await answerOf(port, host)).toBe('the tunnel')
  })
})

test('a machine without IPv6 listens on 127.0.0.1 alone', async () => {
  // Port 0 of an address that no machine has stands for a loopback that is switched off.
  const { addresses } = await listen(0, ['127.0.0.1'])
  expect(addresses).toEqual(['127.0.0.1'])
})

test('an address that this machine does not have is an error that names it', async () => {
  await expect(listen(45_999, ['203.0.113.7'])).rejects.toMatchObject({
    code: 'cannot-listen',
    message: "Can't listen on 203.0.113.7:45999.",
  })
})
