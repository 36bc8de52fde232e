import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type HostHealth, readHealth } from '../../src/host/health.js'
import { portainerPassword } from '../../src/host/portainer.js'
import { release, stackInput } from '../../src/host/settings.js'
import { setUpHost } from '../../src/host/setup.js'
import { runStage } from '../../src/host/stage.js'
import { addUser, listUsers, removeUser, resetPassword } from '../../src/host/users.js'
import { Browser, echo, sha256 } from './browser.js'
import { Lab } from './lab.js'

const email = "o'brien+lab@example.org"
const migrations = JSON.parse(
  readFileSync(new URL('../../templates/migrations.json', import.meta.url), 'utf8'),
)
const services = {
  librechat: 'healthy',
  mongodb: 'healthy',
  meilisearch: 'healthy',
  proxy: 'healthy',
  portainer: 'healthy',
}

let lab: Lab
let password = ''

beforeAll(async () => {
  lab = await Lab.start()
})
afterAll(() => lab?.stop())

const sh = (script: string): Promise<string> => lab.machine.sh(script)
/** The stages that put another stack there; the first two have nothing to do with it. */
async function putStack(settings = lab.settings): Promise<void> {
  await runStage(lab.host, 'images', { timeoutSeconds: 900 })
  await runStage(lab.host, 'stack', { input: stackInput(settings, lab.templates), timeoutSeconds: 900 })
}
/** Ids and times of the start of all containers. */
const containers = (): Promise<string> =>
  sh(`docker inspect -f '{{.Name}} {{.Id}} {{.State.StartedAt}}' $(docker ps -aq) | sort`)
const secrets = (): Promise<string> => sh('cat /opt/librechat-lab/secrets/*')

async function healthy(within = 240_000): Promise<HostHealth> {
  for (const deadline = Date.now() + within; ; ) {
    const health = await readHealth(lab.host)
    if (health.healthy || Date.now() > deadline) {
      expect(health.problems).toEqual([])
      return health
    }
    await new Promise((resolve) => setTimeout(resolve, 3000))
  }
}

async function signedIn(): Promise<Browser> {
  const browser = new Browser(lab.machine.ports.https)
  const answer = await browser.login(email, password)
  expect(answer.status).toBe(200)
  return browser
}

