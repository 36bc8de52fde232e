import {
  DescribeInstanceAttributeCommand,
  type DescribeInstancesCommandInput,
  type EC2Client,
  type Instance,
  type InstanceAttributeName,
  paginateDescribeInstances,
  paginateDescribeVolumes,
  type Volume,
} from '@aws-sdk/client-ec2'
import { ignoreErrors, isPassing } from '../../aws/errors.js'
import { collect } from '../../core/collect.js'
import type { EnsureContext, Resource } from '../../engine/resource.js'
import type { Identity } from '../identity.js'
import type { InstanceProfileState } from '../instance-profile.js'
import { type LabId, tagKeys, tagValue } from '../ownership.js'
import { groupRules, type SecurityGroupState } from '../security-group.js'

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
  /** What `shutdown` on the host does to the instance: "stop", or "terminate", which deletes all data. */
  shutdownBehavior: string
  /** Set if it is stopped or stopping. */
  rest?: Rest | undefined
  /**
   * Whether stop protection is on; undefined if not asked. It prevents a termination too:
   * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-stop-protection.html
   */
  stopProtected?: boolean | undefined
  /** Instances of the previous generation that an interrupted replacement left. */
  superseded: readonly string[]
  /**
   * The one of them that has the lab's data. The address moves to a new instance only once that has the data: until
   * then an interrupted replacement goes on.
   */
  movesFrom?: string
  /** Additional network interfaces, with their groups and the rules of those. */
  moreInterfaces: readonly {
    id: string
    deletedWithInstance: boolean
    groups: readonly { id: string; rules: readonly string[] }[]
  }[]
  /** Additional volumes. They are not the lab's, and stay when the instance is terminated. */
  moreVolumes: readonly { volumeId: string; device: string; deletedWithInstance: boolean }[]
  volume?: {
    volumeId: string
    type: string
    sizeGb: number
    encrypted: boolean
    iops: number
    /** MB/s */
    throughput: number
    device: string
    deletedWithInstance: boolean
  }
}

/** EC2's information about why an instance is stopped. */
export interface Rest {
  /** The last start, in milliseconds since the epoch. */
  launchedAt: number
  /** "User initiated (2026-11-26 20:00:12 GMT)" */
  transition: string
  /** "Client.UserInitiatedShutdown", "Client.InstanceInitiatedShutdown"; empty if EC2 gives none. */
  code: string
  /** The tag that `stop` sets. */
  tag: string
}

export const restOf = ({ State, StateReason, StateTransitionReason, LaunchTime, Tags }: Instance) =>
  State?.Name === 'stopped' || State?.Name === 'stopping'
    ? {
        launchedAt: LaunchTime?.getTime() ?? 0,
        transition: StateTransitionReason ?? '',
        code: StateReason?.Code ?? '',
        tag: tagValue(Tags, tagKeys.stopped) ?? '',
      }
    : undefined

/** gp3's baseline, which costs nothing extra: https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html */
export const gp3 = { iops: 3000, throughput: 125 }
export const rootDevice = '/dev/xvda'
export const hopLimit = 2

export interface InstanceOptions {
  ec2: EC2Client
  /** Without automatic retries: a lack of capacity must be reported immediately. */
  ec2Once: EC2Client
  lab: LabId
  name: string
  type: string
  diskGb: number
  /** The image, and the subnets in the order to try; called only to launch an instance. */
  place: () => Promise<{ imageId: string; subnetIds: readonly string[] }>
  /** Distinguishes the instance from a terminated one of this lab. */
  generation: () => string
  /** Whether this run chose the generation, so that no other run can have launched an instance of it. */
  isNewGeneration: boolean
  /** Stores a new generation in the settings after the old one's instance is terminated. */
  renew: (seen: Identity | undefined) => Promise<string>
  identity: Resource<Identity>
  /** The instance that is being replaced. It is ignored, and stays. */
  replaces?: string | undefined
  userData: Buffer | undefined
  profile: Resource<InstanceProfileState>
  group: Resource<SecurityGroupState>
  after: readonly Resource[]
}

export const gone = ['InvalidInstanceID.NotFound', 'InvalidInstanceID.Malformed']
export const timeoutOptions = (
  { clock, signal }: Pick<EnsureContext, 'clock' | 'signal'>,
  minutes: number,
) => ({
  clock,
  signal,
  deadlineMs: minutes * 60_000,
})

/** A poll that was throttled or lost is retried later. */
export async function polled<T>(ask: () => Promise<T>): Promise<T | 'later'> {
  try {
    return await ask()
  } catch (error) {
    if (isPassing(error)) return 'later'
    throw error
  }
}

export async function describe(ec2: EC2Client, input: DescribeInstancesCommandInput): Promise<Instance[]> {
  return await collect(paginateDescribeInstances({ client: ec2 }, input), ({ Reservations = [] }) =>
    Reservations.flatMap((reservation) => reservation.Instances ?? []),
  )
}

