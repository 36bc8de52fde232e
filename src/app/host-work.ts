import { type Proof, proofIn } from '../bedrock/proof.js'
import { LabError } from '../core/error.js'
import type { Observation } from '../engine/converge.js'
import { type HostHealth, readHealth } from '../host/health.js'
import type { Host } from '../host/host.js'
import { librechatYaml } from '../host/librechat-yaml.js'
import { isOnline, waitUntilOnline } from '../host/online.js'
import { type HostSettings, release } from '../host/settings.js'
import { setUpHost, updateStack } from '../host/setup.js'
import type { MadeUser } from '../host/users.js'
import type { LabGraph } from '../lab/graph.js'
import type { Settings } from '../lab/settings.js'
import type { InstanceState } from '../resources/instance.js'
import { isProven, isSameMenu, menuFor, proveChat } from './chat-proof.js'
import type { Context } from './context.js'
import type { OpenLab } from './open-lab.js'

/** A new instance's agent comes in about a minute; one that has just been given its role back may take longer. */
const onlineWithinMs = 10 * 60_000

export interface HostResult {
  health: HostHealth
  chat: Proof | undefined
  firstUser?: MadeUser
}

export interface HostWork {
  /** What is to be done there, as the plan says it; undefined: nothing. */
  plan: string | undefined
  /** How it is now, when it could be asked. */
  health: HostHealth | undefined
  /** The last chat proof that the host keeps. */
  proof: Proof | undefined
  /** Repeats the proof where the kept one no longer counts; whether it did. Look again then: the menu may change. */
  renewProof(): Promise<boolean>
  /** Does it, once the resources are as they should be. */
  setUp(states: Observation['of']): Promise<HostResult>
}

/** Looks at the host, where there is one that can be asked, and says what is to be done there. */
export async function hostWork(options: {
  open: OpenLab
  settings: Settings
  graph: LabGraph
  observation: Observation
  /** The first user's, when the person typed one. */
  password: string | undefined
  context: Context
}): Promise<HostWork> {
  const { open, settings, graph, observation, password, context } = options
  const there = observation.of(graph.instance)
  const health = await askHealth(open, there, context)
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
    plan: planOf(health, wanted) ?? newUserPlan(settings, open) ?? largerDiskPlan(settings, there),
    health,
    async setUp(states) {
      const there = states(graph.instance)
      const elasticIp = states(graph.address)
      if (!there || !elasticIp) throw new Error('The host is set up after its instance and its address.')
      const host = hostOf(open, there.instanceId, context)
      await waitUntilOnline(host, onlineWithinMs)
      const user = settings.email ? { email: settings.email, ...(password ? { password } : {}) } : undefined
      const settingsWith = (known: Proof | undefined) =>
        hostSettingsOf(open, settings, elasticIp.publicIp, known)
      const done = await setUpHost(host, settingsWith(proof), user)
      const chat = await proveChat(host, settings)
      if (isSameMenu(settings, proof, chat)) return { ...done, chat }
      return { ...done, health: await updateStack(host, settingsWith(chat)), chat }
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
  librechatYaml: librechatYaml({ region: lab.region, ...menuFor(settings, proof) }),
})

/** The health of a host that can be asked; undefined for one that is off, or not reached by Systems Manager. */
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

/** What says that the host can't be asked, or was never set up. */
const notReached = new Set(['host-offline', 'health-unreadable', 'command-lost', 'command-deadline'])

/** A first user that an earlier run was not told of; where there are users already, none is made. */
const newUserPlan = (settings: Settings, { stored }: OpenLab): string | undefined =>
  settings.email !== undefined && settings.email !== stored?.email
    ? `make the first user, ${settings.email}`
    : undefined

/** The file system grows with the disk. */
const largerDiskPlan = ({ diskGb }: Settings, there: InstanceState | undefined): string | undefined =>
  there?.volume && there.volume.sizeGb < diskGb ? `use the ${diskGb} GB of its disk` : undefined

function planOf(health: HostHealth | undefined, wanted: string | undefined): string | undefined {
  if (!health) return 'set up: Docker, Portainer, LibreChat, HTTPS'
  if (health.release !== wanted)
    return health.release
      ? 'update to this version’s and your settings, and the models that answer'
      : 'set up'
  if (health.healthy) return undefined
  return `set up again: ${health.problems.map(({ text }) => text).join('; ') || 'not healthy'}`
}
