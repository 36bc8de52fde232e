import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { Server, Socket } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { reasonFor } from '../../src/tunnel/leftovers.js'
import { parseTarget, urlOf } from '../../src/tunnel/targets.js'
import { connectTo, serve, until } from './local.js'
import { type Running, runProgram } from './program.js'
import { Remote } from './remote.js'

let remote: Remote
let folder: string
let server: Server
let port: number
let running: Running | undefined

beforeAll(async () => {
  remote = await Remote.start()
  folder = await mkdtemp(join(tmpdir(), 'commands-'))
  const served = await serve((socket: Socket) => socket.on('data', (chunk) => socket.write(chunk)))
  server = served.server
  port = served.port
})
afterAll(async () => {
  server.close()
  await remote.stop()
  await rm(folder, { recursive: true })
})
beforeEach(() =>
  remote.set({
    agent: { ports: { 80: port, 9443: port, 5000: port } },
    instances: [{ id: 'i-0123' }],
    errors: {},
    leftovers: [],
  }),
)
afterEach(async () => {
  running?.child.kill('SIGKILL')
  await running?.ended
  running = undefined
})

function start(args: string[], env: Record<string, string> = {}): Running {
  running = runProgram(remote, args, env)
  return running
}

const ready = ({ out, err, child }: Running) =>
  until('the tunnel to be ready', () => {
    if (child.exitCode !== null) throw new Error(err())
    return /:\/\/[^/]+:\d+/.test(out()) && out().endsWith('\n')
  })

/** What a command that fails says, as JSON. */
async function failure(args: string[], env: Record<string, string> = {}) {
  const { ended, out } = start([...args, '--json'], env)
  const code = await ended
  return { code, ...JSON.parse(out()) }
}

