import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { WebSocket } from 'ws'

/** One window of a browser that has accepted the lab's own certificate. */
export interface Window {
  open(url: string): Promise<void>
  /** Runs an expression in the page; its value. */
  run(expression: string): Promise<unknown>
  close(): Promise<void>
}

export async function openChromium(): Promise<Window> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--disable-background-networking'],
  })
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const tab = await context.newPage()
  return {
    open: async (url) => void (await tab.goto(url)),
    run: (expression) => tab.evaluate(expression),
    close: () => browser.close(),
  }
}

/** Firefox as its distributor builds it, over WebDriver BiDi: https://w3c.github.io/webdriver-bidi/ */
export async function openFirefox(): Promise<Window> {
  const profile = mkdtempSync(join(tmpdir(), 'librechat-lab-firefox-'))
  const argv = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0']
  const env = { ...process.env, HOME: profile, MOZ_DISABLE_AUTO_SAFE_MODE: '1' }
  const firefox = spawn('firefox-esr', argv, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  const bidi = await Bidi.connect(await addressOf(firefox))
  await bidi.send('session.new', { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } })
  const { contexts } = await bidi.send<{ contexts: { context: string }[] }>('browsingContext.getTree', {})
  const context = contexts[0]?.context
  return {
    open: async (url) =>
      void (await bidi.send('browsingContext.navigate', { context, url, wait: 'complete' })),
    async run(expression) {
      const answer = await bidi.send<{ result: { value?: unknown }; exceptionDetails?: { text: string } }>(
        'script.evaluate',
        { expression, awaitPromise: true, target: { context } },
      )
      if (answer.exceptionDetails) throw new Error(answer.exceptionDetails.text)
      return answer.result.value
    },
    async close() {
      bidi.close()
      const ended = once(firefox, 'exit')
      firefox.kill()
      await ended
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Where Firefox waits for a client, as it says on standard error. */
const addressOf = (firefox: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    let said = ''
    firefox.once('error', reject)
    firefox.once('exit', () => reject(new Error(`Firefox ended: ${said}`)))
    firefox.stderr?.on('data', (data) => {
      said += data
      const url = /WebDriver BiDi listening on (ws:\S+)/.exec(said)?.[1]
      if (url) resolve(`${url}/session`)
    })
  })

class Bidi {
  private next = 1
  private readonly waiting = new Map<number, (answer: { error?: string; message?: string }) => void>()

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data) => {
      const answer = JSON.parse(String(data))
      this.waiting.get(answer.id)?.(answer)
      this.waiting.delete(answer.id)
    })
  }

  static async connect(url: string): Promise<Bidi> {
    const socket = new WebSocket(url)
    await once(socket, 'open')
    return new Bidi(socket)
  }

  send<Result>(method: string, params: object): Promise<Result> {
    const id = this.next++
    return new Promise((resolve, reject) => {
      this.waiting.set(id, (answer) => {
        if (answer.error) reject(new Error(`${method}: ${answer.message}`))
        else resolve((answer as { result: Result }).result)
      })
      this.socket.send(JSON.stringify({ id, method, params }))
    })
  }

  close(): void {
    this.socket.close()
  }
}

/**
 * Safari as far as cookies go: it keeps no Secure cookie of a page without TLS, not even of localhost. It runs only
 * what the stand-in's page does. https://bugs.webkit.org/show_bug.cgi?id=232088
 */
export async function openLikeSafari(): Promise<Window> {
  const cookies = new Map<string, string>()
  let at = ''
  let title = ''
  const post = (path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      request(new URL(path, at), { method: 'POST', headers: { cookie }, agent: false }, (response) => {
        response.resume()
        for (const set of response.headers['set-cookie'] ?? []) {
          const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? []
          if (!/;\s*secure/i.test(set)) cookies.set(name, value)
        }
        resolve(response.statusCode ?? 0)
      })
        .on('error', reject)
        .end()
    })
  return {
    async open(url) {
      at = url
      title = (await post('/api/auth/refresh')) === 200 ? 'logged in' : 'logged out'
    },
    run: async (expression) => (expression === 'document.title' ? title : await post('/api/auth/login')),
    close: async () => {},
  }
}
