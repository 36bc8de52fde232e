import { once } from 'node:events'
import { get } from 'node:http'
import { request } from 'node:https'
import { PassThrough } from 'node:stream'
import * as ssm from '@aws-sdk/client-ssm'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { Forward, type Notice } from '../../src/tunnel/forward.js'
import type { SessionSurroundings } from '../../src/tunnel/session.js'
import { runTerminal } from '../../src/tunnel/terminal.js'
import { makeInstance, play, playInRealTime } from './played.js'

const credentials = async () => ({ accessKeyId: 'a', secretAccessKey: 'b' })
const opened: Forward[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((forward) => forward.close()))
})

/** An instance whose agent reports, and what the program's own tunnel needs to reach it. */
async function reach(): Promise<{ instanceId: string; surroundings: SessionSurroundings }> {
  const played = await play()
  const instanceId = await makeInstance(played)
  const { clients } = await playInRealTime(played.statePath)
  return {
    instanceId,
    surroundings: { clock: systemClock, ssm: clients.ssm, signer: { region: 'us-east-1', credentials } },
  }
}

async function forward(remotePort: number) {
  const { instanceId, surroundings } = await reach()
  const notices: Notice[] = []
  const opening = await Forward.open(
    { instanceId, remotePort, localPort: 0, bind: '127.0.0.1', sessions: 1 },
    surroundings,
    (notice) => notices.push(notice),
  )
  opened.push(opening)
  return { port: opening.port, notices, surroundings }
}

const page = (port: number, path = '/') =>
  new Promise<string>((resolve, reject) => {
    const asked = get({ port, host: '127.0.0.1', path, agent: false }, async (response) =>
      resolve(Buffer.concat(await response.toArray()).toString()),
    )
    asked.on('error', reject)
  })

describe('the rehearsal’s tunnel', () => {
  it('leads to a real page that describes what would be there', async () => {
    const { port } = await forward(80)
    await expect(page(port)).resolves.toContain('LibreChat would stand here')
  })

  it('carries more requests than a channel has messages in flight', async () => {
    const { port } = await forward(80)
    const pages = new Set<string>()
    for (let round = 0; round < 5; round++) {
      for (const text of await Promise.all(Array.from({ length: 40 }, () => page(port)))) pages.add(text)
    }
    expect(pages.size).toBe(1)
  })

  it('speaks TLS where the lab does', async () => {
    const { port } = await forward(9443)
    const asked = request({ port, host: '127.0.0.1', rejectUnauthorized: false, agent: false })
    asked.end()
    const [response] = await once(asked, 'response')
    const text = Buffer.concat(await response.toArray()).toString()
    expect(text).toContain('Portainer would stand here')
    expect(response.socket.getPeerCertificate().subjectaltname).toContain('DNS:localhost')
  })

  it('says that nothing listens on another port', async () => {
    const { port, notices } = await forward(5000)
    await page(port).catch(() => {})
    await expect.poll(() => notices.map(({ type }) => type)).toContain('refused')
  })

  it('ends its session at AWS too', async () => {
    const { port, surroundings } = await forward(80)
    await page(port)
    const active = async () => {
      const { Sessions } = await surroundings.ssm.send(new ssm.DescribeSessionsCommand({ State: 'Active' }))
      return Sessions?.length
    }
    expect(await active()).toBe(1)
    await opened.splice(0)[0]?.close()
    expect(await active()).toBe(0)
  })

  it('refuses a session to a target that is not connected', async () => {
    const { clients } = await play()
    const start = clients.ssm.send(new ssm.StartSessionCommand({ Target: 'i-0123456789abcdef0' }))
    await expect(start).rejects.toBeInstanceOf(ssm.TargetNotConnected)
  })

  it('plays a shell that echoes, answers and ends', async () => {
    const { instanceId, surroundings } = await reach()
    const input = new PassThrough()
    const output = Object.assign(new PassThrough(), { columns: 80, rows: 24 })
    const shown: Buffer[] = []
    const ended = runTerminal(
      { instanceId },
      surroundings,
      { input: input as never, output: output as never },
      new AbortController().signal,
      (chunk) => shown.push(chunk),
    )
    const text = () => Buffer.concat(shown).toString()
    await expect.poll(text).toContain('$ ')
    input.write('whoami\rexit\r')
    await expect(ended).resolves.toMatchObject({ how: 'closed' })
    expect(text()).toContain('ssm-user')
  })
})
