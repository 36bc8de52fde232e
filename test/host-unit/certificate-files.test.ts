import { execFileSync, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'

const program = new URL('../../templates/bin/certificate', import.meta.url).pathname
const address = '203.0.113.7'
let work: string
let folder: string

const certificate = (key: string, out: string) => {
  const names = ['-subj', `/CN=${address}`, '-addext', `subjectAltName=IP:${address}`]
  const made = ['req', '-x509', '-key', key, '-days', '6', ...names, '-out', out]
  execFileSync('openssl', made, { stdio: 'ignore' })
}
const makeKey = (path: string): string => {
  const made = ['genpkey', '-algorithm', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', path]
  execFileSync('openssl', made, { stdio: 'ignore' })
  return readFileSync(path, 'utf8')
}

/** Every line of Caddy's that says how an attempt ended. */
const attempt = (at: number, detail: string, identifier = address) =>
  `${JSON.stringify({ logger: 'tls.obtain', msg: 'could not get certificate from issuer', ts: at / 1000, identifier, error: detail })}\n`

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'librechat-lab-certificate-files-'))
  onTestFinished(() => rmSync(work, { recursive: true, force: true }))
  folder = join(work, 'volume/caddy/certificates/acme', address)
  for (const one of [folder, join(work, 'state'), join(work, 'bin')]) mkdirSync(one, { recursive: true })
  writeFileSync(
    join(work, 'bin/docker'),
    `#!/bin/sh
case "$1 $2" in
  'info -f') echo /var/lib/docker ;;
  'volume inspect') echo '${work}/volume' ;;
  'ps -q') cat '${work}/container' 2>/dev/null ;;
  'inspect -f') cat '${work}/started' ;;
  'logs '*) cat '${work}/caddy.log' >&2 ;;
  'exec '*) echo reload >>'${work}/reloads'; cat '${work}/after-reload' >>'${work}/caddy.log' 2>/dev/null || true ;;
  *) exit 1 ;;
esac
`,
  )
  chmodSync(join(work, 'bin/docker'), 0o755)
  configure(address)
})

const configure = (site: string) =>
  writeFileSync(join(work, '.env'), `LAB_CERTIFICATE=trusted\nLAB_ADDRESS=${site}\n`)

function look({ wait = '', days = 0 } = {}): string {
  // The host's clock, wrong by some days.
  const clock = `import sys, time\nt = time.time\ntime.time = lambda: t() + ${days * 86400}\nsys.argv = sys.argv[1:]\nexec(compile(open(sys.argv[0]).read(), sys.argv[0], "exec"))`
  const env = { ...process.env, LAB: work, PATH: `${work}/bin:${process.env.PATH}` }
  const argv = ['-c', clock, program, ...(wait ? ['--wait', wait] : [])]
  const { status, stdout, stderr } = spawnSync('python3', argv, { env, encoding: 'utf8', timeout: 15_000 })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  return stdout.trim()
}

const served = () =>
  readdirSync(join(work, 'served')).map((name) => readFileSync(join(work, 'served', name), 'utf8'))
const own = () => readFileSync(join(work, 'served/2-own.pem'), 'utf8')
const state = () => JSON.parse(readFileSync(join(work, 'state/certificate.json'), 'utf8'))

