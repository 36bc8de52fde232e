import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { healthIn } from '../../src/host/host-health.js'

const program = new URL('../../templates/host/health.py', import.meta.url).pathname
const work = mkdtempSync(join(tmpdir(), 'librechat-lab-health-'))
const found = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' })
const python = found.stdout?.trim() ?? ''
const there = found.status === 0
afterAll(() => rmSync(work, { recursive: true, force: true }))

const bridges = ['docker0', 'br-+', 'lab-+']
const input = bridges.map((one) => `-A INPUT -i ${one} -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP`)
const rewritten = bridges.map(
  (one) => `-A DOCKER-USER -i ${one} -m conntrack --ctstate DNAT --ctdir ORIGINAL -j DROP`,
)
const jump = '-A FORWARD -j DOCKER-USER'
const metadata = '-A DOCKER-USER -d 169.254.169.254/32 ! -i lab-api -j DROP'
/** A firewall as Docker and the lab leave it, as `iptables -S` prints it. */
const good = {
  INPUT: ['-P INPUT ACCEPT', ...input],
  FORWARD: [
    '-P FORWARD DROP',
    jump,
    '-A FORWARD -j DOCKER-ISOLATION-STAGE-1',
    '-A FORWARD -o br-1 -j DOCKER',
  ],
  'DOCKER-USER': ['-N DOCKER-USER', ...rewritten, metadata, '-A DOCKER-USER -j RETURN'],
}
type Firewall = Record<keyof typeof good, string[]>

function shim(name: string, text: string): void {
  writeFileSync(join(work, name), `#!/bin/sh\n${text}\n`)
  chmodSync(join(work, name), 0o755)
}

