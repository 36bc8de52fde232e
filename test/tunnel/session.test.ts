import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import { connect as dial } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { proxyAgents, proxyFor } from '../../src/aws/proxy.js'
import { type Clock, systemClock } from '../../src/core/clock.js'
import { Interrupted } from '../../src/core/error.js'
import { isLater, response } from '../../src/tunnel/handshake.js'
import { Session, type SessionEvents } from '../../src/tunnel/session.js'
import { upgradeHeaders } from '../../src/tunnel/sign.js'
import { openSocket } from '../../src/tunnel/socket.js'
import { fastClock, forwarding, serve, surroundings, until } from './local.js'
import { Remote } from './remote.js'

let remote: Remote
beforeAll(async () => {
  remote = await Remote.start()
})
afterAll(() => remote.stop())
beforeEach(() => remote.set({ agent: {}, errors: {}, silent: false, expired: false }))

const silent: SessionEvents = {
  payload: () => {},
  onDrain: () => {},
  broken: () => {},
  resumed: () => {},
  ended: () => {},
}
const port = {
  instanceId: 'i-0123',
  document: 'AWS-StartPortForwardingSession',
  parameters: { portNumber: ['80'], localPortNumber: ['0'] },
}
const deaf = { frame: () => {}, gone: () => {}, pong: () => {} }

/** A clock that stands still but for what a test lets pass. */
class HandClock implements Clock {
  private time = Date.now()
  private readonly sleepers = new Set<{ at: number; wake: () => void }>()
  now = () => this.time

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { at: this.time + ms, wake: resolve }
      this.sleepers.add(sleeper)
      const abort = () => this.sleepers.delete(sleeper) && reject(new Interrupted())
      if (signal?.aborted) abort()
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** Lets time pass, waking each sleeper when its time has come. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms
    while (true) {
      const next = [...this.sleepers].sort((a, b) => a.at - b.at)[0]
      if (!next || next.at > end) break
      this.time = next.at
      this.sleepers.delete(next)
      next.wake()
      await Promise.resolve()
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.time = end
  }
}

describe('a session', () => {
  test('lives through an hour without traffic, answering and being answered', async () => {
    const clock = new HandClock()
    const ended: unknown[] = []
    const events = { ...silent, ended: (ending: unknown) => ended.push(ending) }
    const session = await Session.start(port, surroundings(remote, clock), events)
    const before = (await remote.stats()).pings
    for (let minute = 0; minute < 60; minute++) {
      for (let half = 0; half < 2; half++) {
        // The pong is real: it gets the time that it takes.
        const { pings } = await remote.stats()
        await clock.pass(14_999)
        await systemClock.sleep(10)
        await clock.pass(15_001)
        await until('a ping', async () => (await remote.stats()).pings > pings)
        await systemClock.sleep(5)
      }
    }
    expect((await remote.stats()).pings - before).toBeGreaterThanOrEqual(119)
    expect(session.reconnections).toBe(0)
    expect(ended).toEqual([])
    const { agents } = await remote.stats()
    expect(agents.at(-1)?.seen).toBe(1)
    await session.stop()
  }, 60_000)

  test('is given up when it can’t be resumed for five minutes, and not before', async () => {
    const clock = fastClock(100)
    const ended: { how: string; at: number }[] = []
    const events = { ...silent, ended: ({ how }: { how: string }) => ended.push({ how, at: clock.now() }) }
    const session = await Session.start(port, surroundings(remote, clock), events)
    await remote.set({ errors: { ResumeSession: 'InternalServerError' } })
    const since = clock.now()
    await remote.break('kill')
    await until('the end', () => ended.length > 0)
    expect(ended[0]?.how).toBe('lost')
    expect((ended[0]?.at ?? 0) - since).toBeGreaterThanOrEqual(5 * 60_000)
    await session.stop()
  }, 30_000)

  test('is given up immediately when the credentials have expired', async () => {
    const ended: { how: string }[] = []
    const session = await Session.start(port, surroundings(remote), {
      ...silent,
      ended: (ending) => ended.push(ending),
    })
    await remote.set({ errors: { ResumeSession: 'ExpiredTokenException' } })
    await remote.break('kill')
    await until('the end', () => ended.length > 0, 3000)
    expect(ended[0]).toMatchObject({ how: 'lost', error: { name: 'ExpiredTokenException' } })
    await session.stop()
  })

  test('that the instance never answers is an error within thirty seconds, and ended at AWS', async () => {
    await remote.set({ agent: { quiet: true } })
    const { terminated } = await remote.stats()
    const clock = fastClock(20)
    const since = clock.now()
    await expect(Session.start(port, surroundings(remote, clock), silent)).rejects.toMatchObject({
      code: 'no-handshake',
    })
    expect(clock.now() - since).toBeLessThan(40_000)
    expect((await remote.stats()).terminated.length).toBe(terminated.length + 1)
  })

  test.each([
    ['while AWS starts it', 0],
    ['while the instance is silent', 200],
  ])('is not begun when the user has had enough %s', async (_, ms) => {
    await remote.set({ agent: { quiet: true } })
    const enough = new AbortController()
    setTimeout(() => enough.abort(new Interrupted()), ms)
    const start = Session.start(port, surroundings(remote), silent, enough.signal)
    await expect(start).rejects.toMatchObject({ code: 'interrupted' })
  })

  test('of an agent that knows no handshake begins with its first words', async () => {
    await remote.set({ agent: { handshake: false } })
    let said = ''
    const session = await Session.start({ instanceId: 'i-0123' }, surroundings(remote), {
      ...silent,
      payload: (_, payload) => {
        said += payload
      },
    })
    await until('the prompt', () => said.includes('remote$'))
    await session.stop()
  })

  test('signs each connection again, and is refused with another key', async () => {
    const around = surroundings(remote)
    const forged = async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'another' })
    const { refused } = await remote.stats()
    const start = Session.start(
      port,
      { ...around, signer: { region: 'us-east-1', credentials: forged } },
      silent,
    )
    await expect(start).rejects.toThrow('403')
    expect((await remote.stats()).refused.length).toBe(refused.length + 1)
  })
})

