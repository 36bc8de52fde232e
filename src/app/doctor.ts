import { isDeepStrictEqual } from 'node:util'
import { advise } from '../aws/advice.js'
import { isCode } from '../aws/errors.js'
import { type Explanation, explain } from '../bedrock/explain.js'
import { ADD_MODELS, leftOutOf } from '../bedrock/left-out.js'
import { pick, requireChat } from '../bedrock/pick.js'
import { proofIn } from '../bedrock/proof.js'
import { distinct } from '../core/distinct.js'
import { LabError, type Prose, prose } from '../core/error.js'
import { observe } from '../engine/converge.js'
import { checkAddressQuota } from '../lab/address-quota.js'
import {
  type ChoiceFlags,
  type Choices,
  checkedChoices,
  defaults,
  isDetected,
  settingsFrom,
} from '../lab/choices.js'
import { findInstance, identifyLab } from '../lab/find.js'
import { newGeneration } from '../lab/graph.js'
import { findLaunchTarget } from '../lab/launch-target.js'
import { namedModels } from './chat-choice.js'
import { judgeChat } from './chat-proof.js'
import type { Context, GlobalOptions } from './context.js'
import { askHealth } from './host-work.js'
import { wantedGraph } from './lab-graph.js'
import { type OpenLab, openLab } from './open-lab.js'
import { regionModels } from './region-models.js'

export interface DoctorOptions extends Pick<ChoiceFlags, 'instanceType' | 'subnetId'> {
  models?: string
}

/** A check that passed: its result in a few words, and optional advice. */
interface Health {
  detail: string
  advice?: readonly Prose[]
}

/** A placeholder for the user's address, which has its own check. Nothing is created with it. */
const SOMEWHERE = '1.1.1.1'

/** The result of one check: a detail if it passed, or a problem. */
export interface Finding {
  name: string
  detail?: string
  problem?: LabError
  /** Optional improvements. */
  advice: readonly Prose[]
}

/** Runs all preflight checks of `up`, read-only. A problem is something that would stop `up`. */
export async function examine(options: DoctorOptions & GlobalOptions, context: Context): Promise<Finding[]> {
  const choices = checkedChoices(options)
  const { finding, value: open } = await check(
    'credentials and region',
    () => opened(options, context),
    options,
    context,
  )
  const rest = open ? await Promise.all(checksOf(open, choices, options, context)) : []
  context.signal.throwIfAborted()
  return [finding, ...rest.map((one) => one.finding)]
}

async function opened(options: GlobalOptions, context: Context): Promise<Health & { value: OpenLab }> {
  const open = await openLab(options, context)
  const { account, arn, region } = open.connection
  return { detail: `${arn} in account ${account}, ${region}`, value: open }
}

function checksOf(open: OpenLab, choices: Choices, options: DoctorOptions & GlobalOptions, context: Context) {
  const checks: Record<string, () => Promise<Health>> = {
    'your address': () => ownAddress(open, choices),
    'network, instance type and image': () => place(open, choices),
    'Elastic IP': () => elasticIp(open),
    'names that the lab needs': () => namesFree(open, choices),
    chat: () => chat(open, options, context),
    ...(open.stored?.models.length && {
      'models that answer': () => lastProof(open, context),
    }),
  }
  return Object.entries(checks).map(([name, work]) => check(name, work, options, context))
}

/** Runs a check and turns its error into a finding, so that one failure doesn't hide another. */
async function check<Found extends Health & { value?: unknown }>(
  name: string,
  work: () => Promise<Found>,
  where: GlobalOptions,
  { ui, signal }: Context,
): Promise<{ finding: Finding; value?: Found['value'] }> {
  const task = { type: 'task', id: `check ${name}`, name } as const
  ui.emit({ ...task, state: 'started' })
  try {
    const { detail, advice = [], value } = await work()
    ui.emit({ ...task, state: 'done', detail })
    return { finding: { name, detail, advice }, value }
  } catch (error) {
    signal.throwIfAborted()
    const problem = advise(error, where)
    ui.emit({ ...task, state: 'failed', detail: problem.message })
    return { finding: { name, problem, advice: [] } }
  }
}

async function ownAddress({ connection, stored }: OpenLab, choices: Choices): Promise<Health> {
  if (!isDetected(stored, choices)) return { detail: `allowed: ${stored?.allow.cidrs.join(', ')}` }
  return { detail: await connection.internet.publicAddress() }
}

