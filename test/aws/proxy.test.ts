import { createServer, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { proxyAgents } from '../../src/aws/proxy.js'
import { run } from '../support/cli.js'
import { describeAccount } from '../support/suite.js'

/** A proxy as offices have them: forwards plain requests, and tunnels CONNECT. */
function officeProxy() {
  const carried: string[] = []
  const server = createServer((incoming: IncomingMessage, response) => {
    carried.push(incoming.url ?? '')
    const onward = request(
      incoming.url ?? '',
      { method: incoming.method, headers: incoming.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    onward.on('error', () => response.writeHead(502).end())
    incoming.pipe(onward)
  })
  server.on('connect', (incoming, socket) => {
    carried.push(incoming.url ?? '')
    const [host, port] = (incoming.url ?? '').split(':')
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.pipe(onward).pipe(socket)
    })
    onward.on('error', () => socket.destroy())
    socket.on('error', () => onward.destroy())
  })
  return { server, carried }
}

describeAccount('behind a proxy', (account) => {
  let proxy: ReturnType<typeof officeProxy>
  let url: string
  beforeEach(async () => {
    proxy = officeProxy()
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(proxy.server.address() as AddressInfo).port}`
  })
  afterEach(() => {
    proxy.server.closeAllConnections()
    proxy.server.close()
  })

  it('sends every call to AWS through it', async () => {
    const { code } = await run(account(), ['list'], { env: { HTTP_PROXY: url } })
    expect(code).toBe(0)
    expect(account().calls.length).toBeGreaterThan(2)
    expect(proxy.carried.length).toBeGreaterThan(2)
  })

  it('goes straight to what NO_PROXY excepts', async () => {
    const { code } = await run(account(), ['list'], { env: { HTTP_PROXY: url, NO_PROXY: '127.0.0.1' } })
    expect(code).toBe(0)
    expect(proxy.carried).toEqual([])
  })

  it('refuses what is no proxy, and a program that would choose one, before any call', async () => {
    for (const value of ['pac+https://office.example/proxy.pac', 'ftp://office.example']) {
      const { code, stderr } = await run(account(), ['list'], { env: { HTTPS_PROXY: value } })
      expect(code).toBe(1)
      expect(stderr).toMatch(/HTTPS_PROXY is not a proxy/)
    }
    expect(account().calls).toEqual([])
  })
})

it.each(['http://a:1', 'https://a:1', 'socks5h://a:1', 'socks4a://a:1', 'socks://a', 'a:3128', 'a'])(
  'takes %s',
  async (value) => {
    await expect(proxyAgents({ ALL_PROXY: value })).resolves.toBeDefined()
  },
)
