import { once } from 'node:events'
import http from 'node:http'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { digest, forwarding, noise } from './local.js'
import { Remote } from './remote.js'

let remote: Remote
beforeAll(async () => {
  remote = await Remote.start()
})
afterAll(() => remote.stop())

test('a browser loads a page of two hundred files through the tunnel, each right', async () => {
  const files = Array.from({ length: 200 }, (_, i) => noise(500 + i * 200))
  const page = `<!doctype html><title>files</title><script type="module">
    const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
    const load = async (i) => {
      const response = await fetch('/file/' + i)
      return hex(await crypto.subtle.digest('SHA-256', await response.arrayBuffer()))
    }
    window.digests = await Promise.all(Array.from({ length: 200 }, (_, i) => load(i)))
  </script>`
  const server = http.createServer((request, answer) => {
    const file = files[Number(/^\/file\/(\d+)$/.exec(request.url ?? '')?.[1])]
    if (!file) answer.setHeader('content-type', 'text/html')
    answer.end(file ?? page)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  await remote.set({ agent: { ports: { 80: (server.address() as { port: number }).port } }, delay: 5 })
  const { forward, notices } = await forwarding(remote)
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--disable-background-networking'],
  })
  try {
    const tab = await browser.newPage()
    await tab.goto(`http://localhost:${forward.port}/`)
    // In the browser: TypeScript does not know its window.
    await tab.waitForFunction('window.digests?.length === 200')
    expect(await tab.evaluate('window.digests')).toEqual(files.map(digest))
    // Closed in the middle of a load, and opened again: nothing is left over that would get in the way.
    await remote.break('kill')
    await tab.reload({ waitUntil: 'commit' })
    await tab.goto(tab.url())
    await tab.waitForFunction('window.digests?.length === 200')
    expect(await tab.evaluate('window.digests')).toEqual(files.map(digest))
    expect(notices.map(({ type }) => type)).toEqual(['broken', 'resumed'])
  } finally {
    await browser.close()
    await forward.close()
    server.close()
  }
}, 60_000)
