import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Authority, freePort, pinnedCaddy, until } from '../support/authority.js'

const templates = new URL('../../templates/', import.meta.url).pathname
const work = mkdtempSync(join(tmpdir(), 'librechat-lab-certificate-'))
const program = join(templates, 'bin/certificate')
const address = '127.0.0.2'
/** Seconds; Caddy renews when a third is left. */
const validity = 12

let caddyProgram: string
let caddy: ChildProcess | undefined
let restarting = false
let authority: Authority
const ports = { http: 0, https: 0, validation: 0 }

/** What the program asks of Docker, of which this machine needs none. */
function shimDocker(): void {
  const text = `#!/bin/sh
case "$1 $2" in
  'info -f') echo /var/lib/docker/0.0 ;;
  'volume inspect') echo '${work}/volume' ;;
  'ps -q') cat '${work}/container' 2>/dev/null ;;
  'logs '*) cat '${work}/caddy.log' >&2 ;;
  'inspect -f') cat '${work}/started' ;;
  'exec '*) exec '${caddyProgram}' reload --config '${work}/caddy.json' --address 'unix/${work}/admin.sock' --force ;;
  *) exit 1 ;;
esac
`
  mkdirSync(join(work, 'bin'))
  writeFileSync(join(work, 'bin/docker'), text)
  chmodSync(join(work, 'bin/docker'), 0o755)
}

