import { createHash } from 'node:crypto'
import {
  type Address,
  DescribeAddressesCommand,
  DescribeInstancesCommand,
  type EC2Client,
  type Instance,
  paginateDescribeInstances,
  paginateDescribeSecurityGroups,
  paginateDescribeVolumes,
  type SecurityGroup,
  type Volume,
} from '@aws-sdk/client-ec2'
import { ignoreErrors } from '../aws/errors.js'
import { collect } from '../core/collect.js'
import { LabError } from '../core/error.js'
import type { Resource, ResourceActions } from '../engine/resource.js'
import { isOwned, type LabId, ownedFilters, tagKeys, tagValue } from './ownership.js'

/**
 * What the settings record about the resources that belong to the lab. It narrows the choice, and is never a proof by
 * itself.
 */
export interface Recorded {
  generation: string
  /** The previous generation, until its instance is terminated. */
  previousGeneration?: string | undefined
  /** One-time ids, stored before the creating call, which sets them as a tag. */
  creations?: Partial<Record<'address' | 'group', string | undefined>> | undefined
  /** Resources without a proof that the user accepted once. */
  adopted?: Adopted | undefined
  /** No creation id was ever stored: version 0.1.0 created the lab, or its settings are lost. */
  mayAdopt: boolean
}

interface Adopted {
  instanceId?: string | undefined
  allocationId?: string | undefined
  groupId?: string | undefined
}

/** A resource that has the lab's tags and is not proven to be the lab's. No command changes it. */
export interface Stranger {
  kind:
    | 'instance'
    | 'address'
    | 'group'
    | 'role'
    | 'profile'
    | 'schedule-group'
    | 'budget'
    | 'volume'
    | 'parameter'
    | 'snapshot'
    | 'image'
    | 'interface'
  id: string
  /** Its Name tag, group name or public address; empty when it has none. */
  name: string
  why: string
}

/** Everything in the region that has the lab's tags. */
export interface Claims {
  /** Instances that are not terminated. */
  instances: readonly Instance[]
  addresses: readonly Address[]
  groups: readonly SecurityGroup[]
  /** Attached or not; undefined if they were not listed. */
  volumes?: readonly Volume[]
  /** All Elastic IPs of the region, which count towards its quota. */
  held?: readonly Address[]
}

/** Which of the claims are proven. */
export interface Identity extends Required<Pick<Claims, 'volumes' | 'held'>> {
  instance: Instance | undefined
  /** Proven instances of the previous generation, left by an interrupted replacement. */
  superseded: readonly Instance[]
  address: Address | undefined
  group: SecurityGroup | undefined
  strangers: readonly Stranger[]
  /** Resources recognised without a proof, because they are the only candidates. The user has to accept them once. */
  unconfirmed: Adopted | undefined
}

/** The lab's resource names. */
export interface LabNames {
  role: string
  group: string
}

const hash = (parts: readonly unknown[], digits: number): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, digits)

/** The part of the instance's ClientToken that can be computed at any time: 32 hex digits. */
const tokenIdentity = ({ account, region, name }: LabId, generation: string): string =>
  hash([account, region, name, generation], 32)

/**
 * The ClientToken of a launch: the identity, then a digest of the parameters, so that the same request launches one
 * instance. 64 characters, EC2's maximum:
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
 */
export const launchToken = (lab: LabId, generation: string, parameters: unknown): string =>
  `${tokenIdentity(lab, generation)}-${hash([parameters], 31)}`

/** The recorded generation that launched the instance; undefined if none did. */
export const generationOf = (
  lab: LabId,
  { generation, previousGeneration }: Pick<Recorded, 'generation' | 'previousGeneration'>,
  { ClientToken = '' }: Instance,
): string | undefined =>
  [generation, previousGeneration].find(
    (one) => one !== undefined && ClientToken.startsWith(`${tokenIdentity(lab, one)}-`),
  )

/** Whether any version of this program made the token. 0.1.0 used 64 hex digits that can't be recomputed. */
const isOurToken = (token = ''): boolean => /^([0-9a-f]{64}|[0-9a-f]{32}-[0-9a-f]{31})$/.test(token)

const live = { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] }

