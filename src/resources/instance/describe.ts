import {
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  type DescribeInstancesCommandInput,
  DescribeVolumesCommand,
  type EC2Client,
  type Instance,
  type Volume,
} from '@aws-sdk/client-ec2'
import { ignoreErrors, isPassing } from '../../aws/errors.js'
import type { EnsureContext, Resource } from '../../engine/resource.js'
import type { InstanceProfileState } from '../instance-profile.js'
import { type LabId, ownedFilters } from '../ownership.js'
import type { SecurityGroupState } from '../security-group.js'

export interface InstanceState {
  instanceId: string
  /** "pending", "running", "stopping", "stopped". */
  state: string
  type: string
  imageId: string
  subnetId: string
  zone: string
  publicIp?: string
  /** The instance profile's AWS id, when one is associated. */
  profileId?: string
  groupIds: readonly string[]
  tokensRequired: boolean
  hopLimit: number
  metadataOn: boolean
  terminationProtected: boolean
  /** More instances with this lab's tags: somebody copied them. */
  others: readonly string[]
  volume?: {
    volumeId: string
    type: string
    sizeGb: number
    encrypted: boolean
    iops: number
    /** MB/s */
    throughput: number
    deletedWithInstance: boolean
  }
}

/** gp3's baseline, which costs nothing extra: https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html */
export const gp3 = { iops: 3000, throughput: 125 }
export const rootDevice = '/dev/xvda'
export const hopLimit = 2

export interface InstanceOptions {
  ec2: EC2Client
  /** Without retries of its own: a lack of capacity must be heard at once. */
  ec2Once: EC2Client
  lab: LabId
  name: string
  type: string
  diskGb: number
  /** The image and the subnets to try, in this order; asked only when an instance is launched. */
  place: () => Promise<{ imageId: string; subnetIds: readonly string[] }>
  /** Told apart from an instance of this lab that has ended. */
  generation: string
  /** Takes a new generation into the lab's settings, when the old one's instance has ended. */
  renew: () => Promise<string>
  userData: string | undefined
  profile: Resource<InstanceProfileState>
  group: Resource<SecurityGroupState>
  after: readonly Resource[]
}

export const gone = ['InvalidInstanceID.NotFound', 'InvalidInstanceID.Malformed']
export const timeoutOptions = ({ clock, signal }: EnsureContext, minutes: number) => ({
  clock,
  signal,
  deadlineMs: minutes * 60_000,
})

/** A poll that is throttled or lost is asked again later. */
export async function polled<T>(ask: () => Promise<T>): Promise<T | 'later'> {
  try {
    return await ask()
  } catch (error) {
    if (isPassing(error)) return 'later'
    throw error
  }
}

export async function describe(ec2: EC2Client, input: DescribeInstancesCommandInput): Promise<Instance[]> {
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand(input))
  return Reservations.flatMap((reservation) => reservation.Instances ?? [])
}

export async function observe(ec2: EC2Client, lab: LabId): Promise<InstanceState | undefined> {
  const found = await describe(ec2, {
    Filters: [
      ...ownedFilters(lab),
      { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] },
    ],
  })
  const [first, ...more] = found.sort((a, b) => Number(a.LaunchTime) - Number(b.LaunchTime))
  if (!first) return undefined
  return await inspect(
    ec2,
    first,
    more.map((i) => i.InstanceId ?? ''),
  )
}

/** What DescribeInstances doesn't tell is asked for at once. */
export async function inspect(
  ec2: EC2Client,
  found: Instance,
  others: readonly string[] = [],
): Promise<InstanceState> {
  const InstanceId = found.InstanceId as string
  const [termination, volumes] = await Promise.all([
    ignoreErrors(gone, () =>
      ec2.send(new DescribeInstanceAttributeCommand({ InstanceId, Attribute: 'disableApiTermination' })),
    ),
    ec2.send(
      new DescribeVolumesCommand({ Filters: [{ Name: 'attachment.instance-id', Values: [InstanceId] }] }),
    ),
  ])
  const rootName = found.RootDeviceName ?? rootDevice
  const root =
    volumes.Volumes?.find((v) => v.Attachments?.some((a) => a.Device === rootName)) ?? volumes.Volumes?.[0]
  return {
    instanceId: InstanceId,
    state: found.State?.Name ?? 'unknown',
    type: found.InstanceType ?? '',
    imageId: found.ImageId ?? '',
    subnetId: found.SubnetId ?? '',
    zone: found.Placement?.AvailabilityZone ?? '',
    ...(found.PublicIpAddress ? { publicIp: found.PublicIpAddress } : {}),
    ...(found.IamInstanceProfile?.Id ? { profileId: found.IamInstanceProfile.Id } : {}),
    groupIds: (found.SecurityGroups ?? []).map((g) => g.GroupId ?? ''),
    tokensRequired: found.MetadataOptions?.HttpTokens === 'required',
    hopLimit: found.MetadataOptions?.HttpPutResponseHopLimit ?? 0,
    metadataOn: found.MetadataOptions?.HttpEndpoint !== 'disabled',
    others,
    terminationProtected: termination?.DisableApiTermination?.Value ?? false,
    ...(root ? { volume: volumeOf(root) } : {}),
  }
}

const volumeOf = (volume: Volume): NonNullable<InstanceState['volume']> => ({
  volumeId: volume.VolumeId ?? '',
  type: volume.VolumeType ?? '',
  sizeGb: volume.Size ?? 0,
  encrypted: volume.Encrypted ?? false,
  iops: volume.Iops ?? gp3.iops,
  throughput: volume.Throughput ?? gp3.throughput,
  deletedWithInstance: volume.Attachments?.[0]?.DeleteOnTermination ?? true,
})