describe('a host', () => {
  it('goes from nothing to healthy, with a first user who is the admin before the ports are open', async () => {
    const boot = lab.firstBoot()
    await sh('until [ -s /opt/librechat-lab/state/running ]; do sleep 0.2; done')
    const { health, firstUser } = await setUpHost(lab.host, lab.settings, { email })
    expect(await boot.result).toMatchObject({ code: 0 })
    expect(health.services).toEqual(services)
    expect((await readHealth(lab.host)).firstSetup?.seconds).toBeGreaterThan(0)
    expect(health.release).toBe(release(lab.settings, lab.templates))
    password = firstUser?.password ?? ''
    expect(password.length).toBeGreaterThanOrEqual(16)
    const tasks = lab.said.filter(({ event }) => event.type === 'task')
    const times = Object.fromEntries(
      tasks.flatMap(({ at, event }, index) =>
        event.type === 'task' && event.state === 'done'
          ? [[event.id, at - (tasks[index - 1]?.at ?? at)]]
          : [],
      ),
    )
    expect(Object.keys(times)).toEqual([
      'host:system',
      'host:docker',
      'host:images',
      'host:stack',
      'host:health',
    ])
    writeFileSync(new URL('../../.cache/host/times.json', import.meta.url), JSON.stringify(times, null, 2))
    console.error(`stages: ${JSON.stringify(times)}`)

    const browser = await signedIn()
    expect(JSON.parse((await browser.login(email, password)).body).role).toBe('ADMIN')
    browser.close()
    const [made] = await listUsers(lab.host)
    const opened = await sh(`docker inspect -f '{{.State.StartedAt}}' librechat-lab-proxy-1`)
    expect(Date.parse(made?.created ?? '')).toBeLessThan(Date.parse(opened))
    const registered = await new Browser(lab.machine.ports.https).ask('POST', '/api/auth/register', '{}')
    expect(registered.status).toBe(403)
  })

  it('uses all of a disk that was made larger', async () => {
    expect(Number(await sh('df -m --output=size / | tail -n 1'))).toBeGreaterThan(19.2 * 1024)
  })

  it('is left as it is by a second run', async () => {
    const before = await containers()
    const kept = await secrets()
    const { health, firstUser } = await setUpHost(lab.host, lab.settings, { email })
    expect(health.healthy).toBe(true)
    expect(firstUser).toBeUndefined()
    expect(await containers()).toBe(before)
    expect(await secrets()).toBe(kept)
  })

  it('tells its secrets to nobody', async () => {
    const words = [...(await secrets()).matchAll(/[0-9a-f]{24,64}/g)].map(([word]) => word)
    expect(words).toHaveLength(6)
    const outputs = lab.systemsManager.sent.map(
      ({ script, result }) => `${script}${result?.stdout}${result?.stderr}`,
    )
    const logs = await sh('cat /var/log/librechat-lab/*; ps axww')
    for (const word of [...words, password]) {
      expect(outputs.filter((output) => output.includes(word))).toEqual([])
      expect(logs.includes(word)).toBe(false)
    }
    for (const { script } of lab.systemsManager.sent) expect(script.length).toBeLessThan(60 * 1024)
    expect(outputs.filter((output) => output.length > 8000 + 60 * 1024)).toEqual([])
    const modes = await sh(
      'stat -c "%a %U" /opt/librechat-lab/.env /opt/librechat-lab/secrets /opt/librechat-lab/secrets/*',
    )
    expect(modes.split('\n')).toEqual(['600 root', '700 root', '600 root', '600 root'])
  })
})

describe('a visitor', () => {
  it('stays signed in over https on the bare address, and hears no HSTS', async () => {
    const browser = await signedIn()
    const login = await browser.login(email, password)
    expect(String(login.headers['set-cookie'])).toMatch(/Secure/)
    expect(login.headers['strict-transport-security']).toBeUndefined()
    expect((await browser.ask('POST', '/api/auth/refresh')).status).toBe(200)
    browser.close()
    expect((await new Browser(lab.machine.ports.https).ask('POST', '/api/auth/refresh')).status).toBe(401)
  })

  it('finds the same under localhost, where a tunnel ends', async () => {
    const browser = new Browser(lab.machine.ports.https, 'localhost')
    expect(JSON.parse((await browser.ask('GET', '/api/config')).body)).toMatchObject({ forwarded: 'https' })
    browser.close()
    expect(await sh('curl -s -H "Host: localhost:8080" http://127.0.0.1/api/config')).toContain(
      '"forwarded":"http"',
    )
    expect(await sh('curl -sk https://localhost/api/config')).toContain('v0.8.8')
    // The certificate of the site names it, and a page that has a name of its own point there gets nothing.
    expect(
      await sh(
        'echo | openssl s_client -connect 127.0.0.1:443 -servername localhost 2>/dev/null | openssl x509 -noout -ext subjectAltName',
      ),
    ).toContain('DNS:localhost')
    const rebound = `curl -s -o /dev/null -w '%{http_code}' -H 'Host: rebind.example:8080' http://127.0.0.1/api/config`
    expect(await sh(rebound)).toBe('421')
  })

  it('sees a certificate that is good for months', async () => {
    const { certificate } = await readHealth(lab.host)
    const days = (Date.parse(certificate?.notAfter ?? '') - Date.now()) / 86_400_000
    expect(days).toBeGreaterThan(80)
  })

  it('hears the words of an answer one after another', async () => {
    const browser = await signedIn()
    const { arrivals, body } = await browser.ask('GET', '/api/stream')
    browser.close()
    expect(body.match(/word/g)).toHaveLength(10)
    expect(arrivals.length).toBeGreaterThan(5)
    expect((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(1200)
  })

  it('uploads 100 MB, and speaks through a WebSocket', async () => {
    const file = randomBytes(100_000_000)
    const browser = await signedIn()
    const { status, body } = await browser.ask('POST', '/api/files', file)
    browser.close()
    expect(status).toBe(200)
    expect(JSON.parse(body)).toEqual({ bytes: file.length, sha256: sha256(file) })
    expect(await echo(lab.machine.ports.https, 'hello')).toBe('hello')
  })

  it.each(['203.0.113.7', 'localhost', 'localhost:8080', 'evil.example'])(
    'gets from port 80 nothing but the way to https, whatever the Host header: %s',
    async (host) => {
      const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
        get(
          { host: '127.0.0.1', port: lab.machine.ports.http, path: '/c/new?x=1', headers: { host } },
          (response) => {
            response.resume()
            resolve({ ...response.headers, status: response.statusCode })
          },
        ).on('error', reject)
      })
      expect(headers).toMatchObject({ status: 301, location: 'https://203.0.113.7/c/new?x=1' })
    },
  )

  it('reaches Portainer on 9443 and never the database', async () => {
    const portainer = new Browser(lab.machine.ports.portainer)
    expect((await portainer.ask('GET', '/api/system/status')).status).toBe(200)
    portainer.close()
    const ports = await sh(
      `docker ps --format '{{.Names}} {{.Ports}}' | grep -- '->' | cut -d ' ' -f 1 | sort`,
    )
    expect(ports.split('\n')).toEqual(['librechat-lab-portainer-1', 'librechat-lab-proxy-1'])
    // QEMU accepts for the guest; an unpublished port ends the connection without a word.
    const said = await new Promise<string>((resolve) => {
      let text = ''
      const socket = connect(lab.machine.ports.mongodb, '127.0.0.1', () => socket.write('["find","user"]\n'))
      socket.on('data', (data) => {
        text += data
      })
      socket.on('error', () => resolve('closed'))
      socket.on('close', () => resolve(text || 'closed'))
    })
    expect(said).toBe('closed')
  })
})

