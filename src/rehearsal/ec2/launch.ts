import { createHash } from 'node:crypto'
import type { RunInstancesCommandInput } from '@aws-sdk/client-ec2'
import type { Instance, Volume } from '../account.js'
import { found, Refusal } from '../refusal.js'
import { tagsFor, type World } from '../world.js'
import { architectureOf, architectureOfImage, offers } from './types.js'

/** How long AWS takes, in milliseconds: until the machine runs, and then until its agent reports. */
const startsIn = 9_000
export const agentIn = 18_000

/** Checks a launch in EC2's order and creates the instance; returns the existing one for a repeated token. */
export function launch(input: RunInstancesCommandInput, world: World): string {
  const { here, region } = world
  const type = input.InstanceType ?? 'm1.small'
  const architecture = architectureOf(type)
  const imageArchitecture = architectureOfImage(region, input.ImageId)
  if (architecture !== imageArchitecture) {
    throw new Refusal(
      'InvalidParameterValue',
      `The architecture '${architecture}' of the specified instance type does not match the architecture '${imageArchitecture}' of the specified AMI.`,
    )
  }
  const earlier = byToken(input, world)
  if (earlier) return earlier

  const network = input.NetworkInterfaces?.[0]
  const subnetId = network?.SubnetId ?? input.SubnetId ?? Object.keys(here.subnets)[0]
  if (!subnetId)
    throw new Refusal(
      'VPCIdNotSpecified',
      'No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.',
    )
  const subnet = found(
    here.subnets,
    subnetId,
    'InvalidSubnetID.NotFound',
    `The subnet ID '${subnetId}' does not exist`,
  )
  if (!offers(subnet.zone)) {
    throw new Refusal(
      'Unsupported',
      `Your requested instance type (${type}) is not supported in your requested Availability Zone (${subnet.zone}).`,
    )
  }
  const groups = network?.Groups ?? input.SecurityGroupIds ?? []
  for (const id of groups) {
    found(here.groups, id, 'InvalidGroup.NotFound', `The security group '${id}' does not exist`)
  }
  const profile = profileFor(input, world)
  if (world.scenario === 'no-capacity') {
    const dry = world.memory.get('dry zone') ?? subnet.zone
    world.memory.set('dry zone', dry)
    if (dry === subnet.zone) {
      throw new Refusal(
        'InsufficientInstanceCapacity',
        `We currently do not have sufficient ${type} capacity in the Availability Zone you requested (${subnet.zone}).`,
        500,
      )
    }
  }

  const id = world.id('i')
  const tokens = input.MetadataOptions
  here.instances[id] = {
    state: 'pending',
    next: { state: 'running', at: world.after(startsIn) },
    type,
    image: input.ImageId ?? '',
    subnet: subnetId,
    privateIp: `172.31.${20 + (Object.keys(here.instances).length % 200)}.10`,
    publicIp: `198.51.100.${1 + (Object.keys(here.instances).length % 250)}`,
    interface: world.id('eni'),
    reservation: world.id('r'),
    launchedAt: world.now,
    tags: tagsFor(input.TagSpecifications, 'instance'),
    groups: [...groups],
    volume: rootVolume(input, world),
    ...(profile ? { association: { id: world.id('iip-assoc'), ...profile } } : {}),
    tokens: {
      HttpTokens: tokens?.HttpTokens ?? 'optional',
      HttpPutResponseHopLimit: tokens?.HttpPutResponseHopLimit ?? 1,
      HttpEndpoint: tokens?.HttpEndpoint ?? 'enabled',
      InstanceMetadataTags: tokens?.InstanceMetadataTags ?? 'disabled',
    },
    terminationProtected: input.DisableApiTermination ?? false,
    stopProtected: input.DisableApiStop ?? false,
    shutdownBehavior: input.InstanceInitiatedShutdownBehavior ?? 'stop',
    userData: input.UserData ?? '',
    credits: input.CreditSpecification?.CpuCredits ?? (type.startsWith('t2') ? 'standard' : 'unlimited'),
    ...(input.ClientToken
      ? { clientToken: { token: input.ClientToken, parameters: fingerprint(input) } }
      : {}),
    onlineAt: world.after(startsIn + agentIn),
    host: { done: [], versions: [], keys: {}, users: [] },
  }
  return id
}

function byToken(input: RunInstancesCommandInput, { here }: World): string | undefined {
  const earlier = Object.entries(here.instances).find(
    ([, { clientToken }]) => input.ClientToken !== undefined && clientToken?.token === input.ClientToken,
  )
  if (earlier && earlier[1].clientToken?.parameters !== fingerprint(input)) {
    throw new Refusal(
      'IdempotentParameterMismatch',
      'Arguments on this idempotent request are inconsistent with arguments used in previous request(s).',
    )
  }
  if (earlier?.[1].state === 'terminated') {
    throw new Refusal(
      'IdempotentInstanceTerminated',
      'The client token you have provided is associated with a terminated instance. Please use a different client token.',
    )
  }
  return earlier?.[0]
}

const fingerprint = (input: RunInstancesCommandInput): string =>
  createHash('sha256').update(JSON.stringify(input)).digest('hex')

/** EC2 doesn't know a new profile yet, and refuses one without a role. */
export function profileFor(
  { IamInstanceProfile: wanted }: Pick<RunInstancesCommandInput, 'IamInstanceProfile'>,
  { account, now }: World,
): { profile: string; profileId: string } | undefined {
  if (!wanted) return undefined
  const name = wanted.Name ?? wanted.Arn?.split('/').at(-1) ?? ''
  const profile = account.profiles[name]
  if (!profile || profile.knownAt > now) {
    const parameter = wanted.Name ? 'iamInstanceProfile.name' : 'iamInstanceProfile.arn'
    throw new Refusal(
      'InvalidParameterValue',
      `Value (${wanted.Name ?? wanted.Arn}) for parameter ${parameter} is invalid. Invalid IAM Instance Profile name`,
    )
  }
  if (!profile.role) {
    throw new Refusal('InvalidParameterValue', `IAM Instance Profile "${name}" has no associated IAM Roles`)
  }
  return { profile: name, profileId: profile.id }
}

function rootVolume(input: RunInstancesCommandInput, world: World): Volume {
  const asked = input.BlockDeviceMappings?.[0]
  const disk = asked?.Ebs
  if (disk?.VolumeSize !== undefined && disk.VolumeSize < 8) {
    throw new Refusal(
      'InvalidBlockDeviceMapping',
      `Volume of size ${disk.VolumeSize}GB is smaller than snapshot 'snap-0', expect size >= 8GB`,
    )
  }
  return {
    id: world.id('vol'),
    device: asked?.DeviceName ?? '/dev/xvda',
    size: disk?.VolumeSize ?? 8,
    type: disk?.VolumeType ?? 'gp3',
    iops: disk?.Iops ?? 3000,
    throughput: disk?.Throughput ?? 125,
    encrypted: disk?.Encrypted ?? false,
    deleteOnTermination: disk?.DeleteOnTermination ?? true,
    tags: tagsFor(input.TagSpecifications, 'volume'),
  }
}

/** EC2's error for an instance that doesn't exist. */
export const instanceOf = ({ here }: World, id: string | undefined): Instance =>
  found(here.instances, id, 'InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`)
