import { CreateDefaultVpcCommand } from '@aws-sdk/client-ec2'
import { chatChoice } from '../app/chat-choice.js'
import { judgeChat } from '../app/chat-proof.js'
import type { Context, GlobalOptions, Run } from '../app/context.js'
import { converse } from '../app/conversation.js'
import { settleCredentials } from '../app/credentials.js'
import { type HostResult, hostWork } from '../app/host-work.js'
import { type OpenLab, openLab } from '../app/open-lab.js'
import { toPartialFailure } from '../app/partial-failure.js'
import { askPassword } from '../app/password.js'
import type { UpOptions } from '../app/up-options.js'
import { withLock, withoutLock } from '../app/with-lock.js'
import { isCode, isRetryable } from '../aws/errors.js'
import { configuredRegion, regions } from '../aws/region.js'
import { bedrockPolicy } from '../bedrock/policy.js'
import { LabError } from '../core/error.js'
import { ensure, Observation, observe, type PlanItem, plan, remove } from '../engine/converge.js'
import type { Resource } from '../engine/resource.js'
import { firstBootUserData } from '../host/user-data.js'
import { refuseUnsaidAdoption } from '../lab/adoption.js'
import { checkedChoices, isDetected, settingsFrom } from '../lab/choices.js'
import { type LabGraph, labGraph, newGeneration } from '../lab/graph.js'
import { findLaunchTarget, type LaunchTarget } from '../lab/launch-target.js'
import { findLeftovers, strangersOf } from '../lab/leftovers.js'
import { names } from '../lab/names.js'
import { refuseUnsaidOpening } from '../lab/opening.js'
import { monthlyCost } from '../lab/prices.js'
import { formatSettings, parseSettings, type Settings } from '../lab/settings.js'
import { urlsOf } from '../lab/urls.js'
import { releaseRefusal } from '../resources/address.js'
import type { Stranger } from '../resources/identity.js'
import { readParameter } from '../resources/settings-parameter.js'
import { planJson, planText } from '../ui/plan-view.js'
import { type Summary, summaryJson, summaryText } from '../ui/summary-view.js'
import type { Ui } from '../ui/ui.js'

/** Makes the lab, mends it or changes it, so that it is what the person chose. */
export const run: Run<UpOptions> = async (given, context) => {
  const { ui } = context
  const choices = checkedChoices(given)
  const options = await withRegion(given.yes ? given : await settleCredentials(given, context), context)
  const open = await openLab(options, context)
  const { connection, clients, lab, stored } = open
  const asks = ui.interactive && !options.yes && !options.dryRun

  const early = lookEarly(open, options, context)
  const [detected, chat] = await Promise.all([
    isDetected(stored, choices) ? connection.internet.publicAddress() : undefined,
    chatChoice(open, options, context),
  ]).catch((error) => {
    early?.drop()
    throw error
  })
  const said =
    asks && !stored ? await converse({ choices, chat, detected, options, open, context }) : { choices, chat }
  let settings = settingsFrom({ stored, detected, generation: newGeneration(), ...said })

  const password =
    options.askPassword && settings.email && !options.dryRun
      ? await askPassword(settings.email, context)
      : undefined
  const lookAgain = () => {
    const wanted = settings
    const place = once(() => findOrMakePlace(open, wanted, options, context))
    return look({ open, settings: wanted, place, password, options, context })
  }
  let now = (await early?.asFor(settings)) ?? (await lookAgain())
  const replaces = replacement(now, options)
  const shown = () => {
    const { instanceType, diskGb } = settings
    const cost = monthlyCost({ region: lab.region, instanceType, diskGb, addresses: 1 })
    const strangers = now.strangers
    return { items: now.items, host: now.host.plan, replaces, cost, lab, settings, strangers }
  }
  if (options.dryRun) {
    ui.result(planText(shown(), ui), { ...planJson(shown()), dryRun: true })
    return 0
  }

  const conclude = async (
    changed: boolean,
    states: Observation['of'],
    host: Pick<Summary, 'health' | 'chat' | 'firstUser'>,
  ) => {
    const judged = judgeChat(host.chat, settings)
    const end: Summary = {
      ...shown(),
      judged,
      leftOut: chat.leftOut,
      ...(await outside(open, settings, now.graph, states)),
      changed,
      ...host,
      now: context.clock.now(),
    }
    showPasswordApart(end.firstUser, ui)
    ui.result(summaryText(end, ui), summaryJson(end))
    return judged.exitCode
  }
  const nothing = () => now.items.every(({ action }) => action === 'keep') && !replaces && !now.host.plan
  const unchanged = () =>
    conclude(false, now.observation.of, { health: now.host.health, chat: now.host.proof })
  if (nothing() && (await now.host.renewProof())) now = await lookAgain()
  if (nothing()) {
    await withoutLock(open, 'up', context)
    return await unchanged()
  }

  const propose = async () => {
    if (options.yes && !options.adopt) refuseUnsaidAdoption(lab, now.observation.of(now.graph.identity))
    if (options.yes)
      refuseUnsaidOpening(settings, choices, now.observation.of(now.graph.group)?.ingress ?? [])
    ui.show((paint) => planText(shown(), paint))
    await agree(options, context)
  }
  await propose()
  const agreed = planText(shown(), ui)
  return await withLock(open, 'up', context, async (lock) => {
    // Between the plan and the lock another run may have come and gone.
    const current = await readParameter(clients.ssm, names(lab.name).settings)
    if (lock.waited || current?.version !== now.observation.of(now.graph.settings)?.version) {
      const theirs = current && parseSettings(current.value, names(lab.name).settings)
      if (stored && !theirs) throw goneMeanwhile(lab)
      settings = settingsFrom({
        stored: theirs,
        detected:
          isDetected(theirs, choices) && !detected ? await connection.internet.publicAddress() : detected,
        generation: settings.generation,
        choices: said.choices,
        // What this run didn't choose stays as the other one left it.
        chat: theirs && !options.models ? theirs : said.chat,
      })
      now = await lookAgain()
      replacement(now, options)
      if (nothing()) return await unchanged()
      if (planText(shown(), ui) !== agreed) await propose()
    }
    try {
      if (replaces) {
        await replace(now, replaces, { ...context, signal: lock.signal })
        now = await lookAgain()
      }
      const work = { clock: context.clock, signal: lock.signal, emit: ui.emit, isRetryable }
      const states = await ensure(now.items, now.observation, work)
      const of: Observation['of'] = (resource) => states.get(resource as never) as never
      return await conclude(
        true,
        of,
        now.host.plan ? await now.host.setUp(of) : { health: now.host.health, chat: now.host.proof },
      )
    } catch (error) {
      if (lock.signal.aborted) throw error
      throw toPartialFailure(error, { ...options, region: lab.region }, [goOn])
    }
  })
}

