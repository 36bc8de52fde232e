import { bedrockPolicy } from '../../bedrock/policy.js'
import { type Observation, observe, type PlanItem, plan } from '../../engine/converge.js'
import type { Resource } from '../../engine/resource.js'
import { firstBootUserData } from '../../host/user-data.js'
import { type Actual, actualOf } from '../../lab/actual.js'
import { checkAddressQuota } from '../../lab/address-quota.js'
import { checkChange } from '../../lab/change-checks.js'
import { type LabGraph, labGraph, recordedIn } from '../../lab/graph.js'
import { findLaunchTarget } from '../../lab/launch-target.js'
import { findLeftovers, type Leftovers, strangersOf } from '../../lab/leftovers.js'
import { firstUserTask } from '../../lab/opening.js'
import type { Settings } from '../../lab/settings.js'
import { formatSettings } from '../../lab/stored-settings.js'
import { isTerminated, type Stranger } from '../../resources/identity.js'
import type { ReadSettings } from '../../resources/settings-parameter.js'
import { type HostResource, labHost } from '../host-work.js'
import { settingsReadBy } from '../open-lab.js'
import { givesPassword } from '../password.js'
import { type Target, targetFor } from './launch-target.js'
import type { Run } from './run.js'
import { withFirstUser } from './settle.js'

/** The actual state, compared with one version of the settings. */
export interface Now extends Parts {
  readonly settings: Settings
  /** The stored settings at the time of the observation. */
  readonly stored: Settings | undefined
  readonly observation: Observation
  readonly items: readonly PlanItem[]
  readonly actual: Actual
  /** Unproven resources with the lab's tags or path, which are not changed. */
  readonly strangers: readonly Stranger[]
  /** Parameters in which an older version left a password. */
  readonly leftSecrets: readonly string[]
  /** The instance whose data still has to move to the lab's (possibly new) instance. */
  readonly movesFrom: string | undefined
  /** Whether the instance that the user named for replacement has a successor already, or is terminated. */
  readonly isReplaced: boolean
  readonly target: Target
  /** Whether the plan creates a missing default VPC. */
  readonly createsVpc: boolean
}

/** The resources for one version of the settings. */
interface Parts {
  readonly graph: LabGraph
  readonly host: HostResource
  /** The graph and the host. */
  readonly all: readonly Resource[]
}

export interface Look {
  /** The wanted settings. */
  settings: Settings
  /** The stored settings. */
  stored: Settings | undefined
  /** Whether `stored` was read when the lab was opened, so that it is not asked for again. */
  isFirst?: boolean
  /** The first user's, when the user typed one. */
  password?: string | undefined
  /** Where an instance is launched; the default can ask the user. */
  target?: Target
  /** The instance that is replaced; its data and users move. */
  moves?: string
}

/** Observes AWS and the host, whose users determine whether a first user is created. */
export async function lookAt(run: Run, look: Look): Promise<Now> {
  const { open, options, choices } = run
  const target = look.target ?? targetFor(run, look.settings)
  const settingsRead = look.isFirst ? settingsReadBy(open) : undefined
  const parts = partsOf(run, look, look.settings, target, { settingsRead })
  const { observation: seen, leftovers } = await observeAll(run, look, parts, target)
  const actual = actualOf({
    group: seen.of(parts.graph.group),
    role: seen.of(parts.graph.role),
    instance: seen.of(parts.graph.instance),
    budget: seen.of(parts.graph.budget),
    health: seen.of(parts.host)?.health,
  })
  const movesFrom = look.moves ?? seen.of(parts.graph.instance)?.movesFrom
  const isReplaced = await isAlreadyReplaced(run, look, parts.graph, seen)
  const isMove = movesFrom !== undefined && !options.discardData
  // The users move with the data of the replaced instance.
  const settings = isMove
    ? look.settings
    : withFirstUser(look.settings, {
        stored: look.stored,
        users: actual.users,
        task: firstUserTask(look.settings, actual, choices.email !== undefined),
        typed: look.password !== undefined,
      })
  const isSame = formatSettings(settings, open.lab) === formatSettings(look.settings, open.lab)
  // AWS's state does not depend on the first user, so it is not observed again.
  const wanted = isSame && !isMove ? parts : partsOf(run, look, settings, target, { isMove })
  const observation = seen.in(wanted.all, [wanted.graph.identity as Resource])
  const identity = observation.of(wanted.graph.identity)
  return {
    ...wanted,
    settings,
    stored: look.stored,
    observation,
    items: plan(wanted.all, observation),
    actual,
    strangers: identity ? strangersOf(identity, leftovers) : [],
    leftSecrets: leftovers.secrets,
    movesFrom,
    isReplaced,
    target,
    createsVpc: await target.createsVpc(),
  }
}

