import { type Proof, proofIn } from '../bedrock/proof.js'
import { LabError } from '../core/error.js'
import type { Observation } from '../engine/converge.js'
import { type HostHealth, readHealth } from '../host/health.js'
import type { Host } from '../host/host.js'
import { librechatYaml } from '../host/librechat-yaml.js'
import { isOnline, waitUntilOnline } from '../host/online.js'
import { type HostSettings, release } from '../host/settings.js'
import { setUpHost, updateStack } from '../host/setup.js'
import { type MadeUser, resetPassword } from '../host/users.js'
import type { LabGraph } from '../lab/graph.js'
import type { firstUserTask } from '../lab/opening.js'
import type { Settings } from '../lab/settings.js'
import type { InstanceState } from '../resources/instance.js'
import { isProven, isSameMenu, menuFor, proveChat } from './chat-proof.js'
import type { Context } from './context.js'
import type { OpenLab } from './open-lab.js'

export type { HostHealth } from '../host/health.js'

/** A new instance's agent comes in about a minute; one that has just been given its role back may take longer. */
const onlineWithinMs = 10 * 60_000

export interface HostResult {
  health: HostHealth
  chat: Proof | undefined
  firstUser?: MadeUser
}

export interface HostWork {
  /** What to do there, as the plan shows it; undefined: nothing. */
  plan: string | undefined
  /** Its health now; undefined where the host is not reachable. */
  health: HostHealth | undefined
  /** The last chat proof that the host keeps. */
  proof: Proof | undefined
  /** Repeats the proof where the kept one no longer counts; whether it did. Look again then: the menu may change. */
  renewProof(): Promise<boolean>
  /** What becomes of the first user. */
  user: ReturnType<typeof firstUserTask>
  /** Does it, once the resources are as they should be. */
  setUp(states: Observation['of']): Promise<HostResult>
}

/** What to do on the host, given its state. */
export function hostWork(options: {
  open: OpenLab
  settings: Settings
  graph: LabGraph
  observation: Observation
  health: HostHealth | undefined
  user: HostWork['user']
  /** The first user's, when the user typed one. */
  password: string | undefined
  context: Context
}): HostWork {
  const { open, settings, graph, observation, health, user, password, context } = options
  const there = observation.of(graph.instance)
  const address = observation.of(graph.address)?.publicIp
  const proof = proofIn(health?.proof)
  const wanted = address && release(hostSettingsOf(open, settings, address, proof))
  return {
    proof,
    async renewProof() {
      if (!there || !health?.healthy || isProven(proof, settings, context.clock.now())) return false
      await proveChat(hostOf(open, there.instanceId, context), settings)
      return true
    },
    plan:
      [
        planOf(there, health, wanted),
        userPlan(settings, user),
        largerDiskPlan(settings, there),
        restartPlan(settings, there),
      ]
        .filter(Boolean)
        .join('; ') || undefined,
    health,
    user,
    async setUp(states) {
      const there = states(graph.instance)
      const elasticIp = states(graph.address)
      if (!there || !elasticIp) throw new Error('The host is set up after its instance and its address.')
      const host = hostOf(open, there.instanceId, context)
      await waitUntilOnline(host, onlineWithinMs)
      const first = settings.email ? { email: settings.email, ...(password ? { password } : {}) } : undefined
      const settingsWith = (known: Proof | undefined) =>
        hostSettingsOf(open, settings, elasticIp.publicIp, known)
      const done = await setUpHost(host, settingsWith(proof), user === 'create' ? first : undefined)
      // Created by a run that ended before it could show the password.
      const resets =
        first && (user === 'reset' || (user === 'create' && settings.passwordDue && !done.firstUser))
      const firstUser = resets ? await resetPassword(host, first) : done.firstUser
      const chat = await proveChat(host, settings)
      const made = { ...done, ...(firstUser ? { firstUser } : {}), chat }
      if (isSameMenu(settings, proof, chat)) return made
      return { ...made, health: await updateStack(host, settingsWith(chat)) }
    },
  }
}

export const hostOf = ({ clients, lab }: OpenLab, instanceId: string, context: Context): Host => ({
  ssm: clients.ssm,
  region: lab.region,
  instanceId,
  lab: lab.name,
  clock: context.clock,
  emit: context.ui.emit,
  signal: context.signal,
})

/** What a lab's settings put on the host, where `proof` is the last that it keeps. */
export const hostSettingsOf = (
  { lab }: OpenLab,
  settings: Settings,
  address: string,
  proof: Proof | undefined,
): HostSettings => ({
  address,
  domain: settings.domain,
  region: lab.region,
  librechatYaml: librechatYaml({
    region: lab.region,
    ...menuFor(settings, proof),
    allowance: settings.allowance,
  }),
  allowance: settings.allowance,
  limit: settings.limit,
})

/** The host's health; undefined for a host that is stopped, or that Systems Manager does not reach. */
export async function askHealth(
  open: OpenLab,
  instance: { instanceId: string; state: string } | undefined,
  context: Context,
): Promise<HostHealth | undefined> {
  if (instance?.state !== 'running') return undefined
  const host = hostOf(open, instance.instanceId, context)
  // A command to an agent that is away would wait for it for minutes.
  if (!(await isOnline(host))) return undefined
  try {
    return await readHealth(host)
  } catch (error) {
    if (error instanceof LabError && notReached.has(error.code)) return undefined
    throw error
  }
}

/** Codes that mean that the host is not reachable, or was never set up. */
const notReached = new Set([
  'host-offline',
  'health-unreadable',
  'command-lost',
  'command-undelivered',
  'command-deadline',
])

const userPlan = ({ email }: Settings, user: HostWork['user']): string | undefined =>
  user === 'create'
    ? `create the first user ${email}`
    : user === 'reset'
      ? `set a new password for ${email}, because the first one was never shown`
      : undefined

/** After a change of type or a start the host has to become healthy again. */
const restartPlan = ({ instanceType }: Settings, there: InstanceState | undefined): string | undefined =>
  there && (there.type !== instanceType || !['running', 'pending'].includes(there.state))
    ? 'wait until it is healthy again'
    : undefined

/** The file system grows with the disk. */
const largerDiskPlan = ({ diskGb }: Settings, there: InstanceState | undefined): string | undefined =>
  there?.volume && there.volume.sizeGb < diskGb ? `grow the file system to ${diskGb} GB` : undefined

function planOf(
  there: InstanceState | undefined,
  health: HostHealth | undefined,
  wanted: string | undefined,
): string | undefined {
  // What a stopped host has is known once it runs.
  if (!health && there && !['running', 'pending'].includes(there.state))
    return 'check it, and set it up if needed'
  if (!health) return 'set up: Docker, Portainer, LibreChat, HTTPS'
  if (health.release !== wanted)
    return health.release ? 'update to this version, your settings and the models that answer' : 'set up'
  if (health.healthy) return undefined
  return `set up again: ${health.problems.map(({ text }) => text).join('; ') || 'not healthy'}`
}