/** The template's configuration with this test's ports, folders and authority, and a clock that is looked at each second. */
function configure(site: string): void {
  const env = { ...process.env, LAB_ADDRESS: site, LAB_SITE: site, LAB_CERTIFICATE: 'trusted' }
  const argv = ['adapt', '--adapter', 'caddyfile', '--config', 'Caddyfile']
  const cwd = join(templates, 'caddy')
  const config = JSON.parse(
    execFileSync(caddyProgram, argv, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  )
  const { http, tls } = config.apps
  for (const [name, server] of Object.entries<{ listen: string[] }>(http.servers)) {
    const port = { ':443': ports.https, ':80': ports.http }[server.listen[0] ?? '']
    if (port === undefined) delete http.servers[name]
    else server.listen = [`${address}:${port}`]
  }
  Object.assign(http, { http_port: ports.http, https_port: ports.https })
  tls.automation.renew_interval = 1_000_000_000
  for (const policy of tls.automation.policies)
    for (const issuer of policy.issuers)
      if (issuer.module === 'acme') {
        expect(issuer).toMatchObject({
          profile: 'shortlived',
          challenges: { 'tls-alpn': { disabled: true } },
        })
        Object.assign(issuer, { ca: authority.directory, trusted_roots_pem_files: [authority.rootFile] })
      }
  config.admin = { listen: `unix/${work}/admin.sock` }
  writeFileSync(
    join(work, 'caddy.json'),
    JSON.stringify(config).replace('"/served"', JSON.stringify(join(work, 'served'))),
  )
  writeFileSync(join(work, '.env'), `LAB_CERTIFICATE=trusted\nLAB_ADDRESS=${site}\n`)
}

/** One look of the program, as its timer and the stack stage make it. */
async function look(...argv: string[]): Promise<string> {
  const env = { ...process.env, LAB: work, PATH: `${work}/bin:${process.env.PATH}` }
  const { stdout, stderr } = await promisify(execFile)('python3', [program, ...argv], { env })
  expect(stderr).toBe('')
  return stdout.trim()
}

const state = () => JSON.parse(readFileSync(join(work, 'state/certificate.json'), 'utf8'))

/** As after the thirty days in which Caddy tries: it begins anew. */
async function anew(): Promise<void> {
  writeFileSync(join(work, 'caddy.log'), '')
  writeFileSync(join(work, 'state/certificate.json'), JSON.stringify({ ...state(), tried: 0 }))
  await look()
}

async function restart(): Promise<void> {
  restarting = true
  await stopCaddy()
  writeFileSync(join(work, 'caddy.log'), '')
  const env = { ...process.env, HOME: work, XDG_DATA_HOME: join(work, 'volume'), XDG_CONFIG_HOME: work }
  const log = join(work, 'caddy.log')
  writeFileSync(join(work, 'started'), new Date().toISOString())
  caddy = spawn('sh', ['-c', `exec '${caddyProgram}' run --config '${work}/caddy.json' 2>>'${log}'`], {
    env,
    stdio: 'ignore',
  })
  writeFileSync(join(work, 'container'), `${caddy.pid}`)
  await until('Caddy', async () => (await served()) !== undefined)
  restarting = false
}

async function stopCaddy(): Promise<void> {
  if (!caddy) return
  const ended = new Promise((resolve) => caddy?.once('exit', resolve))
  caddy.kill()
  await ended
  caddy = undefined
}

/** The certificate that a visitor of the bare address is shown, or why the handshake failed. */
const shown = (): Promise<X509Certificate | string> =>
  new Promise((resolve) => {
    const socket = connect({ host: address, port: ports.https, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate() ?? 'no certificate')
      socket.destroy()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })

const served = async (): Promise<X509Certificate | undefined> => {
  const one = await shown()
  return typeof one === 'string' ? undefined : one
}

const isTrusted = (one: X509Certificate | undefined) => /Pebble/.test(one?.issuer ?? '')
const isValid = (one: X509Certificate | undefined, margin = 0) =>
  one !== undefined &&
  Date.parse(one.validTo) > Date.now() + margin &&
  Date.parse(one.validFrom) <= Date.now()
const copied = () => {
  try {
    return new X509Certificate(readFileSync(join(work, 'served/1-trusted.pem')))
  } catch {
    return undefined
  }
}
const own = () => new X509Certificate(readFileSync(join(work, 'served/2-own.pem')))

/** The copy of the trusted one, once Caddy is known to have loaded it. */
function loaded(): X509Certificate | undefined {
  try {
    const pem = readFileSync(join(work, 'served/1-trusted.pem'))
    const isLoaded = state().loaded.includes(createHash('sha256').update(pem).digest('hex'))
    return isLoaded ? new X509Certificate(pem) : undefined
  } catch {
    return undefined
  }
}

/** Every handshake while the tests go on, and which of them did not show the best certificate that there was. */
class Visitor {
  readonly complaints: string[] = []
  /** Handshakes that showed a certificate. */
  shown = 0
  private resets = 0
  private going = true
  private readonly ended = this.visit()

  private async visit(): Promise<void> {
    while (this.going) {
      const [begun, best, wasUp] = [Date.now(), loaded(), !restarting]
      const seen = await shown()
      if (wasUp && !restarting) this.judge(seen, best, begun)
      if (typeof seen !== 'string') this.shown++
      await sleep(100)
    }
  }

  private judge(seen: X509Certificate | string, best: X509Certificate | undefined, begun: number): void {
    // A connection that waits to be accepted while Caddy loads again is reset, and browsers make another. What is
    // reset again and again is down.
    this.resets = seen === 'ECONNRESET' ? this.resets + 1 : 0
    if (this.resets === 1 || this.resets === 2) return
    if (typeof seen === 'string') this.complaints.push(seen)
    // The handshake was somewhere between then and now, and a certificate is valid in its last second too.
    else if (Date.parse(seen.validTo) + 1000 < begun) this.complaints.push(`ended at ${seen.validTo}`)
    else if (best && isValid(best) && !isTrusted(seen))
      this.complaints.push('the own one beside a valid trusted one')
  }

  async leave(): Promise<void> {
    this.going = false
    await this.ended
  }
}

// Certificates of twelve seconds are waited for.
describe('a trusted certificate for the address', { timeout: 90_000 }, () => {
  let visitor: Visitor
  beforeAll(async () => {
    caddyProgram = pinnedCaddy()
    for (const port of ['http', 'https', 'validation'] as const) ports[port] = await freePort(address)
    for (const folder of ['volume', 'state']) mkdirSync(join(work, folder))
    shimDocker()
    authority = await Authority.start({
      work,
      validity,
      address,
      validationPort: ports.validation,
      http: ports.http,
    })
    configure(address)
    // The first run installs Caddy and builds Pebble.
  }, 300_000)
  afterAll(async () => {
    await visitor?.leave()
    await stopCaddy()
    await authority?.stop()
    rmSync(work, { recursive: true, force: true })
  })

  it('serves the lab’s own certificate from the first moment, while the authority is down', async () => {
    authority.mode = 'down'
    await look()
    await restart()
    visitor = new Visitor()
    expect(await look('--wait', '20')).toMatch(/no valid trusted certificate/)
    expect(state().last).toMatchObject({ result: 'failed' })
    expect((await served())?.fingerprint256).toBe(own().fingerprint256)
    expect(own().checkIP(address)).toBe(address)
  })

  it('keeps serving it while the authority limits orders, and says so', async () => {
    authority.mode = 'rate-limited'
    await anew()
    await until('the refusal', async () => {
      await look()
      return /too many certificates/.test(state().last.detail)
    })
    expect((await served())?.fingerprint256).toBe(own().fingerprint256)
  })

  it('keeps serving it while port 80 is closed, and says so', async () => {
    authority.mode = 'up'
    authority.reachesPort80 = false
    await anew()
    await until('the failed challenge', async () => {
      await look()
      return (
        /validat|connect|fetch|EOF|reset/i.test(state().last.detail) && !/too many/.test(state().last.detail)
      )
    })
    expect((await served())?.fingerprint256).toBe(own().fingerprint256)
  })

  it('serves the trusted one as soon as it is issued, and the renewed one after it', async () => {
    authority.reachesPort80 = true
    await anew()
    expect(await look('--wait', '20')).toBe('a trusted certificate serves')
    await until('the trusted certificate', async () => isTrusted(await served()))
    expect(state().last).toMatchObject({ result: 'issued' })
    const first = await served()
    expect(first?.checkIP(address)).toBe(address)
    await until('the renewal', async () => {
      await look()
      const seen = await served()
      return isTrusted(seen) && seen?.fingerprint256 !== first?.fingerprint256
    })
  })

  it('never replaces a valid trusted one while renewal fails, then serves its own, also after a restart, and comes back', async () => {
    authority.mode = 'down'
    await until('a failed renewal', async () => {
      await look()
      return state().last.result === 'failed'
    })
    const last = copied()
    await restart()
    await until('the end of the last one', () => !isValid(last))
    await sleep(1100)
    expect((await served())?.fingerprint256).toBe(own().fingerprint256)
    await look()
    expect((await served())?.fingerprint256).toBe(own().fingerprint256)
    authority.mode = 'up'
    await anew()
    expect(await look('--wait', '20')).toBe('a trusted certificate serves')
    await until('the trusted certificate', async () => isTrusted(await served()))
  })

  it('does not use one with another key, or one that is not valid yet, such as with a wrong clock', async () => {
    authority.mode = 'down'
    const folder = join(work, 'volume/caddy/certificates/elsewhere', address)
    mkdirSync(folder, { recursive: true })
    const file = (end: string) => join(folder, `${address}.${end}`)
    const openssl = (...argv: string[]) => execFileSync('openssl', argv, { cwd: work, stdio: 'ignore' })
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    openssl('req', ...key, '-subj', '/CN=wrong', '-keyout', file('key'), '-out', 'request.pem')
    const config = '[ca]\ndefault_ca=one\n[one]\ndatabase=index\nserial=serial\npolicy=any\n'
    writeFileSync(
      join(work, 'ca.conf'),
      `${config}default_md=sha256\nnew_certs_dir=.\nx509_extensions=ext\n[any]\ncommonName=supplied\n[ext]\nsubjectAltName=IP:${address}\n`,
    )
    writeFileSync(join(work, 'index'), '')
    writeFileSync(join(work, 'serial'), '01')
    const dates = ['-startdate', '20400101000000Z', '-enddate', '20410101000000Z']
    const made = ['-in', 'request.pem', '-keyfile', file('key'), '-out', file('crt'), '-notext', '-batch']
    openssl('ca', '-selfsign', '-config', 'ca.conf', ...dates, ...made)
    await look()
    const seen = await served()
    expect(isValid(seen)).toBe(true)
    expect(seen?.subject).not.toBe('CN=wrong')

    openssl('genpkey', '-algorithm', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', file('key'))
    rmSync(join(work, 'served/1-trusted.pem'), { force: true })
    await look()
    expect(copied()?.subject).not.toBe('CN=wrong')
    rmSync(folder, { recursive: true })
  })

  it('serves the new address after a change of address, and nothing of the old one', async () => {
    await visitor.leave()
    expect(visitor.complaints).toEqual([])
    expect(visitor.shown).toBeGreaterThan(50)
    authority.mode = 'down'
    configure('127.0.0.3')
    await look()
    await restart()
    const shown = await served()
    expect(shown?.checkIP('127.0.0.3')).toBe('127.0.0.3')
    expect(shown?.fingerprint256).toBe(own().fingerprint256)
    expect(copied()).toBeUndefined()
  })

  it('leaves no key behind when none is wanted any longer', async () => {
    writeFileSync(join(work, '.env'), `LAB_CERTIFICATE=address\nLAB_ADDRESS=${address}\n`)
    await look()
    expect(copied()).toBeUndefined()
    expect(() => own()).toThrow(/ENOENT/)
  })
})