async function place({ clients, stored }: OpenLab, choices: Choices): Promise<Health> {
  const instanceType = choices.instanceType ?? stored?.instanceType ?? defaults.instanceType
  const subnetId = choices.subnetId ?? stored?.subnetId
  const { vpcId, subnetIds } = await findLaunchTarget(clients, { instanceType, subnetId })
  return {
    detail: `${instanceType} in ${vpcId}, ${subnetIds.length} public subnet${subnetIds.length === 1 ? '' : 's'}`,
  }
}

/** A lab needs one address; the account has a quota for each region. */
async function elasticIp({ clients, lab, stored }: OpenLab): Promise<Health> {
  const { address, held } = await identifyLab(clients, lab, stored)
  if (address) return { detail: `${address.PublicIp} is the lab's` }
  const most = await checkAddressQuota(clients.ec2, clients.region, held)
  return {
    detail: most === undefined ? `${held.length} in use` : `${held.length} of ${most} in use`,
  }
}

/** Checks that no foreign resource has a name that the lab needs. */
async function namesFree(open: OpenLab, choices: Choices): Promise<Health> {
  const { lab, stored } = open
  const settings = settingsFrom({
    lab,
    stored,
    choices,
    detected: SOMEWHERE,
    chat: { models: stored?.models ?? [], profileArns: stored?.profileArns ?? [] },
    generation: newGeneration(),
  })
  const graph = wantedGraph(open, settings)
  const { present } = await observe(graph.all)
  return {
    detail:
      present.length > 0 ? `${present.length} of ${graph.all.length} resources of the lab exist` : 'free',
  }
}

async function chat(
  { clients, lab, stored }: OpenLab,
  options: DoctorOptions,
  context: Context,
): Promise<Health> {
  const named = namedModels(options.models)
  if (options.models === undefined && stored?.models.length === 0)
    return { detail: 'the lab has no models', advice: [ADD_MODELS] }
  const models = await regionModels(clients, context)
  const choice = pick(models, named)
  requireChat(choice, lab.region, named)
  const advice = leftOutOf(choice.blocked).map(({ names, fix }) => prose(`For ${names.join(', ')}: `, fix))
  return { detail: choice.chosen.map(({ name }) => name).join(', '), advice }
}

/** The last chat proof on the host: problems with quotas, payment and countries show only when a model is called. */
async function lastProof(open: OpenLab, context: Context): Promise<Health> {
  const { stored, clients, lab } = open
  if (!stored) return { detail: 'no lab yet' }
  const there = await findInstance(clients, lab, stored).catch((error) => {
    if (error instanceof LabError && error.code === 'no-such-lab') return undefined
    throw error
  })
  const health = await askHealth(open, there, context).catch((error) => {
    // Doctor's policy doesn't include running a command on the host, which no other check needs.
    if (isCode(error, 'AccessDenied*')) return 'denied' as const
    throw error
  })
  if (health === 'denied') return { detail: 'unknown: your identity may not run commands on the host' }
  const proof = proofIn(health?.proof)
  if (!proof) return { detail: 'not asked yet' }
  const { answering, silent } = judgeChat(proof, stored)
  const failures = silent.map(({ id, label, error }) => ({
    label,
    ...explain({ model: id, error }, { role: proof.role, region: lab.region }),
  }))
  if (answering.length === 0) throw nothingAnswers(proof.at, failures)
  const causes = distinct(failures.map(({ cause, fix: [step = ''] }) => ({ cause, step })))
  const advice = causes.map((one) => {
    const labels = failures.filter(({ cause, fix }) => isDeepStrictEqual(one, { cause, step: fix[0] ?? '' }))
    return prose(`${labels.map(({ label }) => label).join(', ')}: ${one.cause} `, one.step)
  })
  return {
    detail: `${answering.length} of ${stored.models.length}, asked ${proof.at.slice(0, 16)}`,
    advice,
  }
}

/** A problem rather than advice, because `up` is not done while no model answers. */
const nothingAnswers = (at: string, failures: readonly Explanation[]): LabError =>
  new LabError({
    code: 'no-model-answers',
    what: `No model of the menu answered on ${at.slice(0, 10)}.`,
    why: [...new Set(failures.map(({ cause }) => cause))].join(' '),
    fix: [...distinct(failures.flatMap(({ fix }) => fix)), ['Then ask again: ', { path: 'up' }]],
  })
