import type { Proof } from '../bedrock/proof.js'
import { LabError } from '../core/error.js'
import { observe, type PlanItem, plan } from '../engine/converge.js'
import type { HostHealth } from '../host/host-health.js'
import { type Capacity, capacityOf } from '../lab/capacity.js'
import { isAllowed } from '../lab/cidr.js'
import { findLeftovers, strangersOf } from '../lab/leftovers.js'
import { addressCost, addressMonthlyUsd, type Cost, monthlyCost } from '../lab/prices.js'
import { hoursOf, nextOf } from '../lab/schedule.js'
import { nothingChosen, type Settings } from '../lab/settings.js'
import { type Stopped, stoppedBy } from '../lab/stopped.js'
import { type Urls, urlsOf } from '../lab/urls.js'
import { type AddressState, type ReleaseRefusal, releaseRefusal } from '../resources/address.js'
import { type BudgetState, readersOf } from '../resources/budget.js'
import { Unproven } from '../resources/creation.js'
import type { Stranger } from '../resources/identity.js'
import type { InstanceState } from '../resources/instance.js'
import { isStrangers, type LabId } from '../resources/ownership.js'
import type { Rule } from '../resources/security-group.js'
import { type ChatJudgement, judgeChat, proveChat } from './chat-proof.js'
import { type ChatReport, chatReport } from './chat-report.js'
import type { Context } from './context.js'
import { hostOf, labHost } from './host-work.js'
import { wantedGraph } from './lab-graph.js'
import { type OpenLab, settingsReadBy } from './open-lab.js'
import { regionModels } from './region-models.js'

export type { Change } from '../engine/resource.js'
export type { AddressState, ReleaseRefusal } from '../resources/address.js'
export type { Rule } from '../resources/security-group.js'

/** The state of a lab. Exit code 0 healthy, 2 it exists but is not as it should be, 3 no such lab. */
export type Status =
  | {
      lab: LabId
      exitCode: 3
      keptAddress: string
      /** Its cost; undefined if the price is unknown. */
      keptAddressMonthlyUsd: number | undefined
      /** The same in words, with the date of the price. */
      keptAddressCost: string
      strangers: readonly Stranger[]
    }
  | {
      lab: LabId
      exitCode: 0 | 2
      keptAddress?: never
      settings: Settings | undefined
      items: readonly PlanItem[]
      address: AddressState | undefined
      refusal: ReleaseRefusal | undefined
      urls: Urls | undefined
      /** The security group's actual rules; undefined: there is no group. */
      ingress: readonly Rule[] | undefined
      strangers: readonly Stranger[]
      /** Parameters in which an older version left a password. */
      leftSecrets: readonly string[]
      health: HostHealth | undefined
      /** Whether the host has reached its limits; undefined: unknown. */
      capacity: Capacity | undefined
      /** Whether the host is up to date with this version and the settings. */
      hostCurrent: boolean
      answers: { https: boolean; portainer: boolean }
      here: { address: string; allowed: boolean } | undefined
      lostModels: readonly string[]
      chat: ChatReport | undefined
      judged: ChatJudgement
      cost: Cost
      /** The actual AWS budget; undefined: there is none. */
      budget: (Pick<BudgetState, 'usd' | 'spentUsd' | 'forecastUsd'> & { alerts: string[] }) | undefined
      /** Why the lab is stopped, and its monthly cost while stopped; undefined: it runs. */
      stopped: (Stopped & { cost: Cost }) | undefined
      /** When the schedule starts and stops it next. */
      next: { start: number | undefined; stop: number | undefined; timezone: string } | undefined
    }

