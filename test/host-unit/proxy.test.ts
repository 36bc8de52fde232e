import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pinnedCaddy } from '../support/authority.js'

const folder = new URL('../../templates/caddy/', import.meta.url).pathname
const work = mkdtempSync(join(tmpdir(), 'librechat-lab-proxy-'))

const cookie = 'refreshToken=a.b; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Strict'
const ports = { redirect: 0, localhost: 0 }
let librechat: Server
let caddy: ChildProcess

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** The template's own configuration, with other ports and LibreChat's place taken by this test. */
function adapted(upstream: number): string {
  const env = {
    ...process.env,
    LAB_ADDRESS: '203.0.113.7',
    LAB_SITE: '203.0.113.7',
    LAB_CERTIFICATE: 'address',
    LAB_ACME_EMAIL: '',
  }
  const argv = ['adapt', '--adapter', 'caddyfile', '--config', 'Caddyfile']
  const config = JSON.parse(execFileSync(pinnedCaddy(), argv, { cwd: folder, env, encoding: 'utf8' }))
  const { servers } = config.apps.http
  for (const [name, server] of Object.entries<{ listen: string[] }>(servers)) {
    const port = { ':80': ports.redirect, ':8080': ports.localhost }[server.listen[0] ?? '']
    if (port === undefined) delete servers[name]
    else server.listen = [`127.0.0.1:${port}`]
  }
  delete config.apps.tls
  delete config.apps.pki
  return JSON.stringify(config)
    .replaceAll('librechat:3080', `127.0.0.1:${upstream}`)
    .replaceAll('/etc/caddy/limit', work)
}