describe('tunnel', () => {
  test('opens what it is asked for, says so in one line of JSON, and ends the sessions at Ctrl-C', async () => {
    const tunnel = start(['tunnel', '5000:25871', 'portainer', '--json'])
    await ready(tunnel)
    const lines = tunnel.out().trim().split('\n')
    expect(lines).toHaveLength(1)
    const { tunnels } = JSON.parse(lines[0] ?? '')
    expect(tunnels).toMatchObject([
      { target: '5000:25871', bind: '127.0.0.1', localPort: 25871, remotePort: 5000 },
      { target: 'portainer', remotePort: 9443 },
    ])
    const socket = await connectTo(tunnels[0].localPort)
    socket.write('hello')
    const echoed = await new Promise<Buffer>((resolve) => socket.once('data', resolve))
    expect(echoed.toString()).toBe('hello')
    socket.destroy()
    const before = await remote.stats()
    tunnel.child.kill('SIGINT')
    expect(await tunnel.ended).toBe(130)
    const after = await remote.stats()
    expect(after.terminated.length - before.terminated.length).toBe(2)
    expect(before.started.at(-1)).toMatchObject({
      DocumentName: 'AWS-StartPortForwardingSession',
      Target: 'i-0123',
    })
  })

  test('is on both addresses of localhost, or not announced as localhost', async () => {
    const tunnel = start(['tunnel', '5000:25875', '--json'])
    await ready(tunnel)
    const { addresses, url } = JSON.parse(tunnel.out()).tunnels[0]
    expect(url).toBe('http://localhost:25875')
    expect(addresses[0]).toBe('127.0.0.1')
    tunnel.child.kill('SIGKILL')
    await tunnel.ended
    const bound = start(['tunnel', '5000:25876', '--bind', '127.0.0.1', '--json'])
    await ready(bound)
    expect(JSON.parse(bound.out()).tunnels[0]).toMatchObject({
      url: 'http://127.0.0.1:25876',
      addresses: ['127.0.0.1'],
    })
  })

  test('says at Ctrl-C what is closed, and promises nothing for it', async () => {
    const tunnel = start(['tunnel', '5000:25877', '--json'])
    await ready(tunnel)
    const socket = await connectTo(25877)
    socket.write('hello')
    await new Promise((resolve) => socket.once('data', resolve))
    tunnel.child.kill('SIGINT')
    expect(await tunnel.ended).toBe(130)
    expect(tunnel.err()).toContain('1 open connection is closed; unfinished transfers end with an error.')
    expect(tunnel.err()).not.toMatch(/nothing is lost/i)
  })

  test('tells a session that was ended in use from one that was idle', async () => {
    const tunnel = start(['tunnel', '5000:25878', '--json'])
    await ready(tunnel)
    await remote.set({ expired: true })
    await remote.break('kill')
    await until('the reason', () => tunnel.err().includes('while it was in use: an administrator ended it'))
    await remote.set({ expired: false })
  })

  test('never shows a token', async () => {
    const tunnel = start(['tunnel', '5000', '--debug'])
    await ready(tunnel)
    tunnel.child.kill('SIGINT')
    await tunnel.ended
    expect(tunnel.out() + tunnel.err()).not.toMatch(/TokenValue|data-channel|[0-9a-f]{8}-[0-9a-f]{4}-4/)
  })

  test('listens on loopback only, and warns when told otherwise', async () => {
    const tunnel = start(['tunnel', '5000', '--bind', '0.0.0.0'])
    await ready(tunnel)
    expect(tunnel.err()).toContain('Everyone who can reach 0.0.0.0')
  })

  test('says when nothing listens over there, and goes on', async () => {
    const tunnel = start(['tunnel', '81:25872'])
    await ready(tunnel)
    expect(tunnel.err()).toContain('Nothing listens on port 81 of the instance')
  })

  test('finds a free port when the wanted one is taken, and says which', async () => {
    const tunnel = start(['tunnel', `5000:${port}`])
    await ready(tunnel)
    expect(tunnel.err()).toMatch(new RegExp(`Local port ${port} is in use, so .* is on \\d+`))
  })

  test.each([
    [
      'stopped',
      { instances: [{ id: 'i-0123', state: 'stopped' }] },
      'instance-stopped',
      'librechat-lab start',
    ],
    ['unknown', { instances: [] }, 'no-such-lab', 'librechat-lab up'],
    ['without its agent', { errors: { StartSession: 'TargetNotConnected' } }, 'agent-offline', 'status'],
    ['forbidden', { errors: { StartSession: 'AccessDeniedException' } }, 'not-allowed', 'policy tunnel'],
  ])('says what to do about an instance that is %s', async (_, settings, code, fix) => {
    await remote.set(settings)
    const said = await failure(['tunnel'])
    expect(said.error.code).toBe(code)
    expect(said.error.fix.join('\n')).toContain(fix)
    expect(said.code).toBe(code === 'no-such-lab' ? 3 : 1)
  })

  test('says what is missing when the channel is forbidden', async () => {
    const said = await failure(['tunnel'], { AWS_SECRET_ACCESS_KEY: 'another' })
    expect(said.error.what).toContain('ssmmessages:OpenDataChannel')
  })

  test('says it when an old agent can’t connect to the port, and goes on', async () => {
    await remote.set({ agent: { version: '3.0.196.0', ports: {} } })
    const tunnel = start(['tunnel', '5000'])
    await ready(tunnel)
    expect(tunnel.err()).toContain('Unable to connect to specified port')
  })

  test.each(['0', '70000', '80:', 'x', '80:0', '1; rm -rf /', '80:80:80', ''])(
    'refuses %j',
    async (target) => {
      expect(() => parseTarget(target)).toThrow(expect.objectContaining({ code: 'bad-target' }))
    },
  )

  test('refuses a number of sessions that is none', async () => {
    expect((await failure(['tunnel', '--sessions', '0'])).error.code).toBe('bad-option')
  })

  test('tells of sessions that a killed tunnel has left, and of no others', async () => {
    const reason = (pid: number, machine = hostname()) => reasonFor({ machine, pid })
    await remote.set({
      leftovers: [
        { SessionId: 'tester-killed', Reason: reason(4_194_303) },
        { SessionId: 'tester-alive', Reason: reason(process.pid) },
        { SessionId: 'tester-elsewhere', Reason: reason(4_194_303, 'another machine') },
        { SessionId: 'somebody-else' },
      ],
    })
    const tunnel = start(['tunnel', '5000'])
    await ready(tunnel)
    expect(tunnel.err()).toContain('aws ssm terminate-session --session-id tester-killed')
    expect(tunnel.err()).not.toMatch(/tester-alive|tester-elsewhere|somebody-else/)
  })

  test('hands over to AWS’s plugin, with the token in the environment only', async () => {
    const plugin = join(folder, 'session-manager-plugin')
    await writeFile(
      plugin,
      `#!${process.execPath}
      const [name, region, operation, profile, request, endpoint] = process.argv.slice(2)
      const { SessionId, TokenValue, StreamUrl } = JSON.parse(process.env[name])
      if (!TokenValue || !StreamUrl || operation !== 'StartSession') process.exit(0)
      const { Target, Parameters } = JSON.parse(request)
      console.log(process.argv.join(' ').includes(TokenValue) ? 'token shown' : '')
      console.log('Port ' + Parameters.localPortNumber[0] + ' opened for sessionId ' + SessionId + '.', Target, region, endpoint)
      setTimeout(() => {}, 60000)`,
    )
    await chmod(plugin, 0o755)
    const tunnel = start(['tunnel', '5000:25873', '--plugin', '--json'], {
      PATH: `${folder}:${process.env.PATH}`,
    })
    await ready(tunnel)
    expect(JSON.parse(tunnel.out()).tunnels[0]).toMatchObject({ localPort: 25873, remotePort: 5000 })
    tunnel.child.kill('SIGINT')
    expect(await tunnel.ended).toBe(130)
  })

  test('ends when the plugin ends, and says so', async () => {
    const plugin = join(folder, 'session-manager-plugin')
    await writeFile(
      plugin,
      `#!${process.execPath}
      console.log('Port 25874 opened for sessionId x.')
      setTimeout(() => {}, 1500)`,
    )
    await chmod(plugin, 0o755)
    const tunnel = start(['tunnel', '5000:25874', '--plugin'], { PATH: `${folder}:${process.env.PATH}` })
    expect(await tunnel.ended).toBe(1)
    expect(tunnel.err()).toContain('session-manager-plugin has ended')
  })

  test('refuses with the plugin what the plugin does not know', async () => {
    expect((await failure(['tunnel', '--plugin', '--sessions', '2'])).error.code).toBe('bad-option')
  })

  test('says so when the plugin is not installed, or does nothing', async () => {
    expect((await failure(['tunnel', '--plugin'], { PATH: '/nonexistent' })).error.code).toBe('no-plugin')
    const plugin = join(folder, 'session-manager-plugin')
    await writeFile(plugin, '#!/bin/sh\necho unknown arguments\nexit 0\n')
    await chmod(plugin, 0o755)
    const said = await failure(['tunnel', '--plugin'], { PATH: `${folder}:${process.env.PATH}` })
    expect(said.error).toMatchObject({ code: 'plugin-failed', why: 'unknown arguments' })
  })
})