describe('the signature', () => {
  const signer = {
    region: 'eu-west-1',
    credentials: async () => ({ accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'token' }),
  }

  test('covers the host, the date and the token of temporary credentials', async () => {
    const headers = await upgradeHeaders('wss://ssmmessages.eu-west-1.amazonaws.com/v1/x?role=a', signer, 0)
    expect(headers).toMatchObject({ 'x-amz-date': '19700101T000000Z', 'x-amz-security-token': 'token' })
    expect(headers.authorization).toContain('AKID/19700101/eu-west-1/ssmmessages/aws4_request')
    expect(headers.authorization).toContain('SignedHeaders=host;x-amz-date;x-amz-security-token')
  })

  test('is left out where the address has its own', async () => {
    expect(await upgradeHeaders('wss://x/v1/y?X-Amz-Algorithm=AWS4&X-Amz-Signature=1', signer, 0)).toEqual({})
  })
})

describe('the connection', () => {
  test.each([
    'ws://ssmmessages.us-east-1.amazonaws.com/x',
    'ws://127.0.0.1.example.com/x',
    'http://127.0.0.1/',
  ])('without TLS to %s is refused', async (url) => {
    await expect(openSocket({ url, token: '' }, surroundings(remote), deaf)).rejects.toMatchObject({
      code: 'insecure-stream',
    })
  })

  describe('over TLS', () => {
    let folder: string
    let server: https.Server
    let certificate: Buffer
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'tls-'))
      const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
      const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
      const made = [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        key,
        '-out',
        cert,
        '-days',
        '2',
      ]
      execFileSync('openssl', [...made, ...subject], { stdio: 'ignore' })
      certificate = await readFile(cert)
      server = https.createServer({ key: await readFile(key), cert: certificate })
      new WebSocketServer({ server }).on('connection', (socket) => socket.on('error', () => {}))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
    })
    afterAll(async () => {
      server.close()
      await rm(folder, { recursive: true })
    })
    const open = (agent?: http.Agent) =>
      openSocket(
        { url: `wss://localhost:${(server.address() as { port: number }).port}/x`, token: '' },
        { ...surroundings(remote), agent },
        deaf,
      )

    test('to a certificate that nobody vouches for is refused, even where Node is told to trust all', async () => {
      const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
      try {
        process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
        await expect(open()).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
      } finally {
        if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
        else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
      }
    })

    test('through a proxy is verified as well', async () => {
      const proxy = await aProxy()
      await expect(open((await proxyAgents({ HTTPS_PROXY: proxy.url }))?.httpsAgent)).rejects.toMatchObject({
        code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      })
      expect(proxy.asked).toHaveLength(1)
      proxy.close()
    })

    test('to a certificate that is vouched for is made', async () => {
      const socket = await open(new https.Agent({ ca: certificate }))
      expect(socket.isOpen).toBe(true)
      socket.close()
    })
  })
})