interface Now {
  graph: LabGraph
  observation: Observation
  items: PlanItem[]
  host: Awaited<ReturnType<typeof hostWork>>
  strangers: readonly Stranger[]
}

async function look(about: {
  open: OpenLab
  settings: Settings
  place: () => Promise<LaunchTarget>
  /** The first user's, when the person typed one. */
  password?: string | undefined
  options: UpOptions
  context: Context
}): Promise<Now> {
  const { open, settings, place, password, options, context } = about
  const { clients, lab } = open
  const graph = labGraph({
    clients,
    lab,
    settings,
    policy: bedrockPolicy(lab.partition, settings.profileArns),
    adopt: options.adopt ?? false,
    place,
    userData: settings.userData ? firstBootUserData() : undefined,
  })
  const [observation, leftovers] = await Promise.all([
    observe(graph.all),
    findLeftovers(clients, lab),
    open.stored ? undefined : place(),
  ])
  const identity = observation.of(graph.identity)
  // What would stop the making later stops it now.
  const there = observation.of(graph.instance)
  const launches = !there || !observation.of(graph.group) || options.replaceInstance !== undefined
  if (launches || there.type !== settings.instanceType) await place()
  const items = plan(graph.all, observation)
  return {
    graph,
    observation,
    items,
    host: await hostWork({ open, settings, graph, observation, password, context }),
    strangers: identity ? strangersOf(identity, leftovers) : [],
  }
}

/**
 * Looks with the stored settings while the models are asked, for most runs change none of them. Never asks the
 * person, and tells of no failure: where it can't serve, the look that follows does.
 */
function lookEarly(open: OpenLab, options: UpOptions, context: Context) {
  const { stored, clients } = open
  if (!stored || options.askPassword) return undefined
  const dropped = new AbortController()
  const signal = AbortSignal.any([context.signal, dropped.signal])
  const place = once(() => findLaunchTarget(clients, stored))
  const looked = look({ open, settings: stored, place, options, context: { ...context, signal } }).catch(
    () => undefined,
  )
  return {
    drop: () => dropped.abort(),
    async asFor(settings: Settings): Promise<Now | undefined> {
      if (formatSettings(settings) === formatSettings(stored)) return await looked
      dropped.abort()
      return undefined
    },
  }
}

/** The plan's one question; without a terminal it names `--yes`. */
async function agree(options: UpOptions, { ui }: Context): Promise<void> {
  if (options.yes) return
  const yes = await ui.confirm({ flag: '--yes', message: 'Do this?', default: true })
  if (!yes)
    throw new LabError({
      code: 'declined',
      what: 'Nothing was done.',
      fix: ['librechat-lab up   whenever you like'],
    })
}

