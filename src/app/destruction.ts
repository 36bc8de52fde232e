import type { Instance } from '@aws-sdk/client-ec2'
import { isRetryable } from '../aws/errors.js'
import { type Hint, LabError } from '../core/error.js'
import { type Observation, observe, remove } from '../engine/converge.js'
import type { Resource } from '../engine/resource.js'
import { type Copies, copiesLeftAlone, findCopies } from '../lab/copies.js'
import { type LabGraph, scheduleOf } from '../lab/graph.js'
import { type LastBackup, lastBackupOf } from '../lab/last-backup.js'
import { type Leftovers, readPath, removeSecrets, strangersOf } from '../lab/leftovers.js'
import type { Lock } from '../lab/lock.js'
import { names } from '../lab/names.js'
import { addressCost } from '../lab/prices.js'
import { nothingChosen } from '../lab/settings.js'
import { usedElsewhere } from '../resources/address.js'
import { Unproven } from '../resources/creation.js'
import type { Identity, Stranger } from '../resources/identity.js'
import { type InstanceState, isStopProtected, liftProtection } from '../resources/instance.js'
import { profileUsers } from '../resources/instance-profile.js'
import { isStrangers, type LabId, OtherRegion, tagValue } from '../resources/ownership.js'
import { profilesOf } from '../resources/role.js'
import { groupUsers } from '../resources/security-group.js'
import { readParameter } from '../resources/settings-parameter.js'
import { type PricedSnapshot, withPrice } from './backup/snapshot.js'
import type { Context } from './context.js'
import { graphWithSchedule } from './lab-graph.js'
import { isAsRead, type OpenLab, settingsReadBy } from './open-lab.js'
import { toPartialFailure } from './partial-failure.js'
import { withLock, withoutLock } from './with-lock.js'

export type { Stranger } from '../resources/identity.js'

/** One resource to delete or keep, with its id and name. */
interface DestroyItem {
  text: string
  /** What is deleted with it, or how it is protected. */
  notes: readonly string[]
}

export interface DestroyPlan {
  lab: LabId
  /** What will be removed. */
  going: readonly DestroyItem[]
  /** What belongs to the lab and stays, and why. */
  kept: readonly { text: string; why: string }[]
  strangers: readonly Stranger[]
  /** The proven Elastic IP, and whether it is released. */
  address: { publicIp: string; goes: boolean; canGo: boolean; cost: string } | undefined
  /** The last backup that stays; undefined: none is known. */
  lastBackup: LastBackup | undefined
  /** The state of the instance with the data; undefined: there is none. */
  host: string | undefined
  snapshots: readonly PricedSnapshot[]
  /** Regions in which a lab of this name has global resources. */
  elsewhere: readonly string[]
}

export interface Destroyed {
  lab: LabId
  removed: readonly string[]
  /** Resources that still exist and should not. */
  left: readonly string[]
  keptAddress: string | undefined
  /** What it costs: "$3.65 a month (prices of 2025-03)". */
  addressCost: string
  strangers: readonly Stranger[]
  /** They stay, and cost money until they are removed. */
  snapshots: readonly PricedSnapshot[]
}

interface Seen {
  /** When the observation started. */
  at: number
  graph: LabGraph
  observation: Observation
  identity: Identity
  leftovers: Leftovers
  copies: Copies
  /** Resources of the lab that stay, with the reason: others use them, or nothing proves them. */
  staying: ReadonlyMap<Resource, string>
  elsewhere: readonly string[]
}

const nobody: Identity = {
  instance: undefined,
  superseded: [],
  address: undefined,
  group: undefined,
  strangers: [],
  unconfirmed: undefined,
  volumes: [],
  held: [],
}

/** A destroy that is planned and not yet confirmed. */
export class Destruction {
  readonly #open: OpenLab
  #seen: Seen
  #releases: boolean

  private constructor(open: OpenLab, seen: Seen, releases: boolean) {
    this.#open = open
    this.#seen = seen
    this.#releases = releases
  }