describe('the certificate that a captured proxy plants in its volume', () => {
  let secret: string
  const [crt, key] = [() => join(folder, `${address}.crt`), () => join(folder, `${address}.key`)]
  beforeEach(() => {
    secret = makeKey(join(work, 'secret.key'))
    certificate(join(work, 'secret.key'), crt())
  })
  const expectNothing = () => {
    look()
    expect(served().join('')).not.toContain(secret.split('\n')[1])
    expect(existsSync(join(work, 'served/1-trusted.pem'))).toBe(false)
  }

  it('is served where it is an honest one', () => {
    writeFileSync(key(), secret)
    look()
    expect(readFileSync(join(work, 'served/1-trusted.pem'), 'utf8')).toContain(secret)
  })

  it('takes no key of the host along by a link', () => {
    symlinkSync(join(work, 'secret.key'), key())
    expectNothing()
  })

  it.each(['acme', `acme/${address}`])(
    'takes no key of the host along by a link in place of the folder %s',
    (name) => {
      const there = join(work, 'volume/caddy/certificates', name)
      const elsewhere = join(work, 'elsewhere')
      writeFileSync(key(), secret)
      execFileSync('mv', [there, elsewhere])
      symlinkSync(elsewhere, there)
      expectNothing()
    },
  )

  it.each(['crt', 'key'])('does not hold the host up with a pipe as its .%s', (end) => {
    writeFileSync(key(), secret)
    rmSync(join(folder, `${address}.${end}`))
    execFileSync('python3', [
      '-c',
      'import os, sys; os.mkfifo(sys.argv[1])',
      join(folder, `${address}.${end}`),
    ])
    expectNothing()
  })

  it('takes no key along but its own', () => {
    const other = makeKey(join(work, 'other.key'))
    writeFileSync(key(), secret + other)
    appendFileSync(crt(), other)
    look()
    const copied = readFileSync(join(work, 'served/1-trusted.pem'), 'utf8')
    expect(copied).toContain(secret)
    expect(copied).not.toContain(other.split('\n')[1])
  })

  it('is not read where it is too large', () => {
    writeFileSync(key(), secret + ' '.repeat(70_000))
    expectNothing()
  })
})

describe('waiting for a trusted certificate', () => {
  const log = (text: string) => writeFileSync(join(work, 'caddy.log'), text)
  /** As the stack stage does: the files are there when the proxy starts. */
  const begin = (minutesAgo: number) => {
    look()
    writeFileSync(join(work, 'container'), 'one')
    writeFileSync(join(work, 'started'), new Date(Date.now() - minutesAgo * 60_000).toISOString())
  }

  it('ends at once if the attempt that the proxy made at its start has failed', () => {
    begin(0.1)
    log(attempt(Date.now() - 4000, 'connection refused'))
    expect(look({ wait: '45' })).toMatch(/no valid trusted certificate/)
    expect(state().last).toMatchObject({ result: 'failed', detail: 'connection refused' })
    expect(look({ wait: '45' })).toMatch(/no valid trusted certificate/)
  })

  it('has the proxy try again if the last attempt was long ago', () => {
    begin(300)
    log(attempt(Date.now() - 60 * 60_000, 'port 80 is closed'))
    writeFileSync(join(work, 'after-reload'), attempt(Date.now() + 3000, 'port 80 is still closed'))
    expect(look({ wait: '45' })).toMatch(/no valid trusted certificate/)
    expect(readFileSync(join(work, 'reloads'), 'utf8')).toBe('reload\n')
    expect(state().last.detail).toBe('port 80 is still closed')
  })

  it('finds the last attempt among other lines, whatever they hold', () => {
    begin(1)
    const noise = `${JSON.stringify({ level: 'warn', msg: 'looking up info for HTTP challenge', host: address })}\n`
    const forged = [
      '{"identifier"',
      '{"identifier":1,"msg":[],"ts":"x"}',
      `{"identifier":"${address}","msg":"certificate obtained successfully","ts":1e300}`,
    ]
    log(`${attempt(Date.now() - 4000, 'refused')}${forged.join('\n')}\n${noise.repeat(2000)}`)
    look()
    expect(state().last).toMatchObject({ result: 'failed', detail: 'refused' })
  })

  it('says nothing about the attempts for an earlier address', () => {
    begin(1)
    log(attempt(Date.now() - 4000, 'refused'))
    look()
    configure('203.0.113.8')
    look()
    expect(state().last).toBeUndefined()
  })
})

describe('the lab’s own certificate', () => {
  it.each([-1, 2000])('is the same again after the clock was wrong by %d days', (days) => {
    look()
    const before = own()
    look({ days })
    look()
    expect(own()).toBe(before)
  })

  it('is made again where a power cut has emptied its file', () => {
    look()
    writeFileSync(join(work, 'served/2-own.pem'), '')
    look()
    expect(own()).toContain('PRIVATE KEY')
  })
})