/** Three concurrent Describe calls, or four, each to its last page; DescribeAddresses has no pages. */
export async function findClaims(
  ec2: EC2Client,
  lab: Pick<LabId, 'name' | 'region'>,
  also: { volumes?: boolean } = {},
): Promise<Claims> {
  const Filters = ownedFilters(lab)
  const [instances, { Addresses: held = [] }, groups, volumes] = await Promise.all([
    collect(
      paginateDescribeInstances({ client: ec2 }, { Filters: [...Filters, live] }),
      ({ Reservations = [] }) => Reservations.flatMap((reservation) => reservation.Instances ?? []),
    ),
    ec2.send(new DescribeAddressesCommand({})),
    collect(
      paginateDescribeSecurityGroups({ client: ec2 }, { Filters }),
      ({ SecurityGroups = [] }) => SecurityGroups,
    ),
    also.volumes
      ? collect(paginateDescribeVolumes({ client: ec2 }, { Filters }), ({ Volumes = [] }) => Volumes)
      : [],
  ])
  return { instances, addresses: held.filter(({ Tags }) => isOwned(lab, Tags)), groups, volumes, held }
}

/** Whether this instance was the lab's and is terminated: EC2 still describes it for about an hour. */
export async function isTerminated(
  ec2: EC2Client,
  lab: LabId,
  recorded: Pick<Recorded, 'generation' | 'previousGeneration'>,
  instanceId: string,
): Promise<boolean> {
  const found = await ignoreErrors(['InvalidInstanceID.NotFound', 'InvalidInstanceID.Malformed'], () =>
    ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] })),
  )
  const instance = found?.Reservations?.[0]?.Instances?.[0]
  if (!['shutting-down', 'terminated'].includes(instance?.State?.Name ?? '')) return false
  return generationOf(lab, recorded, instance ?? {}) !== undefined || isOwned(lab, instance?.Tags)
}

/**
 * The address with the creation id, which an earlier attempt of this run allocated although the answer was lost.
 * LabError `ambiguous-address`.
 */
export async function findCreated(
  ec2: EC2Client,
  lab: LabId,
  creation: string,
): Promise<Address | undefined> {
  const Filters = [...ownedFilters(lab), { Name: `tag:${tagKeys.creation}`, Values: [creation] }]
  const { Addresses = [] } = await ec2.send(new DescribeAddressesCommand({ Filters }))
  return one(
    lab,
    'address',
    Addresses.filter((found) => !isCopy(found)),
    namesItself,
  )
}

/**
 * Decides which claims are the lab's. LabError `ambiguous-instance`, `ambiguous-address` or `ambiguous-group` if the
 * proofs don't single one out.
 */
export function identify(lab: LabId, recorded: Recorded, claims: Claims, names: LabNames): Identity {
  const { instance, superseded, unconfirmed: newHost } = proveInstance(lab, recorded, claims, names)
  const hosts = [instance, ...superseded].flatMap((one) => one?.InstanceId ?? [])
  const { address, unconfirmed: newAddress } = proveAddress(lab, recorded, claims, hosts)
  const { group, unconfirmed: newGroup } = proveGroup(lab, recorded, claims, names, instance)
  const adopts = newHost || newAddress || newGroup
  const unconfirmed: Adopted = {
    ...(newHost ? { instanceId: instance?.InstanceId } : {}),
    ...(address && (newHost || newAddress) ? { allocationId: address.AllocationId } : {}),
    ...(group && (newHost || newGroup) ? { groupId: group.GroupId } : {}),
  }
  return {
    instance,
    superseded,
    address,
    group,
    strangers: strangersAmong(claims, [...hosts, address?.AllocationId, group?.GroupId]),
    unconfirmed: adopts ? unconfirmed : undefined,
    volumes: claims.volumes ?? [],
    held: claims.held ?? [],
  }
}

function proveInstance(lab: LabId, recorded: Recorded, claims: Claims, names: LabNames) {
  const ofGeneration = (generation: string | undefined) =>
    generation === undefined
      ? []
      : claims.instances.filter(({ ClientToken = '' }) =>
          ClientToken.startsWith(`${tokenIdentity(lab, generation)}-`),
        )
  const current = ofGeneration(recorded.generation)
  const previous = ofGeneration(recorded.previousGeneration)
  const [proven, ...more] = current.length > 0 ? current : previous
  if (more.length > 0) throw ambiguousInstance(lab, [...current, ...previous])
  if (proven) return { instance: proven, superseded: current.length > 0 ? previous : [] }

  // Anyone who can write the settings can name a copy here, so only an instance that this program launched is
  // accepted.
  const isAdopted = (one: Instance) =>
    one.InstanceId === recorded.adopted?.instanceId &&
    isOurToken(one.ClientToken) &&
    (hasProfile(one, names) || hasGroup(one, claims, names))
  const adopted = claims.instances.find(isAdopted)
  if (adopted) return { instance: adopted, superseded: [] }

  // The settings are lost, or version 0.1.0 created the lab. The user can accept an instance with matching profile,
  // group and address.
  const ours = claims.instances.filter(({ ClientToken }) => isOurToken(ClientToken))
  const agreeing = ours.filter(
    (one) =>
      hasProfile(one, names) &&
      hasGroup(one, claims, names) &&
      claims.addresses.some(({ InstanceId }) => InstanceId === one.InstanceId),
  )
  if (agreeing.length !== 1 && ours[0])
    throw ambiguousInstance(lab, ours, ours.length === 1 ? agreement(ours[0], names) : [])
  return { instance: agreeing[0], superseded: [], unconfirmed: agreeing.length === 1 }
}