  /** Observes everything. LabError `not-the-address`, `address-in-use`, `ambiguous-…`. Changes nothing. */
  static async of(
    open: OpenLab,
    releaseAddress: string | undefined,
    { clock }: Pick<Context, 'clock'>,
  ): Promise<Destruction> {
    const seen = await look(open, { clock, path: pathReadBy(open) })
    const address = seen.observation.of(seen.graph.address)
    const isNamed = checkedRelease(releaseAddress, address, seen.identity.strangers)
    const isUnprotected =
      address?.protectedTag === false && !address.inUseBy && !aloneIn(seen.identity).allocationId
    return new Destruction(open, seen, isNamed || isUnprotected)
  }

  get plan(): DestroyPlan {
    const { graph, observation, identity, staying, elsewhere, copies } = this.#seen
    const host = observation.of(graph.instance)
    const address = observation.of(graph.address)
    const withData =
      identity.superseded.find((old) => old.InstanceId === host?.movesFrom) ?? identity.instance
    return {
      lab: this.#open.lab,
      going: itemsOf(this.#seen, this.#going()),
      kept: [
        ...(address && !this.#releases
          ? [
              {
                text: addressText(address),
                why: address.inUseBy
                  ? `in use by ${address.inUseBy}`
                  : address.protectedTag
                    ? 'it is protected'
                    : unproven,
              },
            ]
          : []),
        ...[...staying].map(([resource, why]) => ({ text: textOf(this.#seen, resource), why })),
        ...(host?.moreVolumes ?? []).map(({ volumeId, device }) => ({
          text: `volume ${volumeId} (${device})`,
          why: 'only the root volume is deleted with the instance',
        })),
        ...(host?.moreInterfaces ?? [])
          .filter(({ deletedWithInstance }) => !deletedWithInstance)
          .map(({ id }) => ({ text: `network interface ${id}`, why: 'it is not deleted with the instance' })),
        ...identity.superseded.flatMap((old) => partsOf(old).filter(({ goes }) => !goes)),
      ],
      strangers: leftAlone(this.#seen),
      lastBackup: lastBackupOf(withData, copies.snapshots),
      host: host?.state,
      snapshots: pricedSnapshots(this.#open.lab, copies),
      address: address && {
        publicIp: address.publicIp,
        goes: this.#releases,
        canGo: !address.inUseBy && !aloneIn(identity).allocationId,
        cost: addressCost(this.#open.lab.region),
      },
      elsewhere,
    }
  }

  /** The user has named the address too. */
  releaseToo(): void {
    this.#releases = true
  }

  /** Removes a lock that a killed run on this machine left, if there is nothing to delete. */
  nothing = (context: Context): Promise<void> => withoutLock(this.#open, 'destroy', context)

  /**
   * Removes what the plan names, and nothing else. LabError `changed-meanwhile`, or what AWS refused.
   * @param asked whether a user was asked, who may have taken an hour to answer
   * @param goOn how to continue after a failure, if not with the same command
   */
  async carryOut(
    context: Context,
    { asked, goOn = sameAgain }: { asked: boolean; goOn?: string | Hint | undefined },
  ): Promise<Destroyed> {
    const { clients, lab } = this.#open
    const { ui, clock } = context
    const agreed = this.plan.going.map(({ text }) => text)
    await withLock(this.#open, 'destroy', context, async (lock) => {
      if (asked || !(await this.#isCurrent(lock, context)))
        this.#seen = await look(this.#open, { ...context, copies: this.#seen.copies })
      const now = this.#seen
      const resources = this.#going()
      if (itemsOf(now, resources).some(({ text }) => !agreed.includes(text))) throw changedMeanwhile(lab)
      const only = now.observation.only(resources)
      try {
        // If this is refused, nothing has been deleted yet.
        const host = only.of(now.graph.instance)
        const ready = host ? only.with(now.graph.instance, await liftProtection(clients.ec2, host)) : only
        await remove(ready, { clock, signal: lock.signal, emit: ui.emit, isRetryable })
        await removeSecrets(clients, now.leftovers.secrets)
      } catch (error) {
        if (lock.signal.aborted) throw error
        throw toPartialFailure(error, { region: lab.region }, [...(await this.#stillThere(context)), goOn])
      }
    })
    return await this.#outcome(agreed, context)
  }

  /** Whether no other run can have changed the lab since the observation, as `up` checks too. */
  async #isCurrent({ waited }: Lock, { clock }: Context): Promise<boolean> {
    if (waited || clock.now() - this.#seen.at > currentForMs) return false
    const { clients, lab } = this.#open
    return isAsRead(this.#open, await readParameter(clients.ssm, names(lab.name).settings))
  }

  #going(): Resource[] {
    const { graph, staying } = this.#seen
    return graph.all.filter(
      (resource) => (resource !== graph.address || this.#releases) && !staying.has(resource),
    )
  }

  /** Observes again: what still exists? */
  async #outcome(removed: readonly string[], context: Context): Promise<Destroyed> {
    const { graph, observation, identity, copies } = this.#seen
    // A schedule is stored before it is created, so an absent one need not be observed again. Foreign resources with
    // its names are listed again.
    const namesTaken = identity.strangers.some(({ kind }) => kind === 'role' || kind === 'schedule-group')
    const absent = scheduleOf(graph).filter((one) => !namesTaken && !observation.present.includes(one))
    const after = await look(this.#open, { ...context, absent: absent.map(({ name }) => name), copies })
    const address = after.observation.of(after.graph.address)
    const kept = this.#releases ? undefined : address?.publicIp
    const { groupId } = aloneIn(this.#seen.identity)
    const checked = after.graph.all.filter(
      (resource) =>
        (resource !== after.graph.address || this.#releases) && (resource !== after.graph.group || !groupId),
    )
    return {
      lab: this.#open.lab,
      removed,
      left: itemsOf(after, checked).map(({ text }) => text),
      keptAddress: kept,
      addressCost: addressCost(this.#open.lab.region),
      // Which interfaces were attached to the lab's instances is no longer visible.
      strangers: [...strangersOf(after.identity, after.leftovers), ...copiesLeftAlone(identity, copies)],
      snapshots: pricedSnapshots(this.#open.lab, copies),
    }
  }

  /** After a failure: what still exists, if it can be observed. */
  async #stillThere(context: Context): Promise<string[]> {
    // If the observation fails for the same reason, the original failure is reported.
    const [seen] = await Promise.allSettled([look(this.#open, context)])
    if (seen.status === 'rejected') return []
    const left = itemsOf(seen.value, seen.value.graph.all).map(({ text }) => text)
    return [`Still exists: ${left.join(', ')}`]
  }
}

const sameAgain = 'Run the same command again. It continues where it stopped.'

const leftAlone = ({ identity, leftovers, copies }: Seen): Stranger[] => [
  ...strangersOf(identity, leftovers),
  ...copiesLeftAlone(identity, copies),
]

const pricedSnapshots = (lab: LabId, { snapshots }: Copies): PricedSnapshot[] =>
  snapshots.map((one) => withPrice(lab, one))

/** The volumes and interfaces of a replaced instance, and whether each is deleted with it. */
function partsOf({
  InstanceId = '',
  RootDeviceName,
  BlockDeviceMappings = [],
  NetworkInterfaces = [],
}: Instance): (DestroyItem & { goes: boolean; why: string })[] {
  const volumes = BlockDeviceMappings.map(({ DeviceName = '', Ebs }) => ({
    text: `volume ${Ebs?.VolumeId} (${DeviceName} of ${InstanceId})`,
    goes: DeviceName === RootDeviceName && Ebs?.DeleteOnTermination === true,
    why: 'only the root volume is deleted with the instance',
  }))
  const interfaces = NetworkInterfaces.filter(({ Attachment }) => Attachment?.DeviceIndex !== 0).map(
    ({ NetworkInterfaceId, Attachment }) => ({
      text: `network interface ${NetworkInterfaceId} (at ${InstanceId})`,
      goes: Attachment?.DeleteOnTermination === true,
      why: 'it is not deleted with the instance',
    }),
  )
  return [...volumes, ...interfaces].map((one) => ({
    ...one,
    notes: one.goes ? ['it is deleted with its instance'] : [],
  }))
}

const unproven = 'nothing proves that it is the lab’s'

/** Resources that have the lab's tags but no proof or instance. They stay unless they are named. */
const aloneIn = ({ unconfirmed }: Identity): NonNullable<Identity['unconfirmed']> =>
  unconfirmed && !unconfirmed.instanceId ? unconfirmed : {}

/** How long an observation is current if no user was asked in between. */
const currentForMs = 5_000

type Path = ReturnType<typeof readPath>

async function pathReadBy(open: OpenLab): Path {
  if (!open.leftovers) return await readPath(open.clients, open.lab)
  return { settings: await settingsReadBy(open)(), leftovers: open.leftovers }
}

/** @param known.path what is under the lab's path; read if not given, as are the copies */
async function look(
  open: OpenLab,
  {
    clock,
    path = readPath(open.clients, open.lab),
    copies: knownCopies,
    absent = [],
  }: Pick<Context, 'clock'> & {
    path?: Path
    copies?: Copies | undefined
    /** Names of resources that are known not to exist. */
    absent?: readonly string[]
  },
): Promise<Seen> {
  const { clients, lab, stored = nothingChosen } = open
  const at = clock.now()
  const graph = graphWithSchedule(open, stored, async () => (await path).settings)
  const elsewhere = new Set<string>()
  const unprovenNames: Stranger[] = []
  const wanted = graph.all.filter(({ name }) => !absent.includes(name))
  const [found, { leftovers }, copies] = await Promise.all([
    observe(wanted, (error) => {
      if (error instanceof OtherRegion) elsewhere.add(error.there)
      if (error instanceof Unproven) unprovenNames.push(error.stranger)
      return isStrangers(error)
    }),
    path,
    knownCopies ?? findCopies(clients, lab),
  ])
  const proven = found.of(graph.identity) ?? nobody
  const identity = { ...proven, strangers: [...proven.strangers, ...unprovenNames] }
  const host = found.of(graph.instance)
  const [staying, stopProtected] = await Promise.all([
    stayingOf(clients, { graph, observation: found, identity }),
    host && isStopProtected(clients.ec2, host.instanceId),
  ])
  const observation = host ? found.with(graph.instance, { ...host, stopProtected }) : found
  return { at, graph, observation, identity, leftovers, copies, staying, elsewhere: [...elsewhere] }
}

/** Resources that stay, because a foreign instance or profile uses them. */
async function stayingOf(
  { ec2, iam }: OpenLab['clients'],
  { graph, observation, identity }: Pick<Seen, 'graph' | 'observation' | 'identity'>,
): Promise<Map<Resource, string>> {
  const hosts = [identity.instance, ...identity.superseded].map((host) => host?.InstanceId)
  const group = observation.of(graph.group)
  const profile = observation.of(graph.profile)
  const role = observation.of(graph.role)
  const [inGroup, withProfile, withRole] = await Promise.all([
    group ? groupUsers(ec2, group.groupId) : [],
    profile ? profileUsers(ec2, profile.arn, hosts) : [],
    role ? profilesOf(iam, role.name) : [],
  ])
  const others = inGroup.filter(({ instanceId }) => !hosts.includes(instanceId) || instanceId === undefined)
  const profiles = withRole.filter((name) => !profile || name !== role?.name)
  const inUse = (by: readonly string[]) => (by.length > 0 ? `in use by ${by.join(', ')}` : undefined)
  const used = new Map<Resource, string | undefined>([
    [graph.group as Resource, inUse(others.map(({ text }) => text))],
    [graph.profile as Resource, inUse(withProfile)],
    // Without the role in the instance profile, the instances would lose their permissions.
    [
      graph.role as Resource,
      inUse([...withProfile, ...profiles.map((name) => `the instance profile ${name}`)]),
    ],
  ])
  const isUsed = [...used.values()].some((why) => why !== undefined)
  if (isUsed && observation.of(graph.settings))
    used.set(graph.settings as Resource, 'they prove that the rest is the lab’s')
  if (group && aloneIn(identity).groupId && !used.get(graph.group as Resource))
    used.set(graph.group as Resource, unproven)
  return new Map([...used].flatMap(([resource, why]) => (why === undefined ? [] : [[resource, why]])))
}

/** Whether the user named the lab's address. If it no longer exists, an earlier run released it. */
function checkedRelease(
  named: string | undefined,
  address: { publicIp: string; inUseBy?: string } | undefined,
  strangers: readonly Stranger[],
): boolean {
  if (named === undefined) return false
  if (address?.publicIp === named) {
    if (address.inUseBy) throw usedElsewhere(named, address.inUseBy)
    return true
  }
  const stranger = strangers.find(({ kind, name }) => kind === 'address' && name === named)
  if (!address && !stranger) return true
  throw new LabError({
    code: 'not-the-address',
    what: `${JSON.stringify(named.slice(0, 60))} is not this lab’s address.`,
    why: stranger?.why ?? 'Releasing can’t be undone, so the address must be exact.',
    fix: address
      ? [{ command: { keeps: true, path: 'destroy', flags: { 'release-address': address.publicIp } } }]
      : [],
  })
}

const addressText = ({ publicIp, allocationId }: { publicIp: string; allocationId: string }) =>
  `Elastic IP (${publicIp}, ${allocationId})`

function textOf({ graph, observation, identity }: Seen, resource: Resource): string {
  const address = observation.of(graph.address)
  if (resource === graph.address && address) return addressText(address)
  const id = resource.id(observation.of(resource))
  const name = resource === graph.instance ? tagValue(identity.instance?.Tags, 'Name') : undefined
  // The user can change the Name tag.
  const shown = name === undefined || resource.name.endsWith(name) ? id : `${id}, Name "${name}"`
  return resource.name.endsWith(id) ? resource.name : `${resource.name} (${shown})`
}

/** Everything of these that exists, including volumes and replaced instances. */
function itemsOf(seen: Seen, resources: readonly Resource[]): DestroyItem[] {
  const { graph, observation, leftovers, identity } = seen
  const items = observation.only(resources).present.map((resource) => {
    const host = resource === (graph.instance as Resource) ? observation.of(graph.instance) : undefined
    return { text: textOf(seen, resource), notes: host ? protectionNotes(host) : [] }
  })
  const host = observation.only(resources).present.includes(graph.instance as Resource)
    ? observation.of(graph.instance)
    : undefined
  return [
    ...items,
    ...(host?.superseded ?? []).map((id) => ({
      text: `instance ${id}`,
      notes:
        id === host?.movesFrom
          ? ['its replacement was interrupted: it contains every user, conversation and file']
          : ['replaced by the instance above'],
    })),
    ...(host ? identity.superseded : []).flatMap((old) => partsOf(old).filter(({ goes }) => goes)),
    ...(host?.moreInterfaces ?? [])
      .filter(({ deletedWithInstance }) => deletedWithInstance)
      .map(({ id }) => ({ text: `network interface ${id}`, notes: ['it is deleted with the instance'] })),
    ...(host?.volume
      ? [
          {
            text: `volume ${host.volume.volumeId} (${host.volume.sizeGb} GB, the root volume of ${host.instanceId})`,
            notes: [
              host.movesFrom === undefined
                ? 'contains every user, conversation and file'
                : `new, and gets the data of ${host.movesFrom} when up finishes the replacement`,
            ],
          },
        ]
      : []),
    ...leftovers.secrets.map((name) => ({ text: `parameter ${name}`, notes: ['left by an earlier run'] })),
  ]
}

const protectionNotes = (host: Pick<InstanceState, 'stopProtected' | 'terminationProtected'>) => [
  ...(host.stopProtected ? ['stop protection is turned off first'] : []),
  ...(host.terminationProtected ? ['termination protection is turned off first'] : []),
]

const changedMeanwhile = ({ name }: LabId) =>
  new LabError({
    code: 'changed-meanwhile',
    what: `The lab "${name}" was changed while this run waited, and has resources that were not shown.`,
    why: 'Only resources that you have seen are deleted. Nothing was deleted.',
    fix: [{ command: { path: 'destroy' }, text: 'shows what there is now' }],
  })