describe('logs', () => {
  /** Docker on the remote side, which says what it was asked and then writes a line every moment. */
  beforeEach(async () => {
    const sudo = join(folder, 'sudo')
    await writeFile(
      sudo,
      '#!/bin/sh\necho "asked: $@"\ncase "$*" in *--follow*) while sleep 0.1; do echo more; done;; esac\n',
    )
    await chmod(sudo, 0o755)
    await remote.set({ agent: { path: folder } })
  })

  test('prints a service’s last lines, with plain line ends', async () => {
    const { ended, out } = start(['logs', 'proxy'])
    expect(await ended).toBe(0)
    expect(out()).toBe('asked: docker compose -p librechat-lab logs --no-color --tail 200 proxy\n')
  })

  test('prints them as JSON', async () => {
    const { ended, out } = start(['logs', '--json'])
    expect(await ended).toBe(0)
    expect(JSON.parse(out())).toMatchObject({
      service: 'librechat',
      lines: ['asked: docker compose -p librechat-lab logs --no-color --tail 200 librechat'],
    })
  })

  test('tells why AWS ended it, and fails', async () => {
    const logs = start(['logs', '--follow'])
    await until('a line', () => logs.out().includes('more'))
    await remote.expire('Your session timed out due to inactivity.')
    expect(await logs.ended).toBe(1)
    expect(logs.err()).toContain('Your session timed out due to inactivity.')
  })

  test('follows until it is stopped, and leaves nothing behind', async () => {
    const logs = start(['logs', '--follow'])
    await until('three lines', () => logs.out().split('more').length > 3)
    const { live } = await remote.stats()
    logs.child.kill('SIGINT')
    expect(await logs.ended).toBe(130)
    expect((await remote.stats()).live).toBe(live - 1)
  })

  test('refuses what is no service', async () => {
    const { calls } = await remote.stats()
    expect((await failure(['logs', 'x; reboot'])).error.code).toBe('no-such-service')
    expect((await remote.stats()).calls).toEqual(calls)
  })
})

test.each([
  ['librechat', undefined, 8080, 'http://localhost:8080'],
  ['portainer', '127.0.0.1', 9443, 'https://127.0.0.1:9443'],
  ['443:8443', '0.0.0.0', 8443, 'https://127.0.0.1:8443'],
  ['80', '::', 8080, 'http://[::1]:8080'],
  ['80', 'fe80::1', 1, 'http://[fe80::1]:1'],
])('the address of %s', (target, bind, at, url) => {
  expect(urlOf(parseTarget(target), bind, at)).toBe(url)
})
