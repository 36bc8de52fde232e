import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { pinnedCaddy } from '../support/authority.js'

const root = new URL('../../templates/', import.meta.url).pathname
const work = mkdtempSync(join(tmpdir(), 'librechat-lab-unit-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

/** A suite that needs a program: named as skipped without it, an error under CI. */
function describeWith(program: string, argv: string[], title: string, body: () => void): void {
  const there = spawnSync(program, argv).status === 0
  if (!there && process.env.CI === 'true') throw new Error(`CI=true, and ${program} is missing`)
  describe.skipIf(!there)(there ? title : `${title} (not run: no ${program})`, body)
}

const isPython = (path: string) => readFileSync(join(root, path), 'utf8').startsWith('#!/usr/bin/python3')
const programs = ['stages', 'bin'].flatMap((room) =>
  readdirSync(join(root, room)).map((name) => `${room}/${name}`),
)
const shell = ['run.sh', ...programs.filter((path) => !isPython(path))]
const python = [
  ...readdirSync(join(root, 'host'))
    .filter((name) => name.endsWith('.py'))
    .map((name) => `host/${name}`),
  ...programs.filter(isPython),
]

describeWith('shellcheck', ['--version'], 'every script', () => {
  it.each(shell)('pleases shellcheck: %s', (path) => {
    const { stdout } = spawnSync('shellcheck', ['-x', '-P', 'SCRIPTDIR', path], {
      cwd: root,
      encoding: 'utf8',
    })
    expect(stdout).toBe('')
  })
})

describeWith('python3', ['-c', 'pass'], 'every program', () => {
  it.each(python)('is Python that compiles, for Amazon Linux’s 3.9 too: %s', (name) => {
    // Parsed by the grammar of 3.9, which is what Amazon Linux 2023 has.
    const check = 'import ast, sys; ast.parse(open(sys.argv[1]).read(), feature_version=(3, 9))'
    execFileSync('python3', ['-c', check, join(root, name)])
  })

  const merge = (theirs: string | undefined) => {
    const file = join(work, 'daemon.json')
    rmSync(file, { force: true })
    if (theirs !== undefined) writeFileSync(file, theirs)
    const argv = [join(root, 'host/merge_daemon_json.py'), join(root, 'daemon.json'), file]
    return spawnSync('python3', argv, { encoding: 'utf8' })
  }
  const ours = JSON.parse(readFileSync(join(root, 'daemon.json'), 'utf8'))

  it('merges Docker’s settings with what is there, or says what contradicts', () => {
    expect(JSON.parse(merge(undefined).stdout)).toEqual(ours)
    expect(JSON.parse(merge('').stdout)).toEqual(ours)
    const theirs = { dns: ['10.0.0.2'], 'exec-opts': ['other=1'], 'log-opts': { 'max-size': '50m' } }
    expect(JSON.parse(merge(JSON.stringify(theirs)).stdout)).toEqual({
      ...ours,
      dns: ['10.0.0.2'],
      'exec-opts': ['other=1', 'native.cgroupdriver=systemd'],
      'log-opts': { 'max-size': '50m', 'max-file': '5' },
    })
    const merged = `${JSON.stringify({ ...ours, debug: true }, null, 3)}\n\n`
    expect(merge(merged).stdout).toBe(merged)
    for (const harmless of [
      '{"iptables":true,"bridge":""}',
      '{"hosts":["unix:///var/run/docker.sock"]}',
      '{"ip-masq":true}',
    ])
      expect(JSON.parse(merge(harmless).stdout)).toEqual({ ...ours, ...JSON.parse(harmless) })
    for (const [theirs, word] of [
      ['{"userns-remap":"me"}', 'userns-remap'],
      ['{"live-restore":false}', 'live-restore'],
      ['{"exec-opts":["native.cgroupdriver=cgroupfs"]}', 'cgroupfs'],
      ['{"log-driver":"awslogs"}', 'log-driver'],
      ['{"iptables":false}', 'iptables'],
      ['{"iptables":null}', 'iptables'],
      ['{"firewall-backend":"nftables"}', 'firewall-backend'],
      ['{"bridge":"none"}', 'bridge'],
      ['{"bridge":"br0"}', 'bridge'],
      ['{"ip-forward":false}', 'ip-forward'],
      ['{"ip-masq":false}', 'ip-masq'],
      ['{"ip":"127.0.0.1"}', 'ip'],
      ['{"userland-proxy":false}', 'userland-proxy'],
      ['{"allow-direct-routing":true}', 'allow-direct-routing'],
      ['{"seccomp-profile":"unconfined"}', 'seccomp-profile'],
      ['{"hosts":["fd://","tcp://0.0.0.0:2375"]}', '2375'],
      ['{not json', 'not valid JSON'],
      ['[]', 'not a JSON object'],
    ]) {
      const { status, stdout, stderr } = merge(theirs)
      expect([status, stdout]).toEqual([1, ''])
      expect(stderr).toContain(word)
    }
  })
})

describe('the program that answers LibreChat’s scripts', () => {
  const program = readFileSync(join(root, 'host/answer.cjs'), 'utf8')
  const script = join(work, 'asks.cjs')
  // Each question has a reader of its own, as LibreChat's scripts have.
  writeFileSync(
    script,
    `const readline = require('node:readline')
const ask = (query) => new Promise((resolve) => {
  const reader = readline.createInterface({ input: process.stdin, output: process.stdout })
  reader.question(query, (answer) => { reader.close(); resolve(answer) })
})
;(async () => {
  const heard = []
  for (const query of ['Enter user email: ', 'Enter new password: ', 'Confirm new password: ']) heard.push(await ask(query))
  console.log(JSON.stringify([heard, process.argv.slice(2)]))
  process.exit(7)
})()`,
  )
  it('answers each prompt, hands the arguments on exactly, and ends with the script’s code', () => {
    const secret = ` $(x) "y" 'z' \\ ☃ `
    const input = JSON.stringify([
      ['Enter user email:', 'a@b.org'],
      ['Enter new password:', secret],
      ['Confirm new password:', secret],
    ])
    const argv = ['-e', program, script, 'a b', '--email-verified=true', '$(touch x)']
    const { status, stdout } = spawnSync(process.execPath, argv, { input, encoding: 'utf8' })
    expect(status).toBe(7)
    expect(JSON.parse(stdout.slice(stdout.indexOf('[[')))).toEqual([
      ['a@b.org', secret, secret],
      ['a b', '--email-verified=true', '$(touch x)'],
    ])
  })
})

describe('the stack', () => {
  interface Service {
    image: string
    ports?: string[]
    volumes?: string[]
    networks: string[]
    mem_limit: string
    restart: string
    security_opt: string[]
    healthcheck?: { test: string[] }
    [key: string]: unknown
  }
  const text = readFileSync(join(root, 'compose.yaml'), 'utf8')
  const stack = parse(text, { merge: true }) as {
    services: Record<string, Service>
    networks: Record<string, { internal?: boolean; driver_opts?: Record<string, string> }>
  }
  const { services, networks } = stack
  const entries = Object.entries(services)

  it('publishes ports of Caddy and Portainer alone, and 80 on loopback and the network apart', () => {
    expect(
      Object.fromEntries(entries.flatMap(([name, { ports }]) => (ports ? [[name, ports]] : []))),
    ).toEqual({
      proxy: ['443:443', '127.0.0.1:80:8080', `$\{LAB_HOST_IP:?}:80:80`],
      portainer: ['9443:9443'],
    })
  })

  it('has no privileged container, and one that sees Docker’s socket and the host’s users', () => {
    for (const [name, service] of entries) {
      expect(service.privileged).toBeUndefined()
      expect(service.network_mode).toBeUndefined()
      expect(service.security_opt).toEqual(['no-new-privileges:true'])
      expect(service.cap_drop).toEqual(['ALL'])
      // Caddy listens on 80 and 443; Portainer's volume belongs to the remapped root, and Portainer is not remapped.
      const added = { proxy: ['NET_BIND_SERVICE'], portainer: ['DAC_OVERRIDE'] }[name]
      expect(service.cap_add).toEqual(added)
      expect(service.restart).toBe('unless-stopped')
      const portainer = name === 'portainer'
      expect((service.volumes ?? []).some((volume) => volume.includes('docker.sock'))).toBe(portainer)
      expect(service.userns_mode).toBe(portainer ? 'host' : undefined)
    }
  })

  it('lets LibreChat alone out through the bridge that may ask for credentials, and the databases nowhere', () => {
    expect(networks.egress?.driver_opts?.['com.docker.network.bridge.name']).toBe('lab-api')
    expect(readFileSync(join(root, 'bin/firewall'), 'utf8')).toContain(
      "-d 169.254.169.254/32 '!' -i lab-api -j DROP",
    )
    expect(entries.filter(([, { networks }]) => networks.includes('egress')).map(([name]) => name)).toEqual([
      'librechat',
    ])
    // One way out each, so that there is no doubt which it takes.
    for (const [name, service] of entries) {
      const open = service.networks.filter((network) => !networks[network]?.internal)
      expect(open).toHaveLength(['mongodb', 'meilisearch'].includes(name) ? 0 : 1)
    }
  })

  it('lets LibreChat alone reach each database', () => {
    const neighbours = (service: string) =>
      entries
        .filter(
          ([name, { networks }]) =>
            name !== service && networks.some((one) => services[service]?.networks.includes(one)),
        )
        .map(([name]) => name)
    expect(neighbours('mongodb')).toEqual(['librechat'])
    expect(neighbours('meilisearch')).toEqual(['librechat'])
    expect(neighbours('portainer')).toEqual([])
    expect(neighbours('proxy')).toEqual(['librechat'])
  })

  it('sends nothing to LibreChat’s hosted service, and lets no user delete the only admin', () => {
    const environment = services.librechat?.environment as Record<string, string>
    expect(new URL(environment.LIBRECHAT_CODE_BASEURL ?? '').hostname).toBe('127.0.0.1')
    expect(environment).toMatchObject({ ALLOW_ACCOUNT_DELETION: 'false', ALLOW_SHARED_LINKS_PUBLIC: 'false' })
  })

  it('fits into 4 GiB, and gates on /readyz', () => {
    const limits = entries.map(([, { mem_limit }]) => Number(/^(\d+)m$/.exec(mem_limit)?.[1]))
    expect(limits.reduce((sum, limit) => sum + limit, 0)).toBeLessThanOrEqual(3520)
    expect(services.librechat?.healthcheck?.test.join(' ')).toContain('/readyz')
    expect(services.librechat?.environment).toMatchObject({ NODE_OPTIONS: '--max-old-space-size=1536' })
  })

  it('reads its configuration and cannot write it', () => {
    const binds = entries.flatMap(([, { volumes }]) =>
      (volumes ?? []).filter((volume) => volume.startsWith('./')),
    )
    expect(binds.length).toBeGreaterThan(2)
    for (const bind of binds) expect(bind).toMatch(/:ro$/)
  })

  it('keeps registration closed, sends Secure cookies, and has no key of AWS’s', () => {
    const environment = services.librechat?.environment as Record<string, string>
    expect(environment).toMatchObject({
      ALLOW_REGISTRATION: 'false',
      SESSION_COOKIE_SECURE: 'true',
      TRUST_PROXY: '1',
    })
    expect(Object.keys(environment).filter((name) => name.includes('ACCESS_KEY'))).toEqual([])
  })

  it('takes every image from the pins', () => {
    const pins = readFileSync(join(root, 'pins.env'), 'utf8')
    for (const [, { image }] of entries) {
      const [, name = ''] = /^\$\{(\w+):\?\}$/.exec(image) ?? []
      expect(pins).toMatch(new RegExp(`^${name}=\\S+:\\S+$`, 'm'))
    }
    expect(pins).not.toMatch(/^\w+_IMAGE=.*:latest$(?<!helper-reset-password:latest)/m)
  })

  const compose = spawnSync('docker', ['compose', 'version']).status === 0
  it.skipIf(!compose)('is what Compose accepts', () => {
    const names = [...new Set([...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name))]
    const env = join(work, 'env')
    writeFileSync(
      env,
      names.map((name) => `${name}=${name === 'LAB_HOST_IP' ? '192.0.2.1' : 'x'}\n`).join(''),
    )
    execFileSync('docker', ['compose', '--env-file', env, '-f', join(root, 'compose.yaml'), 'config', '-q'])
  })
})

describe('the proxy', () => {
  it.each([
    { LAB_CERTIFICATE: 'address', LAB_SITE: '203.0.113.7', LAB_ACME_EMAIL: '' },
    {
      LAB_CERTIFICATE: 'domain',
      LAB_SITE: 'chat.example.org',
      LAB_ACME_EMAIL: 'hostmaster@chat.example.org',
    },
  ])('is what Caddy accepts: $LAB_CERTIFICATE', (settings) => {
    const env = { ...process.env, HOME: work, LAB_ADDRESS: '203.0.113.7', ...settings }
    const argv = ['validate', '--adapter', 'caddyfile', '--config', 'Caddyfile']
    const { status, stderr } = spawnSync(pinnedCaddy(), argv, {
      cwd: join(root, 'caddy'),
      env,
      encoding: 'utf8',
    })
    expect(stderr).toMatch(/Valid configuration|level":"info/)
    expect(status).toBe(0)
  })
})
