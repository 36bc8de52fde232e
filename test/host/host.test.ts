import { randomBytes } from 'node:crypto'
import { get } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { readHealth } from '../../src/host/host-health.js'
import { setUpHost } from '../../src/host/setup.js'
import { runStage } from '../../src/host/stage.js'
import { listUsers } from '../../src/host/users.js'
import { Browser, echo, sha256 } from './browser.js'
import { adminEmail } from './healthy.js'
import { Suite, services } from './suite.js'

const suite = new Suite()
const { sh, containers, secrets, healthy, signedIn } = suite

describe('a host', () => {
  it('goes from nothing to healthy, with a first user who is the admin before the ports are open', async () => {
    const { health, password, said } = suite.first
    expect(health.services).toEqual(services)
    expect(health.release).toBe(suite.first.release)
    expect(password.length).toBeGreaterThanOrEqual(16)
    const tasks = said.filter(({ event }) => event.type === 'task')
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
    console.error(`stages: ${JSON.stringify(times)}`)

    const browser = await signedIn()
    expect(JSON.parse((await browser.login(adminEmail, password)).body).role).toBe('ADMIN')
    browser.close()
    const [made] = await listUsers(suite.lab.host)
    const opened = await sh(`docker inspect -f '{{.State.StartedAt}}' librechat-lab-proxy-1`)
    expect(Date.parse(made?.created ?? '')).toBeLessThan(Date.parse(opened))
    const registered = await new Browser(suite.lab.machine.ports.https).ask(
      'POST',
      '/api/auth/register',
      '{}',
    )
    expect(registered.status).toBe(403)
  })

  it('uses all of a disk that was made larger', async () => {
    expect(Number(await sh('df -m --output=size / | tail -n 1'))).toBeGreaterThan(19.2 * 1024)
  })

  it('is left as it is by a second run', async () => {
    const before = await containers()
    const kept = await secrets()
    const { health, firstUser } = await setUpHost(suite.lab.host, suite.lab.settings, { email: adminEmail })
    expect(health.healthy).toBe(true)
    // Known from the first health check on, so not yet to that check itself.
    expect(health.firstSetup?.seconds).toBeGreaterThan(0)
    expect(firstUser).toBeUndefined()
    expect(await containers()).toBe(before)
    expect(await secrets()).toBe(kept)
  })

  it('reveals its secrets to nobody', async () => {
    const words = [...(await secrets()).matchAll(/[0-9a-f]{24,64}/g)].map(([word]) => word)
    expect(words).toHaveLength(6)
    const again = suite.lab.systemsManager.sent.map(({ script, result }) => ({
      script,
      output: `${result?.stdout}${result?.stderr}`,
    }))
    const carried = [...suite.first.carried, ...again]
    const outputs = carried.map(({ script, output }) => script + output)
    const logs = await sh('cat /var/log/librechat-lab/*; ps axww')
    for (const word of [...words, suite.first.password]) {
      expect(outputs.filter((output) => output.includes(word))).toEqual([])
      expect(logs.includes(word)).toBe(false)
    }
    for (const { script } of carried) expect(script.length).toBeLessThan(60 * 1024)
    expect(outputs.filter((output) => output.length > 8000 + 60 * 1024)).toEqual([])
    const modes = await sh(
      'stat -c "%a %U" /opt/librechat-lab/.env /opt/librechat-lab/secrets /opt/librechat-lab/secrets/*',
    )
    expect(modes.split('\n')).toEqual(['600 root', '700 root', '600 root', '600 root'])
  })
})

describe('a visitor', () => {
  it('stays signed in over https on the address, and gets no HSTS', async () => {
    const browser = await signedIn()
    const login = await browser.login(adminEmail, suite.first.password)
    expect(String(login.headers['set-cookie'])).toMatch(/Secure/)
    expect(login.headers['strict-transport-security']).toBeUndefined()
    expect((await browser.ask('POST', '/api/auth/refresh')).status).toBe(200)
    browser.close()
    expect((await new Browser(suite.lab.machine.ports.https).ask('POST', '/api/auth/refresh')).status).toBe(
      401,
    )
  })

  it('finds the same under localhost, where a tunnel ends', async () => {
    const browser = new Browser(suite.lab.machine.ports.https, 'localhost')
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
    const { certificate } = await readHealth(suite.lab.host)
    const days = (Date.parse(certificate?.notAfter ?? '') - Date.now()) / 86_400_000
    expect(days).toBeGreaterThan(80)
  })

  it('receives the words of an answer one after another', async () => {
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
    expect(await echo(suite.lab.machine.ports.https, 'hello')).toBe('hello')
  })

  it.each(['203.0.113.7', 'localhost', 'localhost:8080', 'evil.example'])(
    'gets from port 80 nothing but the way to https, whatever the Host header: %s',
    async (host) => {
      const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
        get(
          { host: '127.0.0.1', port: suite.lab.machine.ports.http, path: '/c/new?x=1', headers: { host } },
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
    const portainer = new Browser(suite.lab.machine.ports.portainer)
    expect((await portainer.ask('GET', '/api/system/status')).status).toBe(200)
    portainer.close()
    const ports = await sh(
      `docker ps --format '{{.Names}} {{.Ports}}' | grep -- '->' | cut -d ' ' -f 1 | sort`,
    )
    expect(ports.split('\n')).toEqual(['librechat-lab-portainer-1', 'librechat-lab-proxy-1'])
    // QEMU accepts for the guest; an unpublished port ends the connection without a word.
    const said = await new Promise<string>((resolve) => {
      let text = ''
      const socket = connect(suite.lab.machine.ports.mongodb, '127.0.0.1', () =>
        socket.write('["find","user"]\n'),
      )
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

  it('reach only what they need: LibreChat the databases, the proxy LibreChat, and Portainer nothing', async () => {
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

  it('reach the instance metadata only from LibreChat, and only with a hop limit of 2', async () => {
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
      const { healthy: fine, problems } = await readHealth(suite.lab.host)
      expect({ fine, codes: problems.map(({ code }) => code) }).toEqual({ fine: false, codes })
      await runStage(suite.lab.host, 'docker', { timeoutSeconds: 600 })
      expect(await healthy()).toMatchObject({ metadataProtected: true, hostPortsProtected: true })
    },
  )
})
