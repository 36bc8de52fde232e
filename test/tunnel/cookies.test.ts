import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openChromium, openFirefox, openLikeSafari, type Window } from './browsers.js'
import { HostsCaddy } from './cookies.js'
import { forwarding, until } from './local.js'
import { Remote } from './remote.js'

/** A program that these tests need; missing under CI is an error. */
const has = (program: string): boolean => {
  const there = spawnSync(program, ['--version']).status === 0
  if (!there && process.env.CI === 'true') throw new Error(`CI=true, and ${program} is missing`)
  return there
}

const browsers: [name: string, there: boolean, open: () => Promise<Window>][] = [
  ['Chromium', has(process.env.CHROMIUM ?? 'chromium'), openChromium],
  ['Firefox', has('firefox-esr'), openFirefox],
]

describe('a login through the tunnel', () => {
  let remote: Remote
  let host: HostsCaddy
  const urls = { plain: '', https: '' }
  const closing: (() => Promise<void>)[] = []
  beforeAll(async () => {
    ;[remote, host] = await Promise.all([Remote.start(), HostsCaddy.start()])
    await remote.set({ agent: { ports: { 8080: host.ports.plain, 443: host.ports.https } } })
    const plain = await forwarding(remote, { remotePort: 8080 })
    const https = await forwarding(remote, { remotePort: 443 })
    closing.push(
      () => plain.forward.close(),
      () => https.forward.close(),
    )
    urls.plain = `http://localhost:${plain.forward.port}/`
    urls.https = `https://localhost:${https.forward.port}/`
  })
  afterAll(async () => {
    for (const close of closing) await close()
    await Promise.all([remote.stop(), host.stop()])
  })

  async function visit(window: Window, url: string): Promise<unknown> {
    await window.open(url)
    await until('the page', async () => (await window.run('document.title')) !== '?')
    return await window.run('document.title')
  }

  for (const [name, there, open] of browsers) {
    it.skipIf(!there)(
      `outlasts a reload in ${name}, over HTTPS and without it, one after the other${there ? '' : ' (not run: no browser)'}`,
      async () => {
        const window = await open()
        try {
          for (const url of [urls.plain, urls.https, urls.plain]) {
            await visit(window, url)
            expect(await window.run('window.logIn()')).toBe(200)
            expect(await visit(window, url), url).toBe('logged in')
          }
        } finally {
          await window.close()
        }
      },
    )
  }

  it('outlasts a reload without HTTPS in a browser that keeps Secure cookies of HTTPS alone', async () => {
    const window = await openLikeSafari()
    expect(await visit(window, urls.plain)).toBe('logged out')
    await window.run('window.logIn()')
    expect(await visit(window, urls.plain)).toBe('logged in')
  })
})