const hasProfile = ({ IamInstanceProfile }: Instance, { role }: LabNames) =>
  IamInstanceProfile?.Arn?.endsWith(`:instance-profile/${role}`) ?? false

const hasGroup = ({ SecurityGroups = [] }: Instance, { groups }: Claims, { group }: LabNames) =>
  SecurityGroups.some(
    ({ GroupId, GroupName }) => GroupName === group && groups.some((one) => one.GroupId === GroupId),
  )

/** An address has its own allocation id in a tag; copied tags name another one. */
const namesItself = ({ AllocationId, Tags }: Address) => tagValue(Tags, tagKeys.allocation) === AllocationId
const isCopy = (one: Address) => tagValue(one.Tags, tagKeys.allocation) !== undefined && !namesItself(one)

function proveAddress(lab: LabId, recorded: Recorded, claims: Claims, hosts: readonly string[]) {
  const { creations, adopted } = recorded
  const candidates = claims.addresses.filter((one) => !isCopy(one))
  const isAtHost = ({ InstanceId = '' }: Address) => hosts.includes(InstanceId)
  const isIdle = ({ AssociationId }: Address) => AssociationId === undefined
  const wasCreated = ({ Tags }: Address) =>
    creations?.address !== undefined && tagValue(Tags, tagKeys.creation) === creations.address
  // Anyone who can tag an address can set this tag, so it never takes precedence over the other proofs.
  const proofs: ((one: Address) => boolean)[] = [
    wasCreated,
    isAtHost,
    namesItself,
    (one) => one.AllocationId === adopted?.allocationId && isIdle(one),
  ]
  for (const isProven of proofs) {
    const found = one(lab, 'address', candidates.filter(isProven), isAtHost, namesItself)
    if (found) return { address: found }
  }
  if (!recorded.mayAdopt) return { address: undefined }
  const idle = one(lab, 'address', candidates.filter(isIdle))
  return { address: idle, unconfirmed: idle !== undefined }
}

function proveGroup(
  lab: LabId,
  { creations, adopted, mayAdopt }: Recorded,
  claims: Claims,
  names: LabNames,
  host: Instance | undefined,
) {
  const isAtHost = ({ GroupId }: SecurityGroup) =>
    host?.SecurityGroups?.some((group) => group.GroupId === GroupId) ?? false
  const isNamed = ({ GroupName }: SecurityGroup) => GroupName === names.group
  const proofs: ((group: SecurityGroup) => boolean)[] = [
    ({ Tags }) => creations?.group !== undefined && tagValue(Tags, tagKeys.creation) === creations.group,
    isAtHost,
    (group) => group.GroupId === adopted?.groupId && isNamed(group),
  ]
  for (const isProven of proofs) {
    const found = one(lab, 'group', claims.groups.filter(isProven), isAtHost, isNamed)
    if (found) return { group: found }
  }
  if (!mayAdopt) return { group: undefined }
  const named = one(lab, 'group', claims.groups.filter(isNamed))
  return { group: named, unconfirmed: named !== undefined }
}

/** Selects one of several by the first preference that only one meets; LabError `ambiguous-…`. */
function one<T extends Address | SecurityGroup>(
  lab: LabId,
  kind: 'address' | 'group',
  found: readonly T[],
  ...preferences: ((one: T) => boolean)[]
): T | undefined {
  if (found.length < 2) return found[0]
  for (const isPreferred of preferences) {
    const preferred = found.filter(isPreferred)
    if (preferred.length === 1) return preferred[0]
  }
  throw ambiguous(lab, kind, kind === 'address' ? 'Elastic IPs' : 'security groups', found.map(describeClaim))
}

