import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
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
  'info -f') cat '${work}/root' ;;
  'volume inspect') echo '${work}/volume' ;;
  'ps -q') cat '${work}/container' 2>/dev/null ;;
  'inspect -f') cat '${work}/started' ;;
  'logs '*) cat '${work}/caddy.log' >&2 ;;
  'exec '*) echo reload >>'${work}/reloads'; [ ! -e '${work}/reload-fails' ] || exit 1; cat '${work}/after-reload' >>'${work}/caddy.log' 2>/dev/null || true ;;
  *) exit 1 ;;
esac
`,
  )
  chmodSync(join(work, 'bin/docker'), 0o755)
  writeFileSync(join(work, 'root'), '/var/lib/docker\n')
  configure(address)
})

const configure = (site: string) =>
  writeFileSync(join(work, '.env'), `LAB_CERTIFICATE=trusted\nLAB_ADDRESS=${site}\n`)

/** The program with the host's clock wrong by some days, or with its power cut before a write of a file. */
function python({ days = 0, cut = 0, wait = '' }): [string[], { env: NodeJS.ProcessEnv }] {
  const wrapped = `import os, sys, time
t, replace, writes = time.time, os.replace, []
time.time = lambda: t() + ${days * 86400}
def write(*paths):
    writes.append(paths)
    if len(writes) == ${cut}: os.kill(os.getpid(), 9)
    replace(*paths)