/** Asks for the region where nothing names one. */
async function withRegion(
  options: GlobalOptions & UpOptions,
  { ui, env, settled }: Context,
): Promise<GlobalOptions & UpOptions> {
  if (options.rehearse || !ui.interactive || options.yes || (await configuredRegion(options, env)))
    return options
  const region = await ui.select({
    flag: '--region <region>',
    message: 'Which AWS region?',
    hint: 'Where the lab stands and its models answer. Near you is quick; us-east-1 and us-west-2 have the most models.',
    choices: regions.map(([value, where]) => ({ value, name: `${value.padEnd(16)} ${where}` })),
  })
  settled({ region })
  return { ...options, region }
}

async function findOrMakePlace(
  { clients }: OpenLab,
  settings: Settings,
  options: UpOptions,
  { ui, signal }: Context,
): Promise<LaunchTarget> {
  try {
    return await findLaunchTarget(clients, settings)
  } catch (error) {
    if (!(error instanceof LabError) || error.code !== 'no-default-vpc' || options.dryRun) throw error
    const wanted =
      options.createDefaultVpc ??
      (ui.interactive &&
        !options.yes &&
        (await ui.confirm({
          flag: '--create-default-vpc',
          message: `There is no default VPC in ${clients.region}. Make it?`,
          hint: 'It costs nothing. It carries no tags of ours and stays when the lab goes.',
          default: true,
        })))
    if (!wanted) throw error
    signal.throwIfAborted()
    const { Vpc } = await clients.ec2.send(new CreateDefaultVpcCommand({})).catch((failure) => {
      if (isCode(failure, 'DefaultVpcAlreadyExists')) return { Vpc: undefined }
      throw failure
    })
    ui.emit({ type: 'note', text: `Made the default VPC ${Vpc?.VpcId ?? ''}; it stays when the lab goes.` })
    return await findLaunchTarget(clients, settings)
  }
}

/** The instance that the person names to be replaced; LabError when it is another one. */
function replacement({ graph, observation }: Now, { replaceInstance }: UpOptions): string | undefined {
  if (replaceInstance === undefined) return undefined
  const there = observation.of(graph.instance)?.instanceId
  if (there === replaceInstance) return there
  throw new LabError({
    code: 'not-the-instance',
    what: `${JSON.stringify(replaceInstance.slice(0, 60))} is not this lab’s instance.`,
    why: 'Replacing ends the instance and all that is on it, so it must be named exactly.',
    fix: [there ? `It is ${there}` : 'There is none: librechat-lab up makes one.'],
  })
}

/** Ends the instance that was named, and no other. */
async function replace({ graph }: Now, instanceId: string, context: Context): Promise<void> {
  const seen = await observe([graph.instance, graph.association])
  const there = seen.of(graph.instance)
  if (there?.instanceId !== instanceId) return
  const going = new Observation(
    new Map<Resource, unknown>([
      [graph.instance as Resource, { ...there, superseded: [] }],
      [graph.association as Resource, seen.of(graph.association)],
    ]),
  )
  await remove(going, { ...context, emit: context.ui.emit, isRetryable })
}

const goneMeanwhile = ({ name, region }: OpenLab['lab']) =>
  new LabError({
    code: 'gone-meanwhile',
    what: `The lab "${name}" in ${region} was destroyed while this run waited.`,
    why: 'What you agreed to was a change to it, not a new one. Nothing was done.',
    fix: ['To make a new one: librechat-lab up'],
  })

/** Looks from outside: where it is, whether it answers here, and whether its address could be lost. */
async function outside(
  { connection, clients, lab }: OpenLab,
  settings: Settings,
  graph: LabGraph,
  states: Observation['of'],
) {
  const there = states(graph.address)
  const address = there?.publicIp ?? ''
  const instanceId = states(graph.instance)?.instanceId ?? ''
  const [https, portainer, refusal] = await Promise.all([
    connection.internet.answers(address, 443),
    connection.internet.answers(address, 9443),
    releaseRefusal(clients.ec2, there?.allocationId ?? ''),
  ])
  const urls = urlsOf(lab, address, instanceId, settings.domain)
  return { address, instanceId, urls, answers: { https, portainer }, refusal }
}

/** With `--json` a password that the host made goes to the person's terminal, never into the document. */
function showPasswordApart(user: HostResult['firstUser'], ui: Ui): void {
  if (!user?.password || !ui.json) return
  ui.emit(
    ui.interactive
      ? { type: 'note', text: `${user.email}'s password, shown this once: ${user.password}` }
      : {
          type: 'warning',
          text: `The first user's password is not part of the JSON: librechat-lab user reset-password ${user.email}`,
        },
  )
}

const goOn = 'What was made stays: run the same command again and it goes on; or librechat-lab destroy.'

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