describe('the containers', () => {
  const names = Object.keys(services)
  /** The address of each on each of its networks. */
  const addressesOf = async (service: string): Promise<string[]> =>
    (
      await sh(
        `docker inspect -f '{{range .NetworkSettings.Networks}}{{println .IPAddress}}{{end}}' librechat-lab-${service}-1`,
      )
    ).split(/\s+/)
  /** What accepts a connection from a container's place in the network, or from the host's own. */
  const scan = async (
    from: string,
    addresses: readonly string[],
    ports: readonly number[],
  ): Promise<string[]> => {
    const pid = from === 'host' ? '1' : `$(docker inspect -f '{{.State.Pid}}' librechat-lab-${from}-1)`
    const list = await sh(
      `nsenter -t ${pid} -n python3 /usr/local/lib/lab/scan.py ${addresses.join(' ')} -- ${ports.join(' ')}`,
    )
    return list === '' ? [] : list.split('\n')
  }

  it('reach no port of the host, by any of its addresses', async () => {
    await sh('systemd-run -q --unit=canary python3 -m http.server 2222')
    const own = (await sh(`ip -4 -o addr show | awk '{ sub("/.*", "", $4); print $4 }'`)).split('\n')
    const addresses = own.filter((address) => address !== '127.0.0.1')
    expect(addresses.length).toBeGreaterThan(6)
    const listening = await sh(`ss -ltnH | awk '{ sub(".*:", "", $4); print $4 }' | sort -un`)
    const ports = [
      ...new Set([...listening.split('\n').map(Number), 22, 80, 443, 2222, 2375, 2376, 8000, 9000, 9443]),
    ]
    expect(await scan('host', ['10.0.2.15'], ports)).toEqual(
      expect.arrayContaining(['10.0.2.15:80', '10.0.2.15:443', '10.0.2.15:2222', '10.0.2.15:9443']),
    )
    for (const name of names) expect([name, await scan(name, addresses, ports)]).toEqual([name, []])
    await sh('systemctl stop canary')
  })

  it('reach each other where they have to: LibreChat the databases, the proxy LibreChat, and Portainer nobody', async () => {
    const ports = [80, 443, 2080, 3080, 7700, 8000, 8080, 9000, 9443, 27017]
    const reached: Record<string, string[]> = {}
    for (const from of names) {
      const found: string[] = []
      for (const to of names.filter((name) => name !== from)) {
        const open = await scan(from, await addressesOf(to), ports)
        found.push(...open.map((one) => `${to}:${one.split(':')[1]}`))
      }
      reached[from] = [...new Set(found)].sort()
    }
    expect(reached).toEqual({
      librechat: ['meilisearch:7700', 'mongodb:27017', 'proxy:443', 'proxy:80', 'proxy:8080'],
      mongodb: ['librechat:3080'],
      meilisearch: ['librechat:3080'],
      proxy: ['librechat:3080'],
      portainer: [],
    })
  })

  it('have no capability but the proxy’s for its ports and Portainer’s for its volume', async () => {
    const capabilities = async (service: string) =>
      sh(
        `grep -E '^Cap(Prm|Eff|Bnd|Amb)' /proc/$(docker inspect -f '{{.State.Pid}}' librechat-lab-${service}-1)/status | awk '{ print $2 }' | sort -u`,
      )
    const held = Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await capabilities(name)] as const)),
    )
    console.error(`capabilities: ${JSON.stringify(held)}`)
    const none = '0000000000000000'
    expect(held).toMatchObject({ librechat: none, mongodb: none, meilisearch: none })
    const only = (service: string) => held[service]?.split('\n').filter((one) => one !== none)
    // CAP_NET_BIND_SERVICE is bit 10, CAP_DAC_OVERRIDE bit 1.
    expect([only('proxy'), only('portainer')]).toEqual([['0000000000000400'], ['0000000000000002']])
  })

  it('send nothing out of the instance while a user chats', async () => {
    const out = (bridge: string) => `FORWARD -i ${bridge} -o en+ -m conntrack --ctstate NEW`
    await sh(['br-+', 'lab-+'].map((bridge) => `iptables -t mangle -I ${out(bridge)}`).join(' && '))
    const browser = await signedIn()
    await browser.ask('GET', '/api/stream')
    browser.close()
    const counted = await sh(`iptables -t mangle -L FORWARD -v -n -x | awk '/ NEW/ { print $1 }'`)
    expect(counted).toBe('0\n0')
    await sh('iptables -t mangle -F FORWARD')
  })

  const role = `wget -q -T 2 -O - --header 'X-aws-ec2-metadata-token: the-token' http://169.254.169.254/latest/meta-data/iam/security-credentials/`
  const asks = (service: string): Promise<string> =>
    sh(`docker exec librechat-lab-${service}-1 sh -c "${role}" 2>/dev/null || echo refused`)

  it('reach the instance metadata from LibreChat alone, and with a hop limit of 2 alone', async () => {
    await sh('/usr/local/bin/metadata-start 2')
    expect(await asks('librechat')).toBe('LibreChatInstanceRole')
    for (const service of ['proxy', 'mongodb', 'meilisearch']) expect(await asks(service)).toBe('refused')
    const stranger = `docker run --rm 127.0.0.1:5000/library/caddy:2.10.2 sh -c "${role}" 2>/dev/null || echo refused`
    expect(await sh(stranger)).toBe('refused')
    await sh('/usr/local/bin/metadata-start 1')
    expect(await asks('librechat')).toBe('refused')
    await sh('systemctl stop metadata')
  })

  it('own their files under remapping as their users in the container do', async () => {
    const owners = await sh(
      `cd /var/lib/docker/*.*/volumes && stat -c '%n %u' librechat-lab_uploads/_data/last librechat-lab_data/_data/.written librechat-lab_images/_data/.written librechat-lab_mongodb/_data/documents.json librechat-lab_portainer/_data/portainer.db`,
    )
    const base = Number(await sh('grep ^dockremap: /etc/subuid | cut -d : -f 2'))
    expect(owners.split('\n').map((line) => Number(line.split(' ')[1]))).toEqual([
      base + 1000,
      base + 1000,
      base + 1000,
      base + 999,
      0,
    ])
    const privileged = await sh(
      `docker inspect -f '{{.HostConfig.Privileged}} {{.HostConfig.UsernsMode}}' $(docker ps -q) | sort`,
    )
    expect(privileged.split('\n')).toEqual(['false ', 'false ', 'false ', 'false ', 'false host'])
    const socket = await sh(
      `docker inspect -f '{{.Name}} {{.HostConfig.Binds}}' $(docker ps -q) | grep docker.sock`,
    )
    expect(socket).toMatch(/^\/librechat-lab-portainer-1 .*$/)
  })

  it('come back when one is killed, and live through a restart of Docker', async () => {
    await sh('kill -9 $(docker inspect -f "{{.State.Pid}}" librechat-lab-librechat-1)')
    const health = await healthy()
    expect(health.restarts.librechat).toBe(1)
    const before = await containers()
    await sh('systemctl restart docker')
    await healthy()
    expect(await containers()).toBe(before)
    const browser = await signedIn()
    browser.close()
  })

  it.each([
    ['has lost its rules', 'iptables -F DOCKER-USER', ['metadata', 'host-ports']],
    ['never asks for them', 'iptables -D FORWARD -j DOCKER-USER', ['metadata', 'host-ports']],
    ['accepts before them', 'iptables -I FORWARD -j ACCEPT', ['metadata', 'host-ports']],
    ['lets containers in to the host', 'iptables -I INPUT -i br-+ -j ACCEPT', ['host-ports']],
  ])(
    'are not what they should be when the firewall %s: status says so and up repairs it',
    async (_, break_, codes) => {
      await sh(break_)
      const { healthy: fine, problems } = await readHealth(lab.host)
      expect({ fine, codes: problems.map(({ code }) => code) }).toEqual({ fine: false, codes })
      await runStage(lab.host, 'docker', { timeoutSeconds: 600 })
      expect(await healthy()).toMatchObject({ metadataProtected: true, hostPortsProtected: true })
    },
  )
})

