import type { SSMClient } from '@aws-sdk/client-ssm'
import { type Proof, proofIn } from '../bedrock/proof.js'
import type { Change, Progress, Resource, ResourceActions } from '../engine/resource.js'
import type { Host } from '../host/host.js'
import { askHealth, type HostHealth } from '../host/host-health.js'
import { waitUntilOnline } from '../host/online.js'
import { type HostSettings, release } from '../host/settings.js'
import { setUpHost, updateStack } from '../host/setup.js'
import { type MadeUser, type NewUser, resetPassword } from '../host/users.js'
import { isHeld, type Move, movesOf } from '../host/versions.js'
import type { AddressState } from './address.js'
import type { InstanceState } from './instance.js'
import type { LabId } from './ownership.js'

interface HostState {
  instanceId: string
  /** Undefined if Systems Manager does not reach it. */
  health: HostHealth | undefined
  /** The last chat proof: the one stored on the host, or this run's. */
  proof: Proof | undefined
  /** The first user, if this run created it or set a new password. */
  firstUser?: MadeUser | undefined
}

export interface HostSetupOptions {
  ssm: SSMClient
  lab: LabId
  instanceType: string
  diskGb: number
  /** The settings for the host; `proof` is the last one stored there. */
  settings(address: string, proof: Proof | undefined): HostSettings
  /** The first user, if one is wanted. */
  firstUser: NewUser | undefined
  /** Whether a generated password was never shown. */
  passwordDue: boolean
  /** What to do about the first user, given the actual state. */
  userTask(there: { instanceType?: string | undefined; users?: number | undefined }): UserTask
  /** Sends a request to each model, from the host. */
  prove(host: Host): Promise<Proof | undefined>
  /** The same as a script, for an update on the host: LibreChat opens only after a model answers. */
  proofScript(host: Host): string | undefined
  /** Whether two proofs result in the same menu. */
  isSameMenu(before: Proof | undefined, after: Proof | undefined): boolean
  instance: Resource<InstanceState>
  address: Resource<AddressState>
  /** Everything that the host needs, including its instance and its address. */
  after: readonly Resource[]
  /** For `observe`, and for the stages' own tasks. */
  progress: Progress
}

type UserTask = 'create' | 'reset' | 'none'

export interface HostResource extends Resource<HostState> {
  /** Whether the host is up to date with this version and the settings. */
  isCurrent(state: HostState | undefined, seen: Observed): boolean
}

type Observed = <State>(resource: Resource<State>) => State | undefined

/** A new instance's agent connects in about a minute; after a role is attached again, it can take longer. */
const onlineWithinMs = 10 * 60_000

const isUp = (state: string) => ['running', 'pending'].includes(state)

/**
 * The software on the instance: this version's stack with the lab's settings, the first user, and a menu of models
 * that answer.
 */
export function hostSetup(options: HostSetupOptions): HostResource {
  const { lab, instance, address } = options
  /** Its password is shown once, so it is kept when `ensure` is retried. */
  let firstUser: MadeUser | undefined

  const hostOf = (instanceId: string, { clock, signal }: Pick<Progress, 'clock' | 'signal'>): Host => {
    const { emit } = options.progress
    return { ssm: options.ssm, region: lab.region, instanceId, lab: lab.name, clock, signal, emit }
  }
  const taskFor = (state: HostState | undefined, there: InstanceState | undefined) =>
    options.userTask({ instanceType: there?.type, users: usersOf(state?.health) })

  const isCurrent = (state: HostState | undefined, seen: Observed): boolean => {
    const publicIp = seen(address)?.publicIp
    if (publicIp === undefined || !state?.health) return false
    return state.health.release === release(options.settings(publicIp, state.proof))
  }

  return {
    name: 'host',
    hasOwnTasks: true,
    after: options.after,
    id: (state) => state.instanceId,
    isCurrent,

    async observe(seen) {
      const there = await seen(instance)
      if (!there) return undefined
      const { instanceId, state } = there
      // An instance that terminates on shutdown must not shut itself down.
      const holdIdleStop = there.shutdownBehavior !== 'stop'
      const health =
        state === 'running'
          ? await askHealth(hostOf(instanceId, options.progress), { holdIdleStop })
          : undefined
      return { instanceId, health, proof: proofIn(health?.proof) }
    },

    changes(state, seen) {
      const there = seen(instance)
      return [
        ...stackChanges(state, there, isCurrent(state, seen)),
        ...versionChanges(state),
        ...userChanges(options.firstUser, taskFor(state, there)),
        ...hardwareChanges(options, there),
      ]
    },

    async ensure(state, work) {
      const [, { instanceId }, { publicIp }] = await Promise.all([
        Promise.all(options.after.map((one) => work.ready(one))),
        work.ready(instance),
        work.ready(address),
      ])
      const host = hostOf(instanceId, work)
      await waitUntilOnline(host, onlineWithinMs)
      const task = taskFor(state, work.seen(instance))
      const wanted = options.firstUser
      let proof: Proof | undefined
      const done = await setUpHost(
        host,
        options.settings(publicIp, state?.proof),
        task === 'create' ? wanted : undefined,
        mayUpdate(state) ? { proof: options.proofScript(host) } : undefined,
        {
          isNew: isNew(state),
          run: async () => {
            proof = await options.prove(host)
          },
        },
      )
      firstUser = done.firstUser ?? firstUser
      // An earlier run created the user and stopped before it showed the password.
      const resets = task === 'reset' || (task === 'create' && options.passwordDue)
      if (wanted && resets && !firstUser) firstUser = await resetPassword(host, wanted)
      const health = options.isSameMenu(state?.proof, proof)
        ? done.health
        : await updateStack(host, options.settings(publicIp, proof))
      return { instanceId, health, proof, firstUser }
    },

    /** It is deleted with its instance. */
    async remove() {},
  }
}