function strangersAmong(claims: Claims, ours: readonly (string | undefined)[]): Stranger[] {
  const strangers: Stranger[] = [
    ...claims.instances.map((one) => ({
      kind: 'instance' as const,
      id: one.InstanceId ?? '',
      name: nameOf(one),
      why: 'It has the lab’s tags, but its ClientToken is not the lab’s.',
    })),
    ...claims.addresses.map((one) => ({
      kind: 'address' as const,
      id: one.AllocationId ?? '',
      name: one.PublicIp ?? '',
      why: one.AssociationId
        ? `It has the lab’s tags, but it is in use by ${one.InstanceId ?? one.NetworkInterfaceId ?? 'another resource'}.`
        : 'It has the lab’s tags, but the lab did not create it.',
    })),
    ...claims.groups.map((one) => ({
      kind: 'group' as const,
      id: one.GroupId ?? '',
      name: one.GroupName ?? '',
      why: 'It has the lab’s tags, but the lab did not create it.',
    })),
  ]
  return strangers.filter(({ id }) => !ours.includes(id)).sort((a, b) => a.id.localeCompare(b.id))
}

const nameOf = ({ Tags }: { Tags?: Instance['Tags'] | undefined }) => tagValue(Tags, 'Name') ?? ''
const quoted = (name: string) => (name ? `Name ${JSON.stringify(name.slice(0, 80))}` : 'no Name tag')

/** "i-0123 (t3.medium, launched 2026-11-26T02:00:00.000Z, Name "LibreChat")" */
export const describeInstance = (one: Instance): string =>
  `${one.InstanceId} (${one.InstanceType}, launched ${one.LaunchTime?.toISOString() ?? 'at an unknown time'}, ${quoted(nameOf(one))})`

const describeClaim = (claim: Address | SecurityGroup) =>
  'GroupId' in claim
    ? { id: claim.GroupId ?? '', text: `${claim.GroupId} (${claim.GroupName}, ${quoted(nameOf(claim))})` }
    : {
        id: (claim as Address).AllocationId ?? '',
        text: `${(claim as Address).AllocationId} (${(claim as Address).PublicIp}, ${quoted(nameOf(claim))})`,
      }

const ambiguousInstance = (lab: LabId, found: readonly Instance[], toAgree: readonly string[] = []) =>
  ambiguous(
    lab,
    'instance',
    'instances',
    found.map((one) => ({ id: one.InstanceId ?? '', text: describeInstance(one) })),
    toAgree,
  )

/** What the only instance needs to be recognised after the settings are lost. */
const agreement = ({ InstanceId }: Instance, { role, group }: LabNames) => [
  `If ${InstanceId} is the lab’s, it needs the instance profile ${role}, the security group ${group} and one of the lab’s Elastic IPs: then it is recognized.`,
]

function ambiguous(
  lab: LabId,
  kind: 'instance' | 'address' | 'group',
  plural: string,
  found: readonly { id: string; text: string }[],
  toAgree: readonly string[] = [],
): LabError {
  const has = found.length === 1 ? 'It has the lab’s tags' : 'Each has the lab’s tags'
  return new LabError({
    code: `ambiguous-${kind}`,
    what:
      found.length === 1
        ? `It can’t be proven that ${found[0]?.text} belongs to the lab "${lab.name}" in ${lab.region}.`
        : `${found.length} ${plural} could belong to the lab "${lab.name}" in ${lab.region}: ${found.map(({ text }) => text).join('; ')}.`,
    why: `${has}, and nothing proves that it is the lab’s. Nothing was changed.`,
    fix: [
      ...found.map(({ id }) => ({
        run: `aws ec2 delete-tags --region ${lab.region} --resources ${id} --tags Key=${tagKeys.lab} Key=${tagKeys.region}`,
        text: `removes the tags of ${id}, if it is not the lab’s`,
      })),
      ...toAgree,
    ],
  })
}

/** Which resources are proven to be the lab's, observed once for all that ask. Not itself a resource in AWS. */
export function identity(options: {
  ec2: EC2Client
  lab: LabId
  /** The current settings: a run can store a new generation. */
  recorded: () => Recorded
  names: LabNames
}): Resource<Identity> {
  const { ec2, lab, recorded, names } = options
  return {
    name: 'identity',
    after: [],
    id: () => lab.name,
    observe: async () => identify(lab, recorded(), await findClaims(ec2, lab, { volumes: true }), names),
    changes: () => [],
    ensure: () => Promise.reject(new Error('Nothing is made here.')),
    remove: () => Promise.reject(new Error('Nothing is removed here.')),
  }
}

/** For `findClaims` without volumes. */
export const claimsActions = [
  'ec2:DescribeInstances',
  'ec2:DescribeAddresses',
  'ec2:DescribeSecurityGroups',
] as const

export const identityActions = {
  observe: [...claimsActions, 'ec2:DescribeVolumes'],
  ensure: [],
  remove: [],
} as const satisfies ResourceActions