/** Observes everything. LabError `no-such-lab` (exit code 3) if there is nothing. */
export async function lookAtStatus(
  open: OpenLab,
  { chat }: { chat: boolean },
  context: Context,
): Promise<Status> {
  const { lab, stored, clients, connection } = open
  const settings = stored ?? nothingChosen
  const { graph, inAws, leftovers, here, unproven } = await observeLab(open, settings)
  const address = inAws.of(graph.address)
  const instance = inAws.of(graph.instance)
  const identity = inAws.of(graph.identity)
  const group = inAws.of(graph.group)
  const strangers = [...(identity ? strangersOf(identity, leftovers) : []), ...unproven]
  const onlyAddress = inAws.present.length === 1 && address !== undefined
  if (onlyAddress && identity?.unconfirmed && !address.protectedTag)
    return gone(open, [...strangers, unprovenAddress(address)], undefined)
  if (inAws.present.length === 0 || onlyAddress)
    return gone(open, strangers, onlyAddress ? address.publicIp : undefined)

  const host = labHost(open, graph, settings, context)
  const all = [...graph.all, host]
  const askedFor = instance?.state === 'running' && address ? address.publicIp : undefined
  const [seen, https, portainer, refusal, lostModels, asked] = await Promise.all([
    observe(all, isStrangers, inAws),
    askedFor ? connection.internet.answers(askedFor, 443) : false,
    askedFor ? connection.internet.answers(askedFor, 9443) : false,
    address ? releaseRefusal(clients.ec2, address.allocationId) : undefined,
    lostFrom(open, settings, context),
    chat ? askChat(open, settings, instance, context) : undefined,
  ])
  const there = seen.of(host)
  const proof = asked ?? there?.proof
  const observation = there ? seen.with(host, { ...there, proof }) : seen
  const stopped = instance?.rest && stoppedBy(instance.rest, stored)
  const isResting = stopped !== undefined && stopped.by !== 'unknown'
  const items = plan(all, observation).map((item) =>
    isResting && (item.resource === graph.instance || item.resource === host) ? withoutState(item) : item,
  )
  const asWanted =
    items.every(({ changes }) => changes.length === 0) &&
    stored !== undefined &&
    leftovers.secrets.length === 0
  const health = there?.health
  const judged = judgeChat(proof, settings)
  // Anyone who can write the settings could redirect the user.
  const servedDomain = health?.site === stored?.domain ? stored?.domain : undefined
  // At least one model answered; one that doesn't and is still in the menu is drift of the host.
  const answers = isResting || judged.exitCode === 0
  const well = asWanted && lostModels.length === 0 && answers
  return {
    lab,
    exitCode: well ? 0 : 2,
    settings: stored,
    items,
    address,
    refusal,
    urls: instance && address && urlsOf(lab, address.publicIp, instance.instanceId, servedDomain),
    ingress: group?.ingress,
    strangers,
    leftSecrets: leftovers.secrets,
    health,
    capacity: health && capacityNow(lab, settings, { instance, health, proof }),
    hostCurrent: host.isCurrent(observation.of(host), observation.of),
    answers: { https, portainer },
    here: here === undefined ? undefined : { address: here, allowed: isAllowed(here, httpsSources(group)) },
    lostModels,
    chat:
      proof &&
      chatReport(proof, {
        settings: stored,
        region: lab.region,
        now: context.clock.now(),
        kept: asked === undefined,
      }),
    judged,
    cost: costOf(lab, settings, { instance, address, health, hours: hoursOf(settings) }),
    budget: budgetOf(inAws.of(graph.budget)),
    stopped: stopped && { ...stopped, cost: costOf(lab, settings, { instance, address, health, hours: 0 }) },
    next: settings.schedule && {
      start: nextOf(settings.schedule, 'start', context.clock.now()),
      stop: nextOf(settings.schedule, 'stop', context.clock.now()),
      timezone: settings.schedule.timezone,
    },
  }
}

const capacityNow = (
  { region }: LabId,
  settings: Settings,
  about: { instance: InstanceState | undefined; health: HostHealth; proof: Proof | undefined },
): Capacity =>
  capacityOf({
    region,
    health: about.health,
    instanceType: about.instance?.type ?? settings.instanceType,
    diskGb: about.instance?.volume?.sizeGb ?? settings.diskGb,
    firstTokenMs: (about.proof?.chat ?? []).flatMap((one) => (one.ok ? [one.firstTokenMs] : [])),
  })

const budgetOf = (found: BudgetState | undefined) => found && { ...found, alerts: readersOf(found) }