describe('users', () => {
  const hostile = 'Pa$$(touch /tmp/pwned)`touch /tmp/pwned`"\'\\;|&<>{{ssm:x}} ünï ☃'

  it('are added with a password that is given, which travels encrypted to a key of the host’s that is then gone', async () => {
    const name = `$(touch /tmp/pwned) "quoted" 'and' \`so\` {{ssm:x}} ☃`
    const made = await addUser(lab.host, { email: 'ann@example.org', name, password: hostile })
    expect(made).toEqual({ email: 'ann@example.org', made: true })
    expect(await sh('ls /run/librechat-lab/keys')).toBe('')
    for (const { script, result } of lab.systemsManager.sent) {
      expect(`${script}${result?.stdout}`.includes(hostile)).toBe(false)
    }
    const browser = new Browser(lab.machine.ports.https)
    expect((await browser.login('ann@example.org', hostile)).status).toBe(200)
    browser.close()
    expect(await listUsers(lab.host)).toEqual([
      expect.objectContaining({ email }),
      expect.objectContaining({ email: 'ann@example.org', name }),
    ])
    expect(await sh('ls /tmp/pwned 2>/dev/null || echo none')).toBe('none')
    expect(await sh('docker exec librechat-lab-librechat-1 ls /tmp/pwned 2>/dev/null || echo none')).toBe(
      'none',
    )
  })

  it('are not added twice', async () => {
    await expect(addUser(lab.host, { email: 'Ann@example.org' })).rejects.toMatchObject({
      code: 'user-exists',
    })
  })

  it('get a new password from the host', async () => {
    const { password: made = '' } = await resetPassword(lab.host, { email: 'ann@example.org' })
    const browser = new Browser(lab.machine.ports.https)
    expect((await browser.login('ann@example.org', hostile)).status).toBe(422)
    expect((await browser.login('ann@example.org', made)).status).toBe(200)
    browser.close()
    await expect(resetPassword(lab.host, { email: 'nobody@example.org' })).rejects.toMatchObject({
      code: 'user-unknown',
    })
  })

  it('are removed, and LibreChat is there again', async () => {
    await removeUser(lab.host, 'ann@example.org')
    expect((await listUsers(lab.host)).map((user) => user.email)).toEqual([email])
    await healthy()
    expect(await sh('systemctl list-timers --all --no-legend librechat-lab-start.timer')).toBe('')
  })

  it('are added whose addresses LibreChat would refuse as user names, more than one of them', async () => {
    const more = ["d'arc@example.org", 'x--1@my-company.example', 'x-1@my-company.example']
    for (const one of more) expect(await addUser(lab.host, { email: one })).toMatchObject({ made: true })
    expect((await listUsers(lab.host)).map((user) => user.email)).toEqual([email, ...more])
  })
})

