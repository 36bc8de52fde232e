import {
  type Address,
  DescribeAddressesCommand,
  paginateDescribeInstances,
  paginateDescribeSecurityGroups,
} from '@aws-sdk/client-ec2'
import { paginateGetParametersByPath } from '@aws-sdk/client-ssm'
import type { Clients } from '../aws/clients.js'
import { collect } from '../core/collect.js'
import { LabError } from '../core/error.js'
import { type Claims, type Identity, identify } from '../resources/identity.js'
import { type LabId, tagKeys, tagValue } from '../resources/ownership.js'
import { recordedIn } from './graph.js'
import { isName, names } from './names.js'
import { parseSettings } from './stored-settings.js'

/** A lab, as far as four calls for the whole region show it. */
export interface ListedLab {
  name: string
  region: string
  /** The instance's state; undefined when there is no instance. */
  state: string | undefined
  type: string | undefined
  address: string | undefined
  instanceId: string | undefined
  /** Whether settings, instance and address all exist. */
  whole: boolean
  /** Whether several resources have its tags and nothing proves which of them are the lab's. */
  ambiguous: boolean
}

/** Every lab in the clients' region, by name. Resources that only have a lab's tags are not a lab. */
export async function listLabs(
  clients: Clients,
  { account, partition }: Pick<LabId, 'account' | 'partition'>,
): Promise<ListedLab[]> {
  const { region } = clients
  const [claims, settings] = await Promise.all([findAllClaims(clients), findAllSettings(clients)])
  const called = [...claims.instances, ...claims.addresses].flatMap((one) => nameIn(one, region) ?? [])
  return [...new Set([...called, ...settings.keys()])].sort().flatMap((name) => {
    const stored = settings.get(name)
    const found = identifyOne({ name, region, account, partition }, stored, claims)
    const isKnown = stored !== undefined || found === undefined || found.instance || found.address
    return isKnown ? [listed({ name, region }, stored !== undefined, found)] : []
  })
}

type Tagged = { Tags?: Address['Tags'] | undefined }

/** The lab that a resource's tag names; undefined if the tag is not a valid lab name, because anyone can set it. */
function nameIn({ Tags }: Tagged, region: string): string | undefined {
  const name = tagValue(Tags, tagKeys.lab) ?? ''
  return isName(name) && tagValue(Tags, tagKeys.region) === region ? name : undefined
}

/** undefined if the proofs are ambiguous. */
function identifyOne(lab: LabId, stored: string | undefined, all: Claims): Identity | undefined {
  const isClaimed = (one: Tagged) => nameIn(one, lab.region) === lab.name
  const claims = {
    instances: all.instances.filter(isClaimed),
    addresses: all.addresses.filter(isClaimed),
    groups: all.groups.filter(isClaimed),
  }
  try {
    const settings = stored === undefined ? undefined : parseSettings(stored, names(lab.name).settings, lab)
    return identify(lab, recordedIn(settings), claims, names(lab.name))
  } catch (error) {
    if (error instanceof LabError && /^ambiguous-|^bad-settings$/.test(error.code)) return undefined
    throw error
  }
}

const listed = (
  where: { name: string; region: string },
  hasSettings: boolean,
  found: Identity | undefined,
): ListedLab => {
  const { instance, address } = found ?? {}
  return {
    ...where,
    state: instance?.State?.Name,
    type: instance?.InstanceType,
    address: address?.PublicIp,
    instanceId: instance?.InstanceId,
    whole: hasSettings && instance !== undefined && address !== undefined,
    ambiguous: found === undefined,
  }
}

async function findAllClaims({ ec2 }: Clients): Promise<Claims> {
  const tagged = { Name: 'tag-key', Values: [tagKeys.lab] }
  const states = { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] }
  const [instances, { Addresses = [] }, groups] = await Promise.all([
    collect(
      paginateDescribeInstances({ client: ec2 }, { Filters: [tagged, states] }),
      ({ Reservations = [] }) => Reservations.flatMap((reservation) => reservation.Instances ?? []),
    ),
    ec2.send(new DescribeAddressesCommand({ Filters: [tagged] })),
    collect(
      paginateDescribeSecurityGroups({ client: ec2 }, { Filters: [tagged] }),
      ({ SecurityGroups = [] }) => SecurityGroups,
    ),
  ])
  return { instances, addresses: Addresses, groups }
}

/** The text of each lab's settings, by name. */
async function findAllSettings({ ssm }: Clients): Promise<Map<string, string>> {
  const parameters = await collect(
    paginateGetParametersByPath({ client: ssm }, { Path: '/librechat-lab', Recursive: true }),
    ({ Parameters = [] }) => Parameters,
  )
  return new Map(
    parameters.flatMap(({ Name = '', Value = '' }) => {
      const [, name = ''] = /^\/librechat-lab\/([^/]+)\/spec$/.exec(Name) ?? []
      return isName(name) ? [[name, Value] as const] : []
    }),
  )
}
