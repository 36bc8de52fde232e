import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { request } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { freePort, pinnedCaddy, until } from '../support/authority.js'

const templates = new URL('../../templates/', import.meta.url).pathname
const { mem_limit, ulimits } = parse(readFileSync(join(templates, 'compose.yaml'), 'utf8')).services.proxy
const memory = Number.parseInt(mem_limit, 10) * 1024 ** 2
const work = mkdtempSync(join(tmpdir(), 'librechat-lab-flood-'))
const address = '127.0.0.4'
const ports = { http: 0, https: 0 }
let librechat: Server
let caddy: ChildProcess

/** The template's configuration with this test's ports, and LibreChat's place taken by this test. */
function configured(program: string, upstream: number): string {
  const env = { ...process.env, LAB_ADDRESS: address, LAB_SITE: address, LAB_CERTIFICATE: 'address' }
  const argv = ['adapt', '--adapter', 'caddyfile', '--config', 'Caddyfile']
  const options = {
    cwd: join(templates, 'caddy'),
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }
  const config = JSON.parse(execFileSync(program, argv, options as { encoding: 'utf8' }))
  const { http } = config.apps
  for (const [name, server] of Object.entries<{ listen: string[] }>(http.servers)) {
    const port = { ':443': ports.https, ':80': ports.http }[server.listen[0] ?? '']
    if (port === undefined) delete http.servers[name]
    else server.listen = [`${address}:${port}`]
  }
  Object.assign(http, { http_port: ports.http, https_port: ports.https })
  return JSON.stringify(config).replaceAll('librechat:3080', `127.0.0.1:${upstream}`)
}

/** Many headers with short names cost Caddy most, a hundred times what they weigh. */
function shortHeaders(size: number): string {
  const letters = [...'abcdefghijklmnopqrstuvwxyz0123456789']
  const names = letters.flatMap((one) =>
    letters.flatMap((two) => [`${one}${two}`, ...letters.map((three) => `${one}${two}${three}`)]),
  )
  const wanted = names.toSorted((one, other) => one.length - other.length)
  return `GET / HTTP/1.1\r\nHost: x\r\n${wanted.join(':\n')}`.slice(0, size)
}

/** Opens connections to port 80, sends each the same, and replaces those that are closed; returns the most memory meanwhile. */
async function flood(connections: number, sent: string, seconds: number): Promise<number> {
  const sockets = new Set<Socket>()
  const open = () => {
    const socket = connect(ports.http, address, () => socket.write(sent))
    sockets.add(socket)
    socket
      .on('error', () => {})
      .on('close', () => sockets.delete(socket))
      .resume()
  }
  let most = 0
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) {
    for (let missing = Math.min(connections - sockets.size, 200); missing > 0; missing--) open()
    most = Math.max(most, used())
  }
  for (const socket of sockets) socket.destroy()
  return most
}

/** What can't be dropped from memory when it is scarce. */
function used(): number {
  const status = readFileSync(`/proc/${caddy.pid}/status`, 'utf8')
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}

const asked = (path: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) =>
    request({ host: address, port: ports.https, path, rejectUnauthorized: false, agent: false }, resolve)
      .on('error', reject)
      .end(),
  )

describe('a flood of port 80, which is open to everybody with a public certificate', () => {
  beforeAll(async () => {
    librechat = createServer((_, response) => {
      response.write('first ')
      const last = setTimeout(() => response.end('last'), 5500)
      response.on('close', () => clearTimeout(last))
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => librechat.once('listening', resolve))
    for (const port of ['http', 'https'] as const) ports[port] = await freePort(address)
    const program = pinnedCaddy()
    writeFileSync(join(work, 'caddy.json'), configured(program, (librechat.address() as AddressInfo).port))
    // As in a container with this limit: Caddy tells Go nine tenths of it.
    const env = {
      ...process.env,
      HOME: work,
      XDG_DATA_HOME: work,
      XDG_CONFIG_HOME: work,
      GOMEMLIMIT: `${Math.floor(memory * 0.9)}`,
    }
    const start = `ulimit -n ${ulimits?.nofile ?? '$(ulimit -Hn)'}; exec '${program}' run --config '${work}/caddy.json'`
    caddy = spawn('sh', ['-c', start], { env, stdio: 'ignore' })
    await until('Caddy', () =>
      asked('/').then(
        (answer) => Boolean(answer.destroy()),
        () => false,
      ),
    )
  }, 300_000)
  afterAll(async () => {
    caddy.kill()
    librechat.closeAllConnections()
    await new Promise((resolve) => librechat.close(resolve))
    rmSync(work, { recursive: true, force: true })
  })

  it('neither fills the proxy’s memory nor cuts a running answer', { timeout: 30_000 }, async () => {
    const answer = await asked('/api/agents/chat/stream/1')
    const kinds = {
      'no request': [3000, ''],
      'one long header': [200, `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(900_000)}`],
      'many headers': [1500, shortHeaders(5100)],
    } as const
    for (const [kind, [connections, sent]] of Object.entries(kinds))
      expect(await flood(connections, sent, 1.5), kind).toBeLessThan(memory * 0.9)
    expect(Buffer.concat(await answer.toArray()).toString()).toBe('first last')
  })
})