describe('Portainer', () => {
  it('sees Docker, and has the password that the command line shows', async () => {
    const portainer = new Browser(lab.machine.ports.portainer)
    const { username, password, works } = await portainerPassword(lab.host, 'show')
    expect({ username, works }).toEqual({ username: 'admin', works: true })
    const login = await portainer.ask(
      'POST',
      '/api/auth',
      JSON.stringify({ Username: username, Password: password }),
    )
    expect(login.status).toBe(200)
    expect(JSON.parse((await portainer.ask('GET', '/api/containers')).body)).toHaveLength(5)
    portainer.close()
  })

  it('gets a new password', async () => {
    const before = await portainerPassword(lab.host, 'show')
    const after = await portainerPassword(lab.host, 'reset')
    expect(after).toMatchObject({ username: 'admin', works: true })
    expect(after.password).not.toBe(before.password)
    expect(await portainerPassword(lab.host, 'show')).toEqual(after)
  })

  it('follows its tag by a timer, and no run moves it back', async () => {
    const version = () => sh(`curl -sk https://127.0.0.1:9443/api/system/status`)
    const update = () => sh('systemctl start librechat-lab-portainer.service')
    expect(await sh('systemctl is-enabled librechat-lab-portainer.timer librechat-lab-system.timer')).toBe(
      'enabled\nenabled',
    )
    await update()
    expect((await readHealth(lab.host)).updates.portainer).toMatchObject({ result: 'current' })
    await sh(
      'cp /srv/registry/tags/portainer/portainer-ce/next /srv/registry/tags/portainer/portainer-ce/lts',
    )
    await update()
    expect((await healthy()).updates.portainer).toMatchObject({ result: 'updated' })
    expect(await version()).toContain('2.34.0')
    const before = await containers()
    await putStack()
    expect(await containers()).toBe(before)
    expect((await portainerPassword(lab.host, 'show')).works).toBe(true)
    await sh('touch /srv/registry/down')
    await sh('systemctl start librechat-lab-portainer.service || true; rm /srv/registry/down')
    const { updates, warnings } = await readHealth(lab.host)
    expect(updates.portainer).toMatchObject({ result: 'failed' })
    expect(warnings).toContainEqual(expect.objectContaining({ code: 'update-portainer' }))
  })
})

