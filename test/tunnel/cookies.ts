import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, pinnedCaddy } from '../support/authority.js'
import { until } from './local.js'

const folder = new URL('../../templates/caddy/', import.meta.url).pathname

/** LibreChat's login as far as a browser sees it: a page that is logged in when its cookie comes back. */
function libreChat(): Server {
  const sessions = new Set<string>()
  const page = `<!doctype html><title>?</title><script type="module">
    window.logIn = async () => (await fetch('/api/auth/login', { method: 'POST' })).status
    const { status } = await fetch('/api/auth/refresh', { method: 'POST' })
    document.title = status === 200 ? 'logged in' : 'logged out'
  </script>`
  return createServer(({ url, headers }, answer) => {
    if (url === '/api/auth/login') {
      const id = `token${sessions.size}`
      sessions.add(id)
      // As setAuthTokens of LibreChat's AuthService sets them in production.
      const how = 'Path=/; HttpOnly; Secure; SameSite=Strict'
      answer.setHeader('set-cookie', [
        `refreshToken=${id}; Max-Age=604800; ${how}`,
        `token_provider=librechat; Max-Age=604800; ${how}`,
      ])
    } else if (url === '/api/auth/refresh') {
      const tokens = [...(headers.cookie ?? '').matchAll(/refreshToken=(\w+)/g)].map(
        ([, token = '']) => token,
      )
      answer.statusCode = tokens.some((token) => sessions.has(token)) ? 200 : 403
    } else answer.setHeader('content-type', 'text/html')
    answer.end(url === '/' ? page : '')
  })
}

/** The host's Caddy as the template configures it, on other ports, in front of a stand-in for LibreChat. */
export class HostsCaddy {
  private constructor(
    private readonly work: string,
    private readonly librechat: Server,
    private readonly caddy: ChildProcess,
    /** Where the host's loopback port and port 443 are. */
    readonly ports: { plain: number; https: number },
  ) {}

  static async start(): Promise<HostsCaddy> {
    const work = mkdtempSync(join(tmpdir(), 'librechat-lab-cookies-'))
    const librechat = libreChat().listen(0, '127.0.0.1')
    await new Promise((resolve) => librechat.once('listening', resolve))
    const ports = { plain: await freePort(), https: await freePort() }
    const env = { ...process.env, HOME: work, XDG_DATA_HOME: work, XDG_CONFIG_HOME: work }
    const file = join(work, 'caddy.json')
    writeFileSync(file, adapted((librechat.address() as AddressInfo).port, ports))
    const caddy = spawn(pinnedCaddy(), ['run', '--config', file], { env, stdio: 'ignore' })
    const host = new HostsCaddy(work, librechat, caddy, ports)
    await until('Caddy', () => answers(ports.plain))
    return host
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.caddy.once('exit', resolve))
    this.caddy.kill()
    await ended
    this.librechat.closeAllConnections()
    await new Promise((resolve) => this.librechat.close(resolve))
    rmSync(this.work, { recursive: true, force: true })
  }
}

function adapted(upstream: number, { plain, https }: HostsCaddy['ports']): string {
  const address = { LAB_ADDRESS: '203.0.113.7', LAB_SITE: '203.0.113.7', LAB_CERTIFICATE: 'address' }
  const env = { ...process.env, ...address, LAB_ACME_EMAIL: '' }
  const argv = ['adapt', '--adapter', 'caddyfile', '--config', 'Caddyfile']
  const config = JSON.parse(execFileSync(pinnedCaddy(), argv, { cwd: folder, env, encoding: 'utf8' }))
  const { http } = config.apps
  http.https_port = https
  for (const [name, server] of Object.entries<{ listen: string[] }>(http.servers)) {
    const port = { ':8080': plain, ':443': https }[server.listen[0] ?? '']
    if (port === undefined) delete http.servers[name]
    else server.listen = [`127.0.0.1:${port}`]
  }
  return JSON.stringify(config).replaceAll('librechat:3080', `127.0.0.1:${upstream}`)
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    request({ port, host: '127.0.0.1', headers: { host: 'localhost' }, agent: false }, (response) => {
      response.resume()
      resolve(true)
    })
      .on('error', () => resolve(false))
      .end()
  })