/** An intended stop is not drift. */
function withoutState(item: PlanItem): PlanItem {
  const changes = item.changes.filter(({ what }) => what !== 'state')
  return { ...item, changes, action: changes.length > 0 ? item.action : 'keep' }
}

const unprovenAddress = ({ allocationId, publicIp }: AddressState): Stranger => ({
  kind: 'address',
  id: allocationId,
  name: publicIp,
  why: 'It has the lab’s tags, and nothing else proves that it is the lab’s.',
})

/** The sources that the actual rules allow to LibreChat, independent of the settings. */
const httpsSources = (group: { ingress: readonly Rule[] } | undefined): string[] =>
  (group?.ingress ?? [])
    .filter(
      ({ protocol, fromPort, toPort }) =>
        protocol === '-1' || (protocol === 'tcp' && fromPort <= 443 && toPort >= 443),
    )
    .map(({ source }) => source)

/** All resources, other parameters of the lab, and this machine's address if known. */
async function observeLab(open: OpenLab, settings: Settings) {
  const { lab, clients, connection } = open
  const graph = wantedGraph(open, settings, settingsReadBy(open))
  const unproven: Stranger[] = []
  const [inAws, leftovers, here] = await Promise.all([
    observe(graph.all, (error) => {
      if (error instanceof Unproven) unproven.push(error.stranger)
      return isStrangers(error)
    }),
    open.leftovers ?? findLeftovers(clients, lab),
    connection.internet.publicAddress().catch((error) => {
      if (error instanceof LabError) return undefined
      throw error
    }),
  ])
  return { graph, inAws, leftovers, here, unproven }
}

const costOf = (
  { region }: LabId,
  settings: Settings,
  {
    instance,
    address,
    health,
    hours,
  }: {
    instance: InstanceState | undefined
    address: AddressState | undefined
    health: HostHealth | undefined
    hours: number | undefined
  },
): Cost =>
  monthlyCost({
    hours,
    region,
    instanceType: instance?.type ?? settings.instanceType,
    diskGb: instance?.volume?.sizeGb ?? settings.diskGb,
    addresses: address ? 1 : 0,
    bounds: {
      allowance: settings.allowance,
      limit: settings.limit,
      users: health?.users ?? 0,
      own: health?.money?.own,
    },
  })

/** Nothing exists, or only an address that a destroy kept. */
function gone({ lab }: OpenLab, strangers: readonly Stranger[], keptAddress: string | undefined): Status {
  if (keptAddress === undefined) {
    throw new LabError({
      code: 'no-such-lab',
      what: `There is no lab "${lab.name}" in ${lab.region}.`,
      ...(strangers.length > 0
        ? {
            why: `These resources have its tags or its path, but are not proven to be the lab's: ${strangers.map(({ id }) => id).join(', ')}. They are not changed.`,
          }
        : {}),
      fix: [
        { command: { path: 'up' }, text: 'creates one' },
        { command: { path: 'list', flags: { 'all-regions': true } }, text: 'lists the labs of all regions' },
      ],
      exitCode: 3,
    })
  }
  const keptAddressMonthlyUsd = addressMonthlyUsd(lab.region)
  const keptAddressCost = addressCost(lab.region)
  return { lab, exitCode: 3, keptAddress, keptAddressMonthlyUsd, keptAddressCost, strangers }
}

/** Models in the menu that can't be called any more. */
async function lostFrom({ clients }: OpenLab, settings: Settings, context: Context): Promise<string[]> {
  if (settings.models.length === 0) return []
  const models = await regionModels(clients, context)
  return settings.models
    .filter(
      ({ id }) => !models.some((model) => model.callable && model.routes.some((route) => route.id === id)),
    )
    .map(({ label }) => label)
}

const askChat = async (
  open: OpenLab,
  settings: Settings,
  instance: { instanceId: string; state: string } | undefined,
  context: Context,
): Promise<Proof | undefined> =>
  instance?.state === 'running'
    ? await proveChat(hostOf(open, instance.instanceId, context), settings)
    : undefined
