import { DescribeAddressesCommand } from '@aws-sdk/client-ec2'
import type { Context, GlobalOptions, Run } from '../app/context.js'
import { type OpenLab, openLab } from '../app/open-lab.js'
import { advise } from '../aws/errors.js'
import { findModels } from '../bedrock/models.js'
import { pick, requireChat } from '../bedrock/pick.js'
import { bedrockPolicy } from '../bedrock/policy.js'
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
import { labGraph, newGeneration } from '../lab/graph.js'
import { findLaunchTarget } from '../lab/launch-target.js'
import { ownedFilters } from '../resources/ownership.js'
import { type Finding, findingsJson, findingsText } from '../ui/findings-view.js'

interface DoctorOptions extends Pick<ChoiceFlags, 'instanceType' | 'subnetId'> {
  models?: string
}

/** What a check found in order, in a few words, and what would make it better still. */
interface Health {
  detail: string
  advice?: readonly string[]
}

/** Stands in for the person's own address, which has a check of its own; nothing is made with it. */
const SOMEWHERE = '1.1.1.1'

/** Every check of `up`, reading only. Ends with 1 when `up` would stop, with what to do, in order. */
export const run: Run<DoctorOptions> = async (options, context) => {
  const choices = checkedChoices(options)
  const { finding, value: open } = await check(
    'credentials and region',
    () => opened(options, context),
    options,
    context,
  )
  const rest = open ? await Promise.all(checksOf(open, choices, options, context)) : []
  context.signal.throwIfAborted()
  const findings = [finding, ...rest.map((one) => one.finding)]
  context.ui.result(findingsText(findings, context.ui), findingsJson(findings))
  return findings.every(({ problem }) => !problem) ? 0 : 1
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
  }
  return Object.entries(checks).map(([name, work]) => check(name, work, options, context))
}

/** Runs a check; what it throws becomes its finding, so that one failure hides no other. */
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
  if (!isDetected(stored, choices)) return { detail: `let in: ${stored?.allow.cidrs.join(', ')}` }
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

/** A lab takes one address; the account may hold so many in the region. */
async function elasticIp({ clients: { ec2, region }, lab }: OpenLab): Promise<Health> {
  const own = await ec2.send(new DescribeAddressesCommand({ Filters: ownedFilters(lab) }))
  const [there] = own.Addresses ?? []
  if (there) return { detail: `${there.PublicIp} is the lab's` }
  const { held, most } = await checkAddressQuota(ec2, region)
  return {
    detail: most === undefined ? `${held} in use` : `${held} of ${most} in use`,
  }
}

/** Nothing of somebody else's bears a name that the lab needs. */
async function namesFree({ clients, lab, stored }: OpenLab, choices: Choices): Promise<Health> {
  const settings = settingsFrom({
    stored,
    choices,
    detected: SOMEWHERE,
    chat: { models: stored?.models ?? [], profileArns: stored?.profileArns ?? [] },
    generation: newGeneration(),
    lab,
  })
  const graph = labGraph({
    clients,
    lab,
    settings,
    policy: bedrockPolicy(lab.partition, settings.profileArns),
    adopt: false,
    place: () => findLaunchTarget(clients, settings),
    userData: undefined,
  })
  const { present } = await observe(graph.all)
  return {
    detail:
      present.length > 0 ? `${present.length} of ${graph.all.length} parts of the lab are there` : 'free',
  }
}

async function chat(
  { clients, lab, stored }: OpenLab,
  options: DoctorOptions,
  context: Context,
): Promise<Health> {
  const named = options.models
    ?.split(',')
    .map((model) => model.trim())
    .filter(Boolean)
  if (!named && stored?.models.length === 0) return { detail: 'the lab does without' }
  const { clock, signal } = context
  const models = await findModels(clients.bedrock, {
    region: lab.region,
    clock,
    signal,
    home: clients.bedrockHome,
  })
  const choice = pick(models, named)
  requireChat(choice, lab.region, named)
  // One line for each step, with the models that it would bring.
  const steps = new Set(choice.blocked.flatMap(({ problem }) => problem?.fix ?? []))
  const advice = [...steps].map((step) => {
    const gained = choice.blocked.filter(({ problem }) => problem?.fix === step)
    return `For ${gained.map(({ name }) => name).join(', ')}: ${step}`
  })
  return { detail: choice.chosen.map(({ name }) => name).join(', '), advice }
}
