import {
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  SendCommandCommand,
  SSMClient,
} from '@aws-sdk/client-ssm'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Proof } from '../../src/bedrock/proof.js'
import type { Event } from '../../src/core/event.js'
import type { Resource } from '../../src/engine/resource.js'
import { type HostSettings, release } from '../../src/host/settings.js'
import type { AddressState } from '../../src/resources/address.js'
import { type HostSetupOptions, hostSetup } from '../../src/resources/host-setup.js'
import type { InstanceState } from '../../src/resources/instance.js'
import { fastClock } from '../engine/fake-resources.js'
import { carriedBy } from '../support/archive.js'
import { awsError, context, lab, observed, seen } from './context.js'

const ssm = mockClient(SSMClient)

const settings = (menu: string): HostSettings => ({
  address: '198.51.100.7',
  region: 'us-east-1',
  librechatYaml: menu,
})
const proof = (model: string): Proof => ({
  at: '2026-11-26T00:00:00Z',
  presets: [],
  chat: [{ model, ok: false, error: 'x' }],
})
const menuOf = (one: Proof | undefined) => `silent: ${one?.chat.map(({ model }) => model).join() ?? ''}`

const elasticIp = { allocationId: 'eipalloc-1', publicIp: '198.51.100.7' } as AddressState
const machine = {
  instanceId: 'i-lab',
  state: 'running',
  type: 't3.medium',
  volume: { sizeGb: 30 },
} as InstanceState

const healthy = {
  healthy: true,
  release: release(settings(menuOf(undefined))),
  services: {},
  restarts: {},
  images: {},
  disk: { totalBytes: 1, freeBytes: 1 },
  memory: { totalBytes: 1, availableBytes: 1, swapTotalBytes: 1, swapFreeBytes: 1 },
  certificate: null,
  metadataProtected: true,
  hostPortsProtected: true,
  site: '198.51.100.7',
  models: [],
  users: 1,
  updates: { portainer: null, system: null },
  rebootNeeded: false,
  proof: null,
  running: '',
  problems: [],
  warnings: [],
}

/** A host whose health is this, and the stages that ran on it. */
function host(health: object | undefined, more: Partial<HostSetupOptions> = {}, there = machine) {
  const stages: string[] = []
  const scripts: Record<string, string> = {}
  const around = { clock: fastClock(), signal: new AbortController().signal }
  const events: Event[] = []
  ssm.reset()
  ssm.on(DescribeInstanceInformationCommand).resolves({
    InstanceInformationList: health ? [{ InstanceId: 'i-lab', PingStatus: 'Online' }] : [],
  })
  ssm.on(SendCommandCommand).callsFake(({ Comment = '', Parameters }) => {
    const stage = Comment.split(' ').at(-1)
    scripts[stage] = Parameters.commands.join('\n')
    // The version's files that do not fit into the first stage's command.
    if (stage !== 'files') stages.push(stage)
    return { Command: { CommandId: 'c-1' } }
  })
  ssm.on(GetCommandInvocationCommand).callsFake(() => ({
    Status: 'Success',
    StandardOutputContent: `${JSON.stringify(health)}\n`,
  }))
  const address = observed('address', elasticIp)
  const instance = observed('instance', there)
  const resource = hostSetup({
    ssm: new SSMClient({ region: 'us-east-1' }),
    proofScript: () => undefined,
    lab,
    instanceType: 't3.medium',
    diskGb: 30,
    settings: (_, kept) => settings(menuOf(kept)),
    firstUser: undefined,
    passwordDue: false,
    userTask: () => 'none',
    prove: async () => undefined,
    isSameMenu: (one, other) => menuOf(one) === menuOf(other),
    instance,
    address,
    after: [address, instance],
    progress: { ...around, emit: (event) => events.push(event) },
    ...more,
  })
  const work = {
    ...context([
      [address as Resource<never>, elasticIp],
      [instance as Resource<never>, there],
    ]),
    ...around,
  }
  const changes = async (addressThere: AddressState | undefined = elasticIp) =>
    resource.changes(
      await resource.observe(seen),
      (other) => ((other as Resource) === (address as Resource) ? addressThere : there) as never,
    )
  return { resource, work, stages, scripts, events, changes }
}

beforeEach(() => ssm.reset())