const runCommand = ['ssm:SendCommand', 'ssm:GetCommandInvocation', 'ssm:DescribeInstanceInformation'] as const

export const hostSetupActions = {
  observe: runCommand,
  ensure: runCommand,
  remove: [],
} as const satisfies ResourceActions

/** The number of users; undefined if unknown. A host that was never set up has none. */
export const usersOf = (health: Pick<HostHealth, 'release' | 'users'> | undefined): number | undefined =>
  health?.release === '' ? 0 : (health?.users ?? undefined)

function stackChanges(
  state: HostState | undefined,
  there: InstanceState | undefined,
  isCurrent: boolean,
): Change[] {
  const stack = 'Docker, Portainer, LibreChat, HTTPS'
  if (!state || !there) return [{ what: 'setup', to: stack }]
  const { health } = state
  // The host's software can be observed only while it runs.
  if (!health)
    return [
      { what: 'state', from: isUp(there.state) ? 'not reachable' : there.state, to: 'set up and healthy' },
    ]
  if (health.release === '') return [{ what: 'setup', from: 'none', to: stack }]
  if (!isCurrent)
    return [
      {
        what: 'contents',
        from: 'out of date',
        to: 'this version, your settings and the models that answer',
      },
    ]
  if (health.idleStop?.held) return [{ what: 'idle stop', from: 'off, for safety', to: 'on' }]
  if (health.healthy) return []
  const problems = health.problems.map(({ text }) => text).join(' ')
  return [{ what: 'health', from: problems || 'not healthy', to: 'healthy' }]
}

/** A host that can't be asked may be one that is in use. */
const isNew = (state: HostState | undefined): boolean => state === undefined || state.health?.release === ''

const wantedMoves = (health: HostHealth): readonly Move[] => {
  const moves = movesOf(health)
  return isHeld(health, moves) ? [] : moves
}

/** The state of an unreachable host is known only after that. */
const mayUpdate = (state: HostState | undefined): boolean =>
  state !== undefined && (state.health === undefined || wantedMoves(state.health).length > 0)

const versionChanges = (state: HostState | undefined): Change[] =>
  state?.health
    ? wantedMoves(state.health).map(({ name, from, to }) => ({
        what: name,
        from,
        to: `${to}, after a dump of the data, which is put back if the update fails`,
      }))
    : []

function userChanges(user: NewUser | undefined, task: UserTask): Change[] {
  if (!user || task === 'none') return []
  return task === 'create'
    ? [{ what: 'first user', to: user.email }]
    : [{ what: `password of ${user.email}`, from: 'never shown', to: 'a new one' }]
}

/** How a change of the instance affects its software. */
function hardwareChanges(
  { instanceType, diskGb }: Pick<HostSetupOptions, 'instanceType' | 'diskGb'>,
  there: InstanceState | undefined,
): Change[] {
  if (!there) return []
  const { volume, type, state } = there
  return [
    ...(volume && volume.sizeGb < diskGb
      ? [{ what: 'file system', from: `${volume.sizeGb} GB`, to: `${diskGb} GB` }]
      : []),
    ...(isUp(state) && type !== instanceType
      ? [{ what: 'health', to: 'checked again after the change of type' }]
      : []),
  ]
}