os.replace = write
sys.argv = sys.argv[1:]
exec(compile(open(sys.argv[0]).read(), sys.argv[0], "exec"))`
  const env = { ...process.env, LAB: work, PATH: `${work}/bin:${process.env.PATH}` }
  return [['-c', wrapped, program, ...(wait ? ['--wait', wait] : [])], { env }]
}

function look(options: { wait?: string; days?: number } = {}): string {
  const [argv, { env }] = python(options)
  const { status, stdout, stderr } = spawnSync('python3', argv, { env, encoding: 'utf8', timeout: 15_000 })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  return stdout.trim()
}

/** A look that ends early. */
function fail(options: { days?: number; cut?: number } = {}): void {
  const [argv, { env }] = python(options)
  expect(spawnSync('python3', argv, { env, timeout: 15_000 }).status).not.toBe(0)
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

/** Whether the proxy loaded its files again. */
const reloads = () =>
  existsSync(join(work, 'reloads')) ? readFileSync(join(work, 'reloads'), 'utf8').split('\n').length - 1 : 0
const starts = (at = Date.now()) => {
  writeFileSync(join(work, 'container'), 'one')
  writeFileSync(join(work, 'started'), new Date(at).toISOString())
  writeFileSync(join(work, 'caddy.log'), '')
}

describe('the lab’s own certificate', () => {
  it.each([[-1], [2000], [2000, 4000], [-1, 2000, 4000]])(
    'is the same again after the clock was wrong by %j days',
    (...days) => {
      look()
      const before = own()
      for (const wrong of days) look({ days: wrong })
      expect(own()).not.toBe(before)
      look()
      expect(own()).toBe(before)
    },
  )

  it.each([1, 2, 3])('is the same again after a power cut at write %d of going back to it', (cut) => {
    look()
    const before = own()
    look({ days: 2000 })
    const [argv, { env }] = python({ cut })
    spawnSync('python3', argv, { env })
    look()
    expect(own()).toBe(before)
  })

  it.each(['', Buffer.from([0x80, 0xff, 0xfe])])(
    'is there again where a power cut has damaged its file',
    (left) => {
      look()
      const before = own()
      writeFileSync(join(work, 'served/2-own.pem'), left)
      look()
      expect(own()).toBe(before)
    },
  )

  it('can be read by the proxy whose root is another user, also after Docker did not answer', () => {
    rmSync(join(work, 'root'))
    fail()
    writeFileSync(join(work, 'root'), '/var/lib/docker/100000.100000\n')
    look()
    rmSync(join(work, 'root'))
    fail()
    expect(statSync(join(work, 'served')).uid).toBe(100_000)
    expect(statSync(join(work, 'served/2-own.pem')).uid).toBe(100_000)
  })

  it('can be read by the proxy after its root became another user', () => {
    look()
    writeFileSync(join(work, 'root'), '/var/lib/docker/100000.100000\n')
    look()
    expect(statSync(join(work, 'served/2-own.pem')).uid).toBe(100_000)
  })
})

describe('the proxy', () => {
  it('loads what was laid out while it was restarting', () => {
    look()
    starts()
    look()
    rmSync(join(work, 'container'))
    look({ days: 2000 })
    starts(Date.now() + 1000)
    look()
    expect(reloads()).toBe(1)
    look()
    expect(reloads()).toBe(1)
  })

  it('is made to load again where that has failed', () => {
    look()
    starts()
    look()
    writeFileSync(join(work, 'reload-fails'), '')
    look({ days: 2000 })
    rmSync(join(work, 'reload-fails'))
    look({ days: 2000 })
    expect(reloads()).toBe(2)
  })

  it('is made to try again each day, also after the clock was ahead', () => {
    look()
    starts()
    look()
    look({ days: 400 })
    look()
    const before = reloads()
    look({ days: 2 })
    look({ days: 4 })
    expect(reloads()).toBe(before + 2)
  })

  it('tells the end of an attempt that a clock that was ahead has dated', () => {
    look()
    starts()
    look()
    look({ days: 400 })
    writeFileSync(
      join(work, 'caddy.log'),
      attempt(Date.now() + 400 * 86_400_000, 'too early') + attempt(Date.now() + 1000, 'refused'),
    )
    const begun = Date.now()
    expect(look({ wait: '12' })).toMatch(/no valid trusted certificate/)
    expect(Date.now() - begun).toBeLessThan(10_000)
    expect(state().last.detail).toBe('refused')
  })
})

describe('a damaged file', () => {
  const trusted = () => {
    certificate(join(work, 'secret.key'), join(folder, `${address}.crt`))
    writeFileSync(join(folder, `${address}.key`), readFileSync(join(work, 'secret.key')))
  }
  it('of the trusted certificate is replaced', () => {
    makeKey(join(work, 'secret.key'))
    trusted()
    look()
    const before = readFileSync(join(work, 'served/1-trusted.pem'), 'utf8')
    writeFileSync(join(work, 'served/1-trusted.pem'), Buffer.from([0x80, 0xff]))
    look()
    expect(readFileSync(join(work, 'served/1-trusted.pem'), 'utf8')).toBe(before)
  })

  it('of the trusted certificate goes where there is none', () => {
    look()
    writeFileSync(join(work, 'served/1-trusted.pem'), '')
    look()
    expect(existsSync(join(work, 'served/1-trusted.pem'))).toBe(false)
  })

  it.each(['\xff\xfe', '[]', '"x"', '{"tried":"x","attempted":[],"last":1,"loaded":null}', '{"last":{}}'])(
    'of what is remembered counts as none: %s',
    (text) => {
      look()
      starts()
      look()
      writeFileSync(join(work, 'state/certificate.json'), Buffer.from(text, 'latin1'))
      look({ wait: '0' })
      expect(state().address).toBe(address)
    },
  )
})

describe('going back to the lab’s own certificate of Caddy', () => {
  const goBack = () => writeFileSync(join(work, '.env'), `LAB_CERTIFICATE=address\nLAB_ADDRESS=${address}\n`)
  const left = () =>
    [...readdirSync(join(work, 'served')), ...readdirSync(join(work, 'state'))].filter(
      (name) => !/lock/.test(name),
    )

  it.each([1, 2])('leaves no key behind, also of a write %d that a power cut has interrupted', (cut) => {
    fail({ cut })
    goBack()
    look()
    expect(left()).toEqual([])
  })

  it('leaves no key behind where a look has begun before', async () => {
    look()
    // Docker takes its time.
    execFileSync('python3', ['-c', 'import os, sys; os.mkfifo(sys.argv[1])', join(work, 'pipe')])
    rmSync(join(work, 'root'))
    symlinkSync(join(work, 'pipe'), join(work, 'root'))
    const [argv, options] = python({})
    const early = spawn('python3', argv, options)
    const ended = new Promise((resolve) => early.once('exit', resolve))
    // It opens when the early one reads it.
    const pipe = await open(join(work, 'pipe'), 'w')
    goBack()
    const late = spawn('python3', argv, options)
    const lateEnded = new Promise((resolve) => late.once('exit', resolve))
    await Promise.race([lateEnded, sleep(500)])
    await pipe.write('/var/lib/docker\n')
    await pipe.close()
    await Promise.all([ended, lateEnded])
    expect(left()).toEqual([])
  })

  it('keeps everything where the settings can’t be read', () => {
    look()
    const before = own()
    writeFileSync(join(work, '.env'), '')
    look()
    expect(own()).toBe(before)
  })
})