function partsOf(
  { open, options, context, choices }: Run,
  { password, moves }: Look,
  settings: Settings,
  { place }: Target,
  { settingsRead, isMove = false }: { settingsRead?: ReadSettings | undefined; isMove?: boolean },
): Parts {
  const graph = labGraph({
    clients: open.clients,
    lab: open.lab,
    settings,
    policy: bedrockPolicy(open.lab.partition, settings.profileArns),
    adopt: options.adopt ?? false,
    place,
    userData: settings.userData ? firstBootUserData() : undefined,
    settingsRead,
    replaces: moves,
  })
  const host = labHost(open, graph, isMove ? withoutUser(settings) : settings, context, {
    saysEmail: choices.email !== undefined,
    password,
  })
  return { graph, host, all: [...graph.all, host] }
}

/** Observes the host while the changes are checked, after the observation of AWS found no reason to stop. */
async function observeAll(
  run: Run,
  { settings, isFirst }: Look,
  { graph, all }: Parts,
  target: Target,
): Promise<{ observation: Observation; leftovers: Leftovers }> {
  const { open } = run
  const [inAws, leftovers] = await Promise.all([
    observe(graph.all),
    (isFirst && open.leftovers) || findLeftovers(open.clients, open.lab),
    open.stored ? undefined : target.look(),
  ])
  const [observation] = await Promise.all([
    observe(all, undefined, inAws),
    checkFeasible(run, { settings, graph, observation: inAws, target }),
  ])
  return { observation, leftovers }
}

/** An interrupted replacement is continued by the same command, which names an instance that no longer exists. */
async function isAlreadyReplaced(
  { open, options: { replaceInstance } }: Run,
  { stored }: Look,
  graph: LabGraph,
  observation: Observation,
): Promise<boolean> {
  const { instanceId, superseded = [] } = observation.of(graph.instance) ?? {}
  if (replaceInstance === undefined || replaceInstance === instanceId) return false
  if (superseded.includes(replaceInstance)) return true
  return await isTerminated(open.clients.ec2, open.lab, recordedIn(stored), replaceInstance)
}

export const withoutUser = ({ email: _, passwordDue: __, ...settings }: Settings): Settings => settings

/** Checks the changes before anything is created. */
async function checkFeasible(
  { open: { clients }, options, choices }: Run,
  about: Pick<Now, 'settings' | 'graph' | 'observation' | 'target'>,
): Promise<void> {
  const { settings, graph, observation, target } = about
  const instance = observation.of(graph.instance)
  const { held = [] } = observation.of(graph.identity) ?? {}
  const launches = !instance || options.replaceInstance !== undefined
  const { instanceType } = settings
  await Promise.all([
    observation.of(graph.address) ? undefined : checkAddressQuota(clients.ec2, clients.region, held),
    launches ? undefined : checkChange(clients.ec2, instance, { instanceType, choices }),
    launches || !observation.of(graph.group) || instance.type !== instanceType ? target.look() : undefined,
  ])
}

/**
 * Observes with the stored settings while the models are checked, because most runs don't change settings. Never asks
 * the user, and ignores failures: the regular observation follows.
 */
export function lookEarly(run: Run) {
  const { open, options, context } = run
  const { stored, clients } = open
  if (!stored || givesPassword(options)) return undefined
  const dropped = new AbortController()
  const signal = AbortSignal.any([context.signal, dropped.signal])
  const find = () => findLaunchTarget(clients, stored)
  const target: Target = { look: find, place: find, createsVpc: async () => false, agree: () => {} }
  const looked = lookAt(
    { ...run, context: { ...context, signal } },
    { settings: stored, stored, target, isFirst: true },
  ).catch(() => undefined)
  return {
    drop: () => dropped.abort(),
    async asFor(settings: Settings): Promise<Now | undefined> {
      if (formatSettings(settings, open.lab) === formatSettings(stored, open.lab)) return await looked
      dropped.abort()
      return undefined
    },
  }
}