describe('the system', () => {
  it('installs security fixes, and says when one failed or waits for a restart', async () => {
    await sh('systemctl start librechat-lab-system.service')
    expect((await readHealth(lab.host)).updates.system).toMatchObject({ result: 'updated' })
    await sh('touch /srv/dnf-down /srv/reboot-needed; systemctl start librechat-lab-system.service || true')
    const { warnings, rebootNeeded } = await readHealth(lab.host)
    expect(rebootNeeded).toBe(true)
    expect(warnings.map(({ code }) => code)).toEqual(expect.arrayContaining(['update-system', 'reboot']))
    await sh('rm /srv/dnf-down /srv/reboot-needed; systemctl start librechat-lab-system.service')
  })

  it('says that a new kernel waits for a restart', async () => {
    expect((await readHealth(lab.host)).rebootNeeded).toBe(false)
    await sh('echo 6.18.99-1.amzn2023.x86_64 >/srv/kernel')
    const { rebootNeeded, warnings } = await readHealth(lab.host)
    expect({ rebootNeeded, warnings }).toMatchObject({
      rebootNeeded: true,
      warnings: expect.arrayContaining([
        expect.objectContaining({
          code: 'reboot',
          text: expect.stringContaining('6.18.99-1.amzn2023.x86_64 is installed'),
        }),
      ]),
    })
    await sh('rm /srv/kernel')
  })

  it('says that the disk is nearly full before anything breaks', async () => {
    await sh('fallocate -l $(( ($(df -Pm / | awk "NR == 2 { print \\$4 }") - 700) * 1048576 )) /srv/filler')
    const before = await containers()
    const health = await readHealth(lab.host)
    expect(health.problems).toEqual([expect.objectContaining({ code: 'disk-full' })])
    await expect(putStack()).rejects.toMatchObject({ code: 'disk-full' })
    expect(await containers()).toBe(before)
    expect(health.services).toEqual(services)
    await sh('rm /srv/filler')
    expect((await healthy()).warnings.filter(({ code }) => code === 'disk-low')).toEqual([])
  })

  it('is healthy again by itself after a reboot, and after the plug was pulled', async () => {
    const kept = await secrets()
    await lab.machine.reboot()
    expect((await healthy()).metadataProtected).toBe(true)
    await lab.machine.reset()
    await healthy()
    const browser = await signedIn()
    browser.close()
    expect(await secrets()).toBe(kept)
    expect(await sh('swapon --show=NAME --noheadings')).toBe('/swapfile')
  })
})