/** One request, byte for byte as a hostile client sends it, and the answer's text. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    let answer = ''
    socket.on('data', (data) => {
      answer += data
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}

const redirected = (target: string) =>
  raw(ports.redirect, `GET ${target} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`)

const asked = (host: string): Promise<{ status: number; cookies: string[] }> =>
  new Promise((resolve, reject) => {
    const options = { port: ports.localhost, host: '127.0.0.1', headers: { host }, agent: false }
    request(options, (response) => {
      response.resume()
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, cookies: response.headers['set-cookie'] ?? [] }),
      )
    })
      .on('error', reject)
      .end()
  })

describe('the proxy', () => {
  beforeAll(async () => {
    librechat = createServer((request, response) => {
      // An answer that takes a second.
      if (request.url?.startsWith('/api/agents/chat/stream')) {
        response.write('first ')
        setTimeout(() => response.end('last'), 1000)
        return
      }
      response
        .setHeader('set-cookie', [cookie, 'token_provider=librechat; Path=/; Secure', 'plain=1'])
        .end('page')
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => librechat.once('listening', resolve))
    ports.redirect = await freePort()
    ports.localhost = await freePort()
    const file = join(work, 'caddy.json')
    writeFileSync(file, adapted((librechat.address() as AddressInfo).port))
    const env = { ...process.env, HOME: work, XDG_DATA_HOME: work, XDG_CONFIG_HOME: work }
    caddy = spawn(pinnedCaddy(), ['run', '--config', file], { env, stdio: 'ignore' })
    for (let tries = 0; tries < 200; tries++) {
      if (
        await asked('localhost').then(
          () => true,
          () => false,
        )
      )
        return
      await sleep(100)
    }
    throw new Error('Caddy did not start')
    // The first run installs Caddy.
  }, 300_000)
  afterAll(async () => {
    caddy?.kill()
    await new Promise((resolve) => (librechat ? librechat.close(resolve) : resolve(undefined)))
    rmSync(work, { recursive: true, force: true })
  })

  it.each([
    ['/', '/'],
    ['/c/new?x=1', '/c/new?x=1'],
    ['//evil.example/x', '//evil.example/x'],
    ['/\\evil.example', '/%5Cevil.example'],
    ['/%0d%0aSet-Cookie:%20x=1', '/%0d%0aSet-Cookie:%20x=1'],
    ['http://evil.example/x?y', '/x?y'],
  ])('sends a request for %s on port 80 to the lab’s own https', async (target, path) => {
    const [head = ''] = (await redirected(target)).split('\r\n\r\n')
    const location = /^Location: (.*)$/im.exec(head)?.[1] ?? ''
    expect(head).toMatch(/^HTTP\/1\.1 301 /)
    expect(new URL(location).host).toBe('203.0.113.7')
    expect(location).toBe(`https://203.0.113.7${path}`)
    expect(head).not.toMatch(/^set-cookie/im)
  })

  it.each([
    'x:@evil.example/',
    '.evil.example/',
    '@evil.example/',
    ':443@evil.example',
    'x:80/',
    '*',
    '\\evil.example',
  ])('redirects a request target that is not a path to nowhere: %s', async (target) => {
    const answer = await redirected(target)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).not.toMatch(/^location:/im)
  })

  it.each([
    'localhost',
    'localhost:8080',
    'LOCALHOST:8080',
    '127.0.0.1:8080',
    '[::1]:8080',
    '192.168.1.20:8080',
  ])('shows LibreChat at the end of a tunnel to a browser that asks for %s', async (host) =>
    expect((await asked(host)).status).toBe(200),
  )

  it.each([
    ['DELETE', '/api/user/delete', 403],
    ['DELETE', '/API/User/Delete/', 403],
    ['DELETE', '/api/convos', 200],
    ['GET', '/api/user/delete', 200],
  ])('lets nobody delete their own account, not even an admin: %s %s', async (method, path, status) => {
    const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`
    expect(await raw(ports.localhost, head)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  })

  it.each([
    'rebind.example:8080',
    'rebind.example',
    'localhost.rebind.example:8080',
    '127.0.0.1.rebind.example',
    'rebind.example:127.0.0.1',
    'evil@localhost',
    'localhost:8080.rebind.example',
    '203.0.113.7.nip.io',
  ])('shows a page that has its own name point there nothing: %s', async (host) => {
    const { status, cookies } = await asked(host)
    expect([400, 421]).toContain(status)
    expect(cookies).toEqual([])
  })

  it('marks no cookie Secure on http://localhost, where Safari drops such a cookie, and changes nothing else in it', async () => {
    expect((await asked('localhost:8080')).cookies).toEqual([
      'refreshToken=a.b; Max-Age=604800; Path=/; HttpOnly; SameSite=Strict',
      'token_provider=librechat; Path=/',
      'plain=1',
    ])
  })

  const sent = (target: string, method = 'POST') =>
    raw(ports.localhost, `${method} ${target} HTTP/1.0\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}`)

  it('takes no new message while the file of the limit is there, answers with it, and cuts nothing', async () => {
    const message = '/api/agents/chat/bedrock'
    expect(await sent(message)).toMatch(/^HTTP\/1\.\d 200 [\s\S]*page$/)
    const running = sent('/api/agents/chat/stream/1', 'GET')
    await sleep(200)
    writeFileSync(join(work, 'stopped.txt'), 'The limit is $50.00.\n')
    const targets = [
      message,
      '/api/agents/chat',
      '/api/agents/v1/chat/completions',
      '/API/agents/chat/bedrock',
      '/api//agents/chat/bedrock',
      '/api/agents/%63hat/bedrock',
      '/api/agents/chat%2Fbedrock',
      '/api/x/../agents/chat/bedrock',
    ]
    for (const target of targets)
      expect(await sent(target), target).toMatch(
        /^HTTP\/1\.\d 403 [\s\S]*text\/plain[\s\S]*The limit is \$50\.00\.\n$/,
      )
    // Everything else goes on, stopping an answer as well.
    for (const target of ['/api/agents/chat/abort', '/api/convos/update', '/api/auth/login'])
      expect(await sent(target), target).toMatch(/^HTTP\/1\.\d 200 /)
    expect(await running).toMatch(/first last$/)
    rmSync(join(work, 'stopped.txt'))
    expect(await sent(message)).toMatch(/^HTTP\/1\.\d 200 /)
  })
})