/** A proxy that connects where it is asked to, and remembers. */
async function aProxy() {
  const asked: string[] = []
  const server = http.createServer()
  server.on('connect', (request, socket, head) => {
    asked.push(request.url ?? '')
    const [host, port] = (request.url ?? '').split(':')
    const onward = dial(Number(port), host, async () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      onward.write(head)
      onward.pipe(socket).pipe(onward)
    })
    for (const end of [socket, onward]) end.on('error', () => end.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return { url: `http://127.0.0.1:${port}`, asked, close: () => server.close() }
}

describe('a proxy', () => {
  test('is gone through to the data channel', async () => {
    const proxy = await aProxy()
    const around = {
      ...surroundings(remote),
      agent: (await proxyAgents({ HTTP_PROXY: proxy.url }))?.httpsAgent,
    }
    const session = await Session.start(port, around, silent)
    expect(proxy.asked).toEqual([`127.0.0.1:${remote.port}`])
    await session.stop()
    proxy.close()
  })

  test('is passed by for what NO_PROXY names', async () => {
    const proxy = await aProxy()
    const env = { HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.1' }
    const session = await Session.start(
      port,
      { ...surroundings(remote), agent: (await proxyAgents(env))?.httpsAgent },
      silent,
    )
    expect(proxy.asked).toEqual([])
    await session.stop()
    proxy.close()
  })

  test.each([
    ['https://ssm.us-east-1.amazonaws.com/', {}, ''],
    ['https://a.b/', { HTTPS_PROXY: 'http://p:1' }, 'http://p:1'],
    ['wss://a.b/', { HTTPS_PROXY: 'http://p:1' }, 'http://p:1'],
    ['http://a.b/', { HTTPS_PROXY: 'http://p:1' }, ''],
    ['http://a.b/', { HTTP_PROXY: 'p:1' }, 'http://p:1'],
    ['https://a.b/', { ALL_PROXY: 'socks5://p:1' }, 'socks5://p:1'],
    ['https://a.b/', { HTTPS_PROXY: 'http://upper', https_proxy: 'http://lower' }, 'http://lower'],
    ['https://a.b/', { HTTPS_PROXY: 'http://p', NO_PROXY: '*' }, ''],
    ['https://a.b/', { HTTPS_PROXY: 'http://p', NO_PROXY: 'x.y, .b' }, ''],
    ['https://a.b/', { HTTPS_PROXY: 'http://p', NO_PROXY: 'b' }, ''],
    ['https://ab/', { HTTPS_PROXY: 'http://p', NO_PROXY: 'b' }, 'http://p'],
    ['https://a.b/', { HTTPS_PROXY: 'http://p', NO_PROXY: 'a.b:8443' }, 'http://p'],
    ['https://a.b:8443/', { HTTPS_PROXY: 'http://p', NO_PROXY: 'a.b:8443' }, ''],
    ['https://[::1]/', { HTTPS_PROXY: 'http://p', no_proxy: '[::1]' }, ''],
    ['https://[::1]/', { HTTPS_PROXY: 'http://p', no_proxy: '::1' }, ''],
  ])('for %s with %j is %j', (url, env, proxy) => {
    expect(proxyFor(url, env)).toBe(proxy)
  })

  test('is none where none is named', async () => {
    expect(await proxyAgents({})).toBeUndefined()
    expect(await proxyAgents({ NO_PROXY: '*' })).toBeUndefined()
  })
})

describe('the handshake', () => {
  test('says what could not be done, and what is not known', () => {
    const answer = JSON.parse(
      response([
        { type: 'SessionType', outcome: { result: null } },
        { type: 'KMSEncryption', outcome: { error: 'no key' } },
        { type: 'Teleport', outcome: { unsupported: true } },
      ]).toString(),
    )
    expect(
      answer.ProcessedClientActions.map((action: { ActionStatus: number }) => action.ActionStatus),
    ).toEqual([1, 2, 3])
    expect(answer.Errors).toEqual(['no key', 'Unsupported action Teleport'])
    expect(isLater(answer.ClientVersion, '1.2.331.0')).toBe(true)
  })

  test.each([
    ['3.1.1511.1', '3.1.1511.0', true],
    ['3.1.1511.0', '3.1.1511.0', false],
    ['3.1.999.0', '3.1.1511.0', false],
    ['3.3', '3.1.1511.0', true],
    ['', '3.0.196.0', false],
  ])('knows whether %s is later than %s: %s', (version, other, later) => {
    expect(isLater(version, other)).toBe(later)
  })
})

test('a forward whose session can’t be opened listens no longer', async () => {
  await remote.set({ errors: { StartSession: 'TargetNotConnected' } })
  const { server, port: free } = await serve(() => {})
  server.close()
  await once(server, 'close')
  await expect(forwarding(remote, { localPort: free })).rejects.toMatchObject({ name: 'TargetNotConnected' })
  const socket = dial(free, '127.0.0.1')
  const [error] = await once(socket, 'error')
  expect(error.code).toBe('ECONNREFUSED')
})