describe('a change', () => {
  const librechat = (tag: string) => ({ LIBRECHAT_IMAGE: `127.0.0.1:5000/librechat-ai/librechat:${tag}` })
  const migrates = (below: string) =>
    writeFileSync(join(lab.templates, 'migrations.json'), JSON.stringify([{ ...migrations[0], below }]))
  const update = () => setUpHost(lab.host, lab.settings, undefined, { proof: undefined, again: true })
  const config = async () => {
    const browser = await signedIn()
    const { body } = await browser.ask('GET', '/api/config')
    browser.close()
    return JSON.parse(body)
  }
  const documents = () =>
    sh(
      'cat "$(docker volume inspect -f "{{.Mountpoint}}" librechat-lab_mongodb$(sed -n s/^LAB_DATA=//p /opt/librechat-lab/.env))"/documents.json',
    )

  it('of a pinned image dumps first, migrates, and keeps data and secrets', async () => {
    const kept = await secrets()
    migrates('v0.8.9')
    // As the script that refreshes the pins writes them: the tag and its digest.
    const digest = await sh('cat /srv/registry/tags/librechat-ai/librechat/v0.8.9')
    lab.pin(librechat(`v0.8.9@${digest}`))
    const before = (await readHealth(lab.host)).release
    const { health } = await setUpHost(lab.host, lab.settings)
    expect(health.healthy).toBe(true)
    expect(health.release).not.toBe(before)
    expect(health).toMatchObject({
      versions: { librechat: 'v0.8.9' },
      updates: { librechat: { result: 'updated' } },
      updatePending: false,
    })
    expect(await config()).toMatchObject({ version: 'v0.8.9' })
    expect(await documents()).toContain('"migrated":"v0.8.9"')
    expect(await sh('ls /var/lib/librechat-lab/dumps')).toMatch(/-update$/m)
    expect(await secrets()).toBe(kept)
  })

  // Not in .ci/run yet: it was not seen green on the machine since Compose makes new containers for restored volumes.
  it.skipIf(process.env.CI).each([
    ['fails its migration', 'v0.8.10', /E11000/],
    ['does not start', 'v0.8.11', /librechat: /],
  ])(
    'to a version that %s is rolled back by the host, with all data',
    { timeout: 1_800_000 },
    async (_, version, why) => {
      const kept = await documents()
      migrates(version)
      lab.pin(librechat(version))
      await expect(update()).rejects.toMatchObject({
        code: 'update-rolled-back',
        why: expect.stringMatching(why),
      })
      const health = await healthy()
      expect(health.versions.librechat).toBe('v0.8.9')
      expect(health.warnings).toContainEqual(expect.objectContaining({ code: 'update-rolled-back' }))
      expect(JSON.parse(await documents())).toEqual(JSON.parse(kept))
      expect(await sh('docker exec librechat-lab-librechat-1 cat /app/uploads/migrated')).toBe('v0.8.9')
      expect(await config()).toMatchObject({ version: 'v0.8.9' })
      // A plain run leaves the version alone, and is done in the usual time.
      await setUpHost(lab.host, lab.settings)
      expect((await healthy()).versions.librechat).toBe('v0.8.9')
    },
  )

  it.skipIf(process.env.CI)('to a version that is older than what runs is refused', async () => {
    lab.pin(librechat('v0.8.8'))
    await runStage(lab.host, 'images', { timeoutSeconds: 900 })
    await expect(
      runStage(lab.host, 'stack', { input: stackInput(lab.settings, lab.templates), timeoutSeconds: 900 }),
    ).rejects.toMatchObject({ code: 'older-version' })
    expect(await config()).toMatchObject({ version: 'v0.8.9' })
    lab.pin(librechat('v0.8.9'))
  })

  it('to an image that its registry does not give takes the fallback', async () => {
    lab.pin({
      LIBRECHAT_IMAGE: '127.0.0.1:5000/librechat-ai/gone:v0.8.9',
      LIBRECHAT_IMAGE_FALLBACK: '127.0.0.1:5000/librechat-ai/librechat:v0.8.9',
    })
    await runStage(lab.host, 'images', { timeoutSeconds: 900 })
    expect(await sh('cat /opt/librechat-lab/images/LIBRECHAT_IMAGE')).toMatch(
      /gone:v0\.8\.9\n.*librechat@sha256:/,
    )
    lab.pin({
      LIBRECHAT_IMAGE: '127.0.0.1:5000/librechat-ai/gone:v1',
      LIBRECHAT_IMAGE_FALLBACK: '127.0.0.1:5000/gone:v2',
    })
    await expect(runStage(lab.host, 'images', { timeoutSeconds: 900 })).rejects.toMatchObject({
      code: 'image-pull',
    })
    lab.pin(librechat('v0.8.9'))
  })

  it('of the search engine has everything indexed again', async () => {
    lab.pin({ ...librechat('v0.8.9'), MEILISEARCH_VOLUME: 'v1.36.0' })
    await putStack()
    expect(await sh('docker volume ls -q | grep meilisearch | sort')).toBe(
      'librechat-lab_meilisearch-v1.35.1\nlibrechat-lab_meilisearch-v1.36.0',
    )
    expect(await sh('docker exec librechat-lab-librechat-1 cat /app/data/search-reset')).toBe('y n')
    lab.pin(librechat('v0.8.9'))
  })

  it('to a domain brings HSTS and the way to its name, and keeps the address', async () => {
    const settings = { ...lab.settings, domain: 'chat.example.org' }
    await putStack(settings)
    // Nobody can give this machine a certificate for that name, and a site that does not open is not well.
    const { release: there, services: running, problems } = await readHealth(lab.host)
    expect({ there, running }).toEqual({ there: release(settings, lab.templates), running: services })
    expect(problems).toEqual([
      expect.objectContaining({ code: 'certificate', text: expect.stringContaining('must point to') }),
    ])
    const browser = await signedIn()
    expect((await browser.ask('GET', '/api/config')).headers['strict-transport-security']).toMatch(/max-age/)
    browser.close()
    expect(await sh('curl -si http://10.0.2.15/ | grep -i ^location')).toMatch('https://chat.example.org/')
  })
})