/** What health.py prints on a host with this firewall. */
function health(firewall: Firewall, kernel = `/boot/vmlinuz-${release()}`) {
  for (const [chain, lines] of Object.entries(firewall))
    writeFileSync(join(work, chain), `${lines.join('\n')}\n`)
  shim('iptables', `[ "$1 $2" = '-w -S' ] && [ -s '${work}/'"$3" ] && exec cat '${work}/'"$3"; exit 1`)
  shim('grubby', `[ "$1" = --default-kernel ] && echo '${kernel}'`)
  const env = { ...process.env, PATH: `${work}:/usr/bin:/bin`, LAB: work }
  const { stdout, stderr } = spawnSync('python3', [program], { env, encoding: 'utf8' })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

describe.skipIf(!there)('the host’s health', () => {
  // Nothing else of a host is here.
  beforeAll(() => {
    for (const name of ['docker', 'curl', 'openssl']) shim(name, 'exit 1')
  })

  it('finds the firewall that Docker and the lab leave in order', () => {
    expect(health(good)).toMatchObject({ metadataProtected: true, hostPortsProtected: true })
    const older = {
      ...good,
      FORWARD: [...good.FORWARD.slice(0, 1), '-A FORWARD -s 192.0.2.1/32 -j DROP', jump],
    }
    expect(health(older).metadataProtected).toBe(true)
  })

  it.each<[string, Partial<Firewall>]>([
    ['nothing jumps to DOCKER-USER', { FORWARD: ['-P FORWARD ACCEPT'] }],
    ['the firewall can’t be read', { FORWARD: [] }],
    ['something is accepted before the jump', { FORWARD: ['-P FORWARD DROP', '-A FORWARD -j ACCEPT', jump] }],
    [
      'another chain decides before the jump',
      { FORWARD: ['-P FORWARD DROP', '-A FORWARD -j ts-forward', jump] },
    ],
    [
      'the jump is for one interface alone',
      { FORWARD: ['-P FORWARD DROP', '-A FORWARD -i eth0 -j DOCKER-USER'] },
    ],
    ['the rule is missing', { 'DOCKER-USER': ['-N DOCKER-USER', ...rewritten, '-A DOCKER-USER -j RETURN'] }],
    [
      'the rule comes after a return',
      { 'DOCKER-USER': ['-N DOCKER-USER', '-A DOCKER-USER -j RETURN', metadata] },
    ],
    [
      'the rule is for another bridge',
      { 'DOCKER-USER': ['-N DOCKER-USER', metadata.replace('lab-api', 'br-x')] },
    ],
  ])('finds the metadata unprotected when %s', (_, change) => {
    expect(health({ ...good, ...change }).metadataProtected).toBe(false)
  })

  it.each<[string, Partial<Firewall>]>([
    ['a bridge has no rule', { INPUT: ['-P INPUT ACCEPT', ...input.slice(1)] }],
    ['everything is accepted first', { INPUT: ['-P INPUT ACCEPT', '-A INPUT -j ACCEPT', ...input] }],
    ['rewritten addresses have no rule', { 'DOCKER-USER': ['-N DOCKER-USER', metadata] }],
    ['nothing jumps to DOCKER-USER', { FORWARD: ['-P FORWARD ACCEPT'] }],
  ])('finds the host’s ports open to containers when %s', (_, change) => {
    expect(health({ ...good, ...change }).hostPortsProtected).toBe(false)
  })

  it('can be asked of a host that was never set up', () => {
    rmSync(join(work, 'iptables'), { force: true })
    const env = { ...process.env, PATH: `${work}:/nowhere`, LAB: work }
    const { stdout, stderr } = spawnSync(python, [program], { env, encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toMatchObject({ healthy: false, metadataProtected: false, release: '' })
  })

  it('says that Docker does not answer, and nothing of services that it can’t see', () => {
    const { problems, services } = health(good)
    expect(problems.map(({ code }: { code: string }) => code)).toEqual(['docker'])
    expect(services.librechat).toBe('unknown')
  })

  it('measures the load, also where the kernel does not count the waiting for memory', () => {
    const proc = join(work, 'proc')
    mkdirSync(join(proc, 'pressure'), { recursive: true })
    writeFileSync(join(proc, 'stat'), 'cpu  10 10 20 800 60 5 5 90 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n')
    writeFileSync(join(proc, 'loadavg'), '2.50 1.75 1.25 2/300 4242\n')
    writeFileSync(join(proc, 'uptime'), '7200.51 9000.00\n')
    writeFileSync(join(proc, 'vmstat'), 'nr_free_pages 1\noom_kill 3\n')
    process.env.PROC = proc
    const expected = { load15: 1.25, busyShare: 0.05, stealShare: 0.09, uptimeSeconds: 7200, oomKills: 3 }
    expect(health(good).load).toMatchObject({ ...expected, memoryPressure: null, restarts: { librechat: 0 } })
    writeFileSync(
      join(proc, 'pressure/memory'),
      'some avg10=1.00 avg60=2.00 avg300=12.34 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
    )
    expect(health(good).load).toMatchObject({ ...expected, memoryPressure: 12.34 })
    delete process.env.PROC
  })

  it('says that a kernel waits for a restart, and which', () => {
    expect(health(good)).toMatchObject({ rebootNeeded: false, warnings: [] })
    const waiting = health(good, '/boot/vmlinuz-6.18.9-99.amzn2023.x86_64')
    expect(waiting).toMatchObject({
      rebootNeeded: true,
      warnings: [{ code: 'reboot', text: expect.stringContaining('6.18.9-99.amzn2023.x86_64 is installed') }],
    })
    expect(waiting.warnings[0].text).toContain(`Linux ${release()} runs`)
  })

  it('asks for no restart where the default kernel can’t be found', () => {
    expect(health(good, '').rebootNeeded).toBe(false)
  })

  it('says that LibreChat is closed where another instance was to take its place', () => {
    mkdirSync(join(work, 'state'), { recursive: true })
    writeFileSync(join(work, 'state/closed'), '')
    onTestFinished(() => rmSync(join(work, 'state/closed')))
    const found = { code: 'closed', text: expect.stringContaining('nobody can reach'), fix: [{ code: 'up' }] }
    expect(health(good).problems).toContainEqual(found)
  })

  it.each([
    [
      'has been interrupted',
      undefined,
      { text: expect.stringContaining('was interrupted'), fix: [{ code: 'update' }] },
    ],
    [
      'is under way',
      'stack since 2026-11-26T20:00:00Z\n',
      { text: expect.stringContaining('is being updated'), fix: [] },
    ],
  ])('says that nobody can reach LibreChat while an update %s', (_, running, found) => {
    mkdirSync(join(work, 'state'), { recursive: true })
    const [update, stage] = [join(work, 'state/update.json'), join(work, 'state/running')]
    onTestFinished(() => {
      for (const path of [update, stage]) rmSync(path, { force: true })
    })
    writeFileSync(update, '{}')
    if (running) writeFileSync(stage, running)
    expect(health(good).problems).toContainEqual({ code: 'update', ...found })
  })

  it.each([
    ['an earlier version set it up', '', null],
    ['it is under way', 'boot 0 1000\nsystem 3 1030\n', null],
    ['a stage failed', 'boot 0 1000\nsystem 3 1030\nfailed 9 1050\nstack 9 1200\nhealth 4 1210\n', null],
    [
      'the first boot did a part of it',
      'boot 0 1000\nsystem 3 1030\ndocker 20 1050\nsystem 1 1060\nstack 80 1150\nhealth 4 1160\nstack 5 9000\n',
      { seconds: 160, stages: { system: 3, docker: 20, stack: 80, health: 4 } },
    ],
    [
      'somebody went on the next day after a stage was killed',
      'boot 0 1000\nsystem 3 1030\ndocker 20 80000\nstack 80 80100\nhealth 4 80110\n',
      null,
    ],
    ['somebody went on the next day at its end', 'boot 0 1000\nstack 80 1100\nhealth 4 80110\n', null],
    ['the clock was set back meanwhile', 'boot 0 5000\nstack 80 1100\nhealth 4 1110\n', null],
    ['a power cut tore the file', 'boot 0 1000\nstack 80\nhealth 4 1110\n', null],
    [
      'a later health check failed',
      'boot 0 1000\nhealth 4 1160\nfailed 0 0\n',
      { seconds: 160, stages: { health: 4 } },
    ],
  ])('tells how long the first set-up took, unless that is not known: %s', (_, lines, shown) => {
    mkdirSync(join(work, 'state'), { recursive: true })
    writeFileSync(join(work, 'state/first-setup'), lines)
    expect(health(good).firstSetup).toEqual(shown)
  })

  it.each([2, 0.2])(
    'says why a trusted certificate is not renewed while it is served for another %d days',
    (left) => {
      const day = 86_400_000
      const asOpenssl = (time: number) => {
        const [, name, date, month, year, clock] =
          /^(\w+), (\d+) (\w+) (\d+) (\S+) GMT$/.exec(new Date(time).toUTCString()) ?? []
        return name && `${month} ${date} ${clock} ${year} GMT`
      }
      const end = Date.now() + left * day
      const dates = `notBefore=${asOpenssl(end - 6.67 * day)}\nnotAfter=${asOpenssl(end)}\nissuer=O = L\n`
      shim(
        'openssl',
        `[ "$1" = s_client ] && exec echo "$3"
case $(cat) in OWN) print=AA ;; *:9443) print=CC ;; *) print=BB ;; esac
echo "${dates}sha256 Fingerprint=$print"`,
      )
      writeFileSync(join(work, '.env'), 'LAB_CERTIFICATE=trusted\nLAB_ADDRESS=1.2.3.4\nLAB_SITE=1.2.3.4\n')
      for (const folder of ['state', 'served']) mkdirSync(join(work, folder), { recursive: true })
      writeFileSync(join(work, 'served/2-own.pem'), 'OWN')
      writeFileSync(join(work, 'served/1-trusted.pem'), 'TRUSTED')
      const last = { at: '2026-11-26T19:00:00Z', result: 'failed', detail: '1.2.3.4: Timeout during connect' }
      writeFileSync(join(work, 'state/certificate.json'), JSON.stringify({ last }))
      onTestFinished(() => {
        for (const name of ['.env', 'state/certificate.json', 'served'])
          rmSync(join(work, name), { recursive: true })
        shim('openssl', 'exit 1')
      })
      const { warnings, ownCertificate, portainerCertificate, trustedCertificate } = health(good)
      expect(trustedCertificate.served).toBe(true)
      expect([ownCertificate.sha256, portainerCertificate.sha256]).toEqual(['AA', 'CC'])
      expect(warnings).toEqual([
        {
          code: 'certificate',
          text: expect.stringMatching(
            /^The trusted certificate could not be renewed\. It expires in \d+ (hours|days), .*1\.2\.3\.4: Timeout during connect\.$/,
          ),
          fix: [expect.stringContaining('port 80'), { code: 'own-certificate' }],
        },
      ])
    },
  )

  it('calls no certificate trusted that is neither the trusted one nor the own one of now', () => {
    shim(
      'openssl',
      `[ "$1" = s_client ] && exec echo SHOWN
printf 'notBefore=Nov 1 00:00:00 2026 GMT\\nnotAfter=Nov 1 00:00:00 2096 GMT\\nissuer=O = L\\nsha256 Fingerprint='
case $(cat) in SHOWN) echo AA ;; OWN) echo BB ;; TRUSTED) echo CC ;; esac`,
    )
    writeFileSync(join(work, '.env'), 'LAB_CERTIFICATE=trusted\nLAB_ADDRESS=1.2.3.4\nLAB_SITE=1.2.3.4\n')
    mkdirSync(join(work, 'served'), { recursive: true })
    writeFileSync(join(work, 'served/2-own.pem'), 'OWN')
    onTestFinished(() => {
      for (const name of ['.env', 'served']) rmSync(join(work, name), { recursive: true })
      shim('openssl', 'exit 1')
    })
    expect(health(good).trustedCertificate.served).toBe(false)
    writeFileSync(join(work, 'served/1-trusted.pem'), 'TRUSTED')
    expect(health(good).trustedCertificate.served).toBe(false)
    writeFileSync(join(work, 'served/1-trusted.pem'), 'SHOWN')
    expect(health(good).trustedCertificate.served).toBe(true)
  })

  it.each(['\xff\xfe', '', '[]', '[1]', '"x"', '{}', '{"last":[],"at":1,"result":2,"usd":"x","a@b.c":"x"}'])(
    'can be asked of a host where every file is damaged: %s',
    (text) => {
      const settings = 'LAB_CERTIFICATE=trusted\nLAB_ADDRESS=1.2.3.4\nLAB_SITE=1.2.3.4\nLAB_IDLE_STOP=60\n'
      writeFileSync(join(work, '.env'), Buffer.from(`${settings}#\xff\n`, 'latin1'))
      const files = [
        ...[
          'certificate',
          'money',
          'allowances',
          'update-system',
          'update-librechat',
          'update-portainer',
          'dump',
        ],
        'interrupted',
      ].map((name) => `state/${name}.json`)
      const others = ['served/1-trusted.pem', 'served/2-own.pem', 'librechat.yaml', 'images/LIBRECHAT_IMAGE']
      for (const folder of ['state', 'served', 'images']) mkdirSync(join(work, folder), { recursive: true })
      for (const name of [...files, ...others, 'state/first-setup', 'state/running', 'state/release'])
        writeFileSync(join(work, name), Buffer.from(text, 'latin1'))
      onTestFinished(() => {
        for (const name of ['.env', 'served', 'images', 'state', 'librechat.yaml'])
          rmSync(join(work, name), { recursive: true })
      })
      const found = health(good)
      expect(found.problems.map(({ code }: { code: string }) => code)).toEqual(['docker'])
      expect(healthIn(JSON.stringify(found)).updates).toEqual({
        system: null,
        librechat: null,
        portainer: null,
      })
    },
  )

  it.each([
    [-60, 5],
    [86_400 * 400, 0],
  ])('counts the restarts of a container that started %d seconds from now as %d', (from, restarts) => {
    const labels = { 'com.docker.compose.service': 'librechat' }
    const container = {
      Id: 'one',
      RestartCount: 5,
      Config: { Labels: labels, Image: 'librechat' },
      State: { Status: 'running', StartedAt: new Date(Date.now() + from * 1000).toISOString() },
    }
    shim(
      'docker',
      `case $1 in version | ps) echo one ;; inspect) echo '${JSON.stringify([container])}' ;; esac`,
    )
    onTestFinished(() => shim('docker', 'exit 1'))
    expect(health(good).restarts.librechat).toBe(restarts)
  })

  it.each([-3600, 86_400])('says that the limit does not act: last summed %d seconds from now', (from) => {
    const at = new Date(Date.now() + from * 1000).toISOString()
    mkdirSync(join(work, 'state'), { recursive: true })
    const state = { month: '2026-11', usd: 1, at, stopped: false, warning: null }
    writeFileSync(join(work, 'state/money.json'), JSON.stringify(state))
    onTestFinished(() => rmSync(join(work, 'state/money.json')))
    expect(health(good).warnings).toMatchObject([{ code: 'money-late' }])
  })
})