describe('the host', () => {
  it('is not there without an instance, and is set up on one', async () => {
    const { resource } = host(healthy)
    const none = host(healthy, { instance: observed<InstanceState>('instance', undefined) }).resource
    expect(await none.observe(seen)).toBeUndefined()
    expect(resource.changes(undefined, () => undefined)).toEqual([
      { what: 'setup', to: 'Docker, Portainer, LibreChat, HTTPS' },
    ])
  })

  it('is as it should be when it runs what this version and the settings would put there', async () => {
    const { resource, changes, stages } = host(healthy)
    expect(await changes()).toEqual([])
    expect(await resource.observe(seen)).toMatchObject({ instanceId: 'i-lab', health: { healthy: true } })
    expect(stages).toEqual(['health', 'health'])
  })

  it.each([
    ['another release', { ...healthy, release: '0'.repeat(16) }, { what: 'contents', from: 'out of date' }],
    ['no release yet', { ...healthy, release: '' }, { what: 'setup', from: 'none' }],
    [
      'a service that is not well',
      { ...healthy, healthy: false, problems: [{ code: 'service', text: 'proxy is exited.' }] },
      { what: 'health', from: 'proxy is exited.', to: 'healthy' },
    ],
    ['no answer', undefined, { what: 'state', from: 'not reachable' }],
    [
      'a menu that the last proof contradicts',
      { ...healthy, proof: proof('haiku') },
      { what: 'contents', from: 'out of date' },
    ],
  ])('differs where it has %s', async (_, health, change) => {
    expect(await host(health).changes()).toMatchObject([change])
  })

  it('is not asked while it is stopped', async () => {
    const { changes, stages } = host(healthy, {}, { ...machine, state: 'stopped' })
    expect(await changes()).toEqual([{ what: 'state', from: 'stopped', to: 'set up and healthy' }])
    expect(stages).toEqual([])
  })

  it('shows what becomes of the first user, of the file system, and after a change of type', async () => {
    const firstUser = { email: 'me@example.org' }
    const create = host(healthy, { firstUser, userTask: () => 'create' })
    expect(await create.changes()).toEqual([{ what: 'first user', to: 'me@example.org' }])
    const reset = host(healthy, { firstUser, userTask: () => 'reset' })
    expect(await reset.changes()).toMatchObject([{ what: 'password of me@example.org' }])
    const larger = host(healthy, { diskGb: 40, instanceType: 't3.large' })
    expect(await larger.changes()).toMatchObject([
      { what: 'file system', from: '30 GB', to: '40 GB' },
      { what: 'health' },
    ])
  })

  it('asks for the first user’s task with the users that it has', async () => {
    const asked: unknown[] = []
    const userTask = (there: object) => {
      asked.push(there)
      return 'none' as const
    }
    await host(healthy, { userTask }).changes()
    await host({ ...healthy, release: '', users: null }, { userTask }).changes()
    await host({ ...healthy, users: null }, { userTask }).changes()
    const instanceType = 't3.medium'
    expect(asked).toEqual([
      { instanceType, users: 1 },
      { instanceType, users: 0 },
      { instanceType, users: undefined },
    ])
  })

  it('runs each stage, proves chat, and writes the menu again only where the proof changes it', async () => {
    const plain = host(healthy)
    const done = await plain.resource.ensure(undefined, plain.work)
    expect(done).toMatchObject({ instanceId: 'i-lab', health: { healthy: true }, proof: undefined })
    expect(plain.stages).toEqual(['system', 'docker', 'images', 'stack', 'health'])
    expect(plain.events.map((event) => event.type === 'task' && event.id)).toContain('host:images')
    const silent = host(healthy, { prove: async () => proof('haiku') })
    expect(await silent.resource.ensure(undefined, silent.work)).toMatchObject({ proof: proof('haiku') })
    expect(silent.stages.slice(5)).toEqual(['stack', 'health'])
  })

  it('proves chat while the health is still awaited, and fails only once both have ended', async () => {
    let proven = false
    const prove = async () => {
      proven = true
      return undefined
    }
    const { resource, work, stages } = host(healthy, { prove })
    ssm
      .on(GetCommandInvocationCommand)
      .callsFake(() =>
        stages.includes('health') && !proven
          ? { Status: 'InProgress' }
          : { Status: 'Success', StandardOutputContent: `${JSON.stringify(healthy)}\n` },
      )
    expect(await resource.ensure(undefined, work)).toMatchObject({ health: { healthy: true } })
    const refused = host(healthy, { prove: () => Promise.reject(new Error('no answer')) })
    await expect(refused.resource.ensure(undefined, refused.work)).rejects.toThrow('no answer')
    expect(refused.events.at(-1)).toMatchObject({ id: 'host:health', state: 'done' })
  })

  it.each([
    ['is new', undefined, true],
    ['was never set up', { ...healthy, release: '', versions: {} }, true],
    ['is in use', { ...healthy, versions: {} }, false],
    ['can’t be asked', undefined, false],
  ])('opens while the models are asked only where it %s', async (what, health, later) => {
    const { resource, work, scripts } = host(healthy)
    const state = what === 'is new' ? undefined : ({ instanceId: 'i-lab', health, proof: undefined } as never)
    await resource.ensure(state, work)
    const [stack, last] = [scripts.stack, scripts.health].map((script) => carriedBy(script ?? ''))
    expect(stack?.files.has('input/open-later')).toBe(later)
    expect(last?.command).toBe(`bash "$CODE/run.sh" ${later ? 'open health' : 'health'}`)
    expect(last?.files.has('input/release')).toBe(later)
  })

  it('passes on what AWS refuses', async () => {
    const { resource, work } = host(healthy)
    ssm.on(SendCommandCommand).rejects(awsError('AccessDeniedException'))
    await expect(resource.ensure(undefined, work)).rejects.toMatchObject({ name: 'AccessDeniedException' })
    await expect(resource.observe(seen)).rejects.toMatchObject({ name: 'AccessDeniedException' })
  })

  it('is not reachable where Systems Manager takes no command for it', async () => {
    const { resource } = host(healthy)
    ssm.on(SendCommandCommand).rejects(awsError('InvalidInstanceId'))
    expect(await resource.observe(seen)).toEqual({ instanceId: 'i-lab', health: undefined, proof: undefined })
  })

  it('goes with its instance', async () => {
    const { resource, work, stages } = host(healthy)
    await resource.remove({ instanceId: 'i-lab', health: undefined, proof: undefined }, work)
    expect(stages).toEqual([])
  })
})
