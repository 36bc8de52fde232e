import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { internet } from '../../src/aws/internet.js'
import { agentsFor } from '../../src/aws/proxy.js'
import { checkedCidrs } from '../../src/lab/cidr.js'

/** What the program makes of a source that answers like this: the address, or the code of the refusal. */
async function found(answer: RequestListener): Promise<{ said: string; tookMs: number }> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const began = Date.now()
  try {
    const net = internet(
      { LIBRECHAT_LAB_CHECKIP_URL: url },
      new AbortController().signal,
      await agentsFor({}),
    )
    const address = await net.publicAddress()
    return { said: checkedCidrs([address], false).join(), tookMs: Date.now() - began }
  } catch (error) {
    return { said: (error as { code?: string }).code ?? String(error), tookMs: Date.now() - began }
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const says =
  (body: string, status = 200): RequestListener =>
  (_, response) =>
    void response.writeHead(status).end(body)

describe('a source of the public address that lies', () => {
  it('is believed when it tells one public address', async () => {
    expect((await found(says('81.2.69.160\n'))).said).toBe('81.2.69.160/32')
  })

  it.each([
    ['a page', '<html>81.2.69.160</html>', 'no-public-ip'],
    ['two addresses', '81.2.69.160 8.8.8.8', 'no-public-ip'],
    ['a range', '0.0.0.0/0', 'no-public-ip'],
    ['an IPv6 address', '2001:db8::1', 'no-public-ip'],
    ['a terminal’s escape', '\u001b[2J81.2.69.160', 'no-public-ip'],
    ['nothing', '', 'no-public-ip'],
    ['a private address', '192.168.1.7', 'no-public-ip'],
    ['loopback', '127.0.0.1', 'no-public-ip'],
    ['all addresses', '0.0.0.0', 'no-public-ip'],
    ['no address', '999.1.1.1', 'no-public-ip'],
  ])('is refused: %s', async (_, body, code) => {
    expect((await found(says(body))).said).toBe(code)
  })

  it('is not followed elsewhere', async () => {
    let elsewhere = 0
    const answer: RequestListener = ({ url }, response) => {
      if (url === '/elsewhere') {
        elsewhere += 1
        return void response.end('81.2.69.160')
      }
      response.writeHead(302, { location: '/elsewhere' }).end()
    }
    expect((await found(answer)).said).toBe('no-public-ip')
    expect(elsewhere).toBe(0)
  })

  it('is not listened to without end', async () => {
    let sent = 0
    const { said, tookMs } = await found((_, response) => {
      const more = () => {
        if (response.destroyed) return
        sent += 65_536
        response.write('8'.repeat(65_536))
        setTimeout(more, 1)
      }
      more()
    })
    expect(said).toBe('no-public-ip')
    expect(tookMs).toBeLessThan(3_000)
    expect(sent).toBeLessThan(50e6)
  })
})
