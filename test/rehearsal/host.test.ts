import { readFileSync } from 'node:fs'
import * as ssm from '@aws-sdk/client-ssm'
import { describe, expect, it } from 'vitest'
import { proofScript, readProof } from '../../src/bedrock/proof.js'
import type { Host } from '../../src/host/host.js'
import { readHealth } from '../../src/host/host-health.js'
import { portainerPassword } from '../../src/host/portainer.js'
import { runCommand } from '../../src/host/run-command.js'
import { type HostSettings, release } from '../../src/host/settings.js'
import { setUpHost } from '../../src/host/setup.js'
import { addUser, listUsers, removeUser, resetPassword } from '../../src/host/users.js'
import type { Scenario } from '../../src/rehearsal/scenarios.js'
import { makeInstance, type Played, play } from './played.js'

const settings: HostSettings = {
  address: '203.0.113.10',
  region: 'us-east-1',
  librechatYaml: 'version: "1.3.17"\n',
}

/** The program's own host code, on the rehearsal's instance; its clock is turned by every wait. */
async function hostOn(scenario?: Scenario): Promise<{ host: Host; played: Played }> {
  const played = await play(scenario ? { scenario } : {})
  const instanceId = await makeInstance(played)
  const { clients, clock } = played
  const { signal } = new AbortController()
  return {
    played,
    host: {
      ssm: clients.ssm,
      region: 'us-east-1',
      instanceId,
      lab: 'default',
      clock,
      emit: () => {},
      signal,
    },
  }
}

describe('the rehearsal’s host', () => {
  it('is set up by the real stages, and names the release that was really pushed', async () => {
    const { host } = await hostOn()
    expect((await readHealth(host)).healthy).toBe(false)
    const { health } = await setUpHost(host, settings)
    expect(health).toMatchObject({ healthy: true, release: release(settings) })
    const others = { ...settings, address: '203.0.113.11' }
    await setUpHost(host, others)
    expect((await readHealth(host)).release).toBe(release(others))
  })

  it('takes time for what is new, and little for what is done', async () => {
    const { host, played } = await hostOn()
    const took = async () => {
      const begun = played.clock.now()
      await setUpHost(host, settings)
      return played.clock.now() - begun
    }
    const first = await took()
    expect(await took()).toBeLessThan(first)
  })

  it('makes the first user once, with a password that only this run can read', async () => {
    const { host, played } = await hostOn()
    const first = await setUpHost(host, settings, { email: 'me@example.org' })
    expect(first.firstUser).toMatchObject({
      email: 'me@example.org',
      password: expect.stringMatching(/^rehearsal-/),
    })
    // Run Command's history is part of the account that is remembered.
    expect(readFileSync(played.statePath, 'utf8')).not.toContain(first.firstUser?.password)
    expect((await setUpHost(host, settings, { email: 'me@example.org' })).firstUser).toBeUndefined()
  })

  it('keeps its users between commands', async () => {
    const { host } = await hostOn()
    await setUpHost(host, settings)
    await addUser(host, { email: 'a@example.org', name: 'Ada' })
    await addUser(host, { email: 'b@example.org', password: 'given by a person' })
    await expect(addUser(host, { email: 'A@example.org' })).rejects.toMatchObject({ code: 'user-exists' })
    await removeUser(host, 'b@example.org')
    await expect(resetPassword(host, { email: 'b@example.org' })).rejects.toMatchObject({
      code: 'user-unknown',
    })
    expect((await listUsers(host)).map(({ email, name }) => [email, name])).toEqual([
      ['a@example.org', 'Ada'],
    ])
    expect((await portainerPassword(host, 'show')).password).toMatch(/^rehearsal-/)
  })

  it('proves the chat of each model that was asked about, and of no other', async () => {
    const { host } = await hostOn()
    const prove = () =>
      runCommand(host, {
        stage: 'chat',
        script: proofScript(
          ['us.anthropic.claude-haiku-4-5-20251001-v1:0', 'no.such-model'].map((model) => ({
            endpoint: 'bedrock' as const,
            model,
            maxTokens: 8192,
          })),
          [],
          { region: 'us-east-1', now: new Date(0).toISOString() },
        ),
        timeoutSeconds: 90,
      })
    expect((await prove()).code).toBe(3)
    await setUpHost(host, settings)
    const { chat, role } = readProof((await prove()).stdout)
    expect(chat.map(({ ok }) => ok)).toEqual([true, false])
    expect(role).toBe('Role')
  })

  it('does one thing after another', async () => {
    const { host, played } = await hostOn()
    const { ssm: client } = played.clients
    const send = () =>
      client.send(
        new ssm.SendCommandCommand({
          InstanceIds: [host.instanceId],
          DocumentName: 'AWS-RunShellScript',
          Parameters: { commands: ['no/such/thing'] },
        }),
      )
    const [one, two] = [await send(), await send()]
    const statusOf = async (sent: ssm.SendCommandCommandOutput) =>
      (
        await client.send(
          new ssm.GetCommandInvocationCommand({
            CommandId: sent.Command?.CommandId,
            InstanceId: host.instanceId,
          }),
        )
      ).Status
    played.clock.turn(30)
    expect([await statusOf(one), await statusOf(two)]).toEqual(['Failed', 'InProgress'])
    played.clock.turn(100)
    expect(await statusOf(two)).toBe('Failed')
  })

  it('fails at the images in the scenario, in the host’s own words, and goes on without it', async () => {
    const { host, played } = await hostOn('stage-failing')
    await expect(setUpHost(host, settings)).rejects.toMatchObject({ code: 'image-pull' })
    const { clients } = await play({ statePath: played.statePath, clock: played.clock })
    await expect(setUpHost({ ...host, ssm: clients.ssm }, settings)).resolves.toMatchObject({
      health: { healthy: true },
    })
  })
})
