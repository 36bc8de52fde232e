import { bedrockPolicy } from '../../bedrock/policy.js'
import { type Observation, observe, type PlanItem, plan } from '../../engine/converge.js'
import { firstBootUserData } from '../../host/user-data.js'
import { type Actual, actualOf } from '../../lab/actual.js'
import { checkAddressQuota } from '../../lab/address-quota.js'
import { checkChange } from '../../lab/change-checks.js'
import { type LabGraph, labGraph } from '../../lab/graph.js'
import { findLaunchTarget, type LaunchTarget } from '../../lab/launch-target.js'
import { findLeftovers, strangersOf } from '../../lab/leftovers.js'
import { firstUserTask } from '../../lab/opening.js'
import type { Settings } from '../../lab/settings.js'
import { formatSettings } from '../../lab/stored-settings.js'
import type { Stranger } from '../../resources/identity.js'
import { askHealth, type HostWork, hostWork } from '../host-work.js'
import { findOrCreateTarget } from './launch-target.js'
import type { Run } from './run.js'
import { withFirstUser } from './settle.js'

/** What is there, compared with one version of the settings. */
export interface Now {
  readonly settings: Settings
  /** What was stored when it was looked at. */
  readonly stored: Settings | undefined
  readonly graph: LabGraph
  readonly observation: Observation
  readonly items: readonly PlanItem[]
  readonly actual: Actual
  readonly host: HostWork
  /** What has the lab's tags or path, and is left alone. */
  readonly strangers: readonly Stranger[]
  /** Parameters in which an older version left a password. */
  readonly leftSecrets: readonly string[]
  /** The instance whose data the lab's instance, or the one to be launched, has still to get. */
  readonly movesFrom: string | undefined
}

export interface Look {
  /** What is wanted. */
  settings: Settings
  /** What is stored now. */
  stored: Settings | undefined
  /** The first user's, when the user typed one. */
  password?: string | undefined
  /** Finds where an instance is launched; may ask the user. */
  target?: () => Promise<LaunchTarget>
  /** The instance whose place a new one takes, with its data: its users come along. */
  moves?: string
}

/** Observes AWS and the host; again where the findings change the settings. */
export async function lookAt(run: Run, look: Look): Promise<Now> {
  const now = await lookOnce(run, look)
  if (isMoving(run, now.movesFrom)) return now
  const settings = withFirstUser(look.settings, {
    stored: look.stored,
    users: now.actual.users,
    task: now.host.user,
    typed: look.password !== undefined,
  })
  if (formatSettings(settings, run.open.lab) === formatSettings(look.settings, run.open.lab)) return now
  return await lookOnce(run, { ...look, settings })
}

async function lookOnce(run: Run, look: Look): Promise<Now> {
  const { open, options, context, choices } = run
  const { settings, password } = look
  const target = once(look.target ?? (() => findOrCreateTarget(run, settings)))
  const graph = labGraph({
    clients: open.clients,
    lab: open.lab,
    settings,
    policy: bedrockPolicy(open.lab.partition, settings.profileArns),
    adopt: options.adopt ?? false,
    place: target,
    userData: settings.userData ? firstBootUserData() : undefined,
    replaces: look.moves,
  })
  const [observation, leftovers] = await Promise.all([
    observe(graph.all),
    findLeftovers(open.clients, open.lab),
    open.stored ? undefined : target(),
  ])
  const identity = observation.of(graph.identity)
  const instance = observation.of(graph.instance)
  const [health] = await Promise.all([
    askHealth(open, instance, context),
    checkFeasible(run, { settings, graph, observation, target }),
  ])
  const actual = actualOf({
    group: observation.of(graph.group),
    role: observation.of(graph.role),
    instance,
    health,
  })
  const movesFrom = look.moves ?? unfinishedMove(graph, observation)
  const user = isMoving(run, movesFrom)
    ? 'none'
    : firstUserTask(settings, actual, choices.email !== undefined)
  return {
    settings,
    stored: look.stored,
    graph,
    observation,
    items: plan(graph.all, observation),
    actual,
    host: hostWork({ open, settings, graph, observation, health, user, password, context }),
    strangers: identity ? strangersOf(identity, leftovers) : [],
    leftSecrets: leftovers.secrets,
    movesFrom,
  }
}

/** The address moves to a new instance only once that has the data: until then an interrupted replacement goes on. */
function unfinishedMove(graph: LabGraph, observation: Observation): string | undefined {
  const instance = observation.of(graph.instance)
  const isThere = observation.of(graph.address)?.instanceId === instance?.instanceId
  return isThere ? undefined : instance?.superseded[0]
}

/** Whether the users come with the data of another instance. */
const isMoving = ({ options }: Run, movesFrom: string | undefined): boolean =>
  movesFrom !== undefined && !options.discardData

/** Fails before anything is created, not halfway. */
async function checkFeasible(
  { open: { clients }, options, choices }: Run,
  about: Pick<Now, 'settings' | 'graph' | 'observation'> & { target: () => Promise<LaunchTarget> },
): Promise<void> {
  const { settings, graph, observation, target } = about
  const instance = observation.of(graph.instance)
  const launches = !instance || options.replaceInstance !== undefined
  const { instanceType } = settings
  await Promise.all([
    observation.of(graph.address) ? undefined : checkAddressQuota(clients.ec2, clients.region),
    launches ? undefined : checkChange(clients.ec2, instance, { instanceType, choices }),
    launches || !observation.of(graph.group) || instance.type !== instanceType ? target() : undefined,
  ])
}

/**
 * Looks with the stored settings while the models are asked, because most runs change none of them. Never asks the
 * person, and reports no failure: where it cannot serve, the look that follows does.
 */
export function lookEarly(run: Run) {
  const { open, options, context } = run
  const { stored, clients } = open
  if (!stored || options.askPassword) return undefined
  const dropped = new AbortController()
  const signal = AbortSignal.any([context.signal, dropped.signal])
  const target = () => findLaunchTarget(clients, stored)
  const looked = lookAt(
    { ...run, context: { ...context, signal } },
    { settings: stored, stored, target },
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

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