/** Gets what DescribeInstances doesn't return with concurrent calls. */
export async function inspect(
  ec2: EC2Client,
  found: Instance,
  {
    superseded = [],
    volumes = [],
    address,
  }: Partial<Pick<Identity, 'superseded' | 'volumes' | 'address'>> = {},
): Promise<InstanceState> {
  const InstanceId = found.InstanceId as string
  const [termination, shutdown, root, moreInterfaces] = await Promise.all([
    attributeOf(ec2, InstanceId, 'disableApiTermination'),
    attributeOf(ec2, InstanceId, 'instanceInitiatedShutdownBehavior'),
    rootVolumeOf(ec2, found, volumes),
    moreInterfacesOf(ec2, found),
  ])
  const movesFrom = address?.InstanceId === InstanceId ? undefined : superseded[0]?.InstanceId
  return {
    ...visibleIn(found),
    superseded: superseded.map((one) => one.InstanceId ?? ''),
    ...(movesFrom === undefined ? {} : { movesFrom }),
    moreInterfaces,
    terminationProtected: termination?.DisableApiTermination?.Value ?? false,
    shutdownBehavior: shutdown?.InstanceInitiatedShutdownBehavior?.Value ?? 'stop',
    ...(root ? { volume: volumeOf(root, found) } : {}),
  }
}

/** Called only before a stop or a termination. */
export const isStopProtected = async (ec2: EC2Client, instanceId: string): Promise<boolean> =>
  (await attributeOf(ec2, instanceId, 'disableApiStop'))?.DisableApiStop?.Value ?? false

const attributeOf = (ec2: EC2Client, InstanceId: string, Attribute: InstanceAttributeName) =>
  ignoreErrors(gone, () => ec2.send(new DescribeInstanceAttributeCommand({ InstanceId, Attribute })))

/** What DescribeInstances returns. */
export function visibleIn(found: Instance) {
  return {
    instanceId: found.InstanceId ?? '',
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
    moreVolumes: (found.BlockDeviceMappings ?? [])
      .filter(({ DeviceName }) => DeviceName !== rootNameOf(found))
      .map(({ DeviceName = '', Ebs }) => ({
        volumeId: Ebs?.VolumeId ?? '',
        device: DeviceName,
        deletedWithInstance: Ebs?.DeleteOnTermination ?? false,
      })),
    rest: restOf(found),
  } satisfies Partial<InstanceState>
}

const rootNameOf = ({ RootDeviceName }: Instance) => RootDeviceName ?? rootDevice

/** Listed separately if it is not among the volumes with the lab's tags. Any other volume is not the lab's. */
async function rootVolumeOf(
  ec2: EC2Client,
  found: Instance,
  tagged: readonly Volume[],
): Promise<Volume | undefined> {
  const InstanceId = found.InstanceId ?? ''
  const isRoot = ({ Attachments = [] }: Volume) =>
    Attachments.some((one) => one.InstanceId === InstanceId && one.Device === rootNameOf(found))
  const known = tagged.find(isRoot)
  if (known) return known
  const Filters = [{ Name: 'attachment.instance-id', Values: [InstanceId] }]
  const attached = await collect(
    paginateDescribeVolumes({ client: ec2 }, { Filters }),
    ({ Volumes = [] }) => Volumes,
  )
  return attached.find(isRoot)
}

/** Lists their groups only if there are any. */
export async function moreInterfacesOf(
  ec2: EC2Client,
  { NetworkInterfaces = [] }: Instance,
): Promise<InstanceState['moreInterfaces']> {
  const more = NetworkInterfaces.filter(({ Attachment }) => (Attachment?.DeviceIndex ?? 0) > 0)
  const ids = more.flatMap(({ Groups = [] }) => Groups.map(({ GroupId = '' }) => GroupId))
  const rules = new Map(ids.length > 0 ? await groupRules(ec2, ids) : [])
  return more.map(({ NetworkInterfaceId = '', Attachment, Groups = [] }) => ({
    id: NetworkInterfaceId,
    deletedWithInstance: Attachment?.DeleteOnTermination ?? false,
    groups: Groups.map(({ GroupId = '' }) => ({ id: GroupId, rules: rules.get(GroupId) ?? [] })),
  }))
}

const volumeOf = (volume: Volume, host: Instance): NonNullable<InstanceState['volume']> => ({
  volumeId: volume.VolumeId ?? '',
  type: volume.VolumeType ?? '',
  sizeGb: volume.Size ?? 0,
  encrypted: volume.Encrypted ?? false,
  iops: volume.Iops ?? gp3.iops,
  throughput: volume.Throughput ?? gp3.throughput,
  device: rootNameOf(host),
  deletedWithInstance:
    host.BlockDeviceMappings?.find(({ DeviceName }) => DeviceName === rootNameOf(host))?.Ebs
      ?.DeleteOnTermination ??
    volume.Attachments?.[0]?.DeleteOnTermination ??
    true,
})
