import { createHash } from 'node:crypto'
import {
  AssociateIamInstanceProfileCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  type DescribeInstancesCommandInput,
  DescribeVolumesCommand,
  type EC2Client,
  type Instance,
  ModifyInstanceAttributeCommand,
  ModifyInstanceMetadataOptionsCommand,
  ModifyVolumeCommand,
  ReplaceIamInstanceProfileAssociationCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
  type Volume,
} from '@aws-sdk/client-ec2'
import { isCode, isLost, isThrottled, unless } from '../aws/errors.js'
import { LabError } from '../engine/error.js'
import type { Change, Resource, Work } from '../engine/resource.js'
import { until, whileFailing } from '../engine/until.js'
import type { InstanceProfileState } from './instance-profile.js'
import { type LabId, ownedFilters, tagsOf } from './ownership.js'
import type { SecurityGroupState } from './security-group.js'

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
const gp3 = { iops: 3000, throughput: 125 }
const rootDevice = '/dev/xvda'
const hopLimit = 2

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

/** The host. */
export function instance(options: InstanceOptions): Resource<InstanceState> {
  const { ec2, lab, profile, group } = options

  return {
    name: `instance ${options.name}`,
    after: [...options.after, profile, group],
    id: (state) => state.instanceId,
    observe: () => observe(ec2, lab),

    changes(state, seen) {
      if (!state) {
        return [
          { what: 'type', to: options.type },
          { what: 'disk', to: `${options.diskGb} GB gp3, encrypted` },
          { what: 'metadata', to: `IMDSv2 only, hop limit ${hopLimit}` },
        ]
      }
      return differences(state, options, seen(profile)?.id, seen(group)?.groupId)
    },

    async ensure(state, work) {
      const host = state ?? (await launch(options, work))
      const [{ id: profileId, arn }, { groupId }] = await Promise.all([
        work.ready(profile),
        work.ready(group),
      ])
      // A fresh instance is looked at too: EC2 launches silently without a profile that it doesn't see yet.
      const now = state ?? (await running(options, host.instanceId, work))
      const restarted = await mend(options, now, { profileId, arn, groupId }, work)
      return now.state === 'running' && !restarted ? now : await running(options, now.instanceId, work)
    },

    async remove(state, work) {
      await end(ec2, state.instanceId, state.terminationProtected, work)
      for (const other of state.others) await end(ec2, other, true, work)
    },

    actions: {
      observe: ['ec2:DescribeInstances', 'ec2:DescribeInstanceAttribute', 'ec2:DescribeVolumes'],
      ensure: [
        'ec2:RunInstances',
        'ec2:CreateTags',
        'ec2:ModifyInstanceAttribute',
        'ec2:ModifyInstanceMetadataOptions',
        'ec2:DescribeIamInstanceProfileAssociations',
        'ec2:AssociateIamInstanceProfile',
        'ec2:ReplaceIamInstanceProfileAssociation',
        'ec2:StartInstances',
        'ec2:StopInstances',
        'ec2:ModifyVolume',
        'iam:PassRole',
      ],
      remove: ['ec2:DescribeInstances', 'ec2:ModifyInstanceAttribute', 'ec2:TerminateInstances'],
    },
  }
}

/** Lifts the protection, terminates, and waits until it has ended. */
async function end(ec2: EC2Client, InstanceId: string, isProtected: boolean, work: Work): Promise<void> {
  const InstanceIds = [InstanceId]
  if (isProtected) {
    await unless(gone, () =>
      ec2.send(new ModifyInstanceAttributeCommand({ InstanceId, DisableApiTermination: { Value: false } })),
    )
  }
  const ended = await unless(gone, () => ec2.send(new TerminateInstancesCommand({ InstanceIds })))
  if (!ended || ended.TerminatingInstances?.[0]?.CurrentState?.Name === 'terminated') return
  work.progress('waiting for the instance to end', 40_000)
  await until({ ...patience(work, 10), for: 'the instance to end' }, async () => {
    const found = await polled(() => unless(gone, () => describe(ec2, { InstanceIds })))
    if (found === 'later') return undefined
    return !found || found[0]?.State?.Name === 'terminated' ? true : undefined
  })
}

const gone = ['InvalidInstanceID.NotFound', 'InvalidInstanceID.Malformed']
const patience = ({ clock, signal }: Work, minutes: number) => ({
  clock,
  signal,
  deadlineMs: minutes * 60_000,
})

/** A poll that is throttled or lost is asked again later. */
async function polled<T>(ask: () => Promise<T>): Promise<T | 'later'> {
  try {
    return await ask()
  } catch (error) {
    if (isThrottled(error) || isLost(error)) return 'later'
    throw error
  }
}

async function describe(ec2: EC2Client, input: DescribeInstancesCommandInput): Promise<Instance[]> {
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand(input))
  return Reservations.flatMap((reservation) => reservation.Instances ?? [])
}

async function observe(ec2: EC2Client, lab: LabId): Promise<InstanceState | undefined> {
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
async function inspect(
  ec2: EC2Client,
  found: Instance,
  others: readonly string[] = [],
): Promise<InstanceState> {
  const InstanceId = found.InstanceId as string
  const [termination, volumes] = await Promise.all([
    unless(gone, () =>
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

function differences(
  state: InstanceState,
  wanted: InstanceOptions,
  profileId: string | undefined,
  groupId: string | undefined,
): Change[] {
  const byHand = `only a new instance has it: librechat-lab up --replace-instance ${state.instanceId}`
  const changes: Change[] = state.others.map((id) => ({
    what: 'second instance',
    from: id,
    to: 'none',
    byHand: `terminate it, or take its tags off: aws ec2 delete-tags --resources ${id} --tags Key=librechat-lab:name`,
  }))
  const differs = (what: string, from: string, to: string, replacing = false) => {
    if (from !== to) changes.push({ what, from, to, ...(replacing ? { byHand } : {}) })
  }
  differs('state', state.state === 'pending' ? 'running' : state.state, 'running')
  differs('type', state.type, wanted.type)
  if (state.profileId === undefined || state.profileId !== profileId) {
    differs('instance profile', state.profileId ? 'another' : 'detached', 'the lab’s')
  }
  if (groupId === undefined || state.groupIds.join() !== groupId) {
    differs('security groups', state.groupIds.join(', ') || 'none', groupId ?? 'the lab’s')
  }
  differs('IMDSv2', state.tokensRequired ? 'required' : 'optional', 'required')
  differs('metadata hop limit', String(state.hopLimit), String(hopLimit))
  differs('metadata service', state.metadataOn ? 'on' : 'off', 'on')
  differs('termination protection', state.terminationProtected ? 'on' : 'off', 'on')
  if (state.volume) {
    const { volume } = state
    differs('disk encryption', volume.encrypted ? 'on' : 'off', 'on', true)
    differs('disk type', volume.type, 'gp3')
    differs('disk size', `${volume.sizeGb} GB`, `${wanted.diskGb} GB`, volume.sizeGb > wanted.diskGb)
    differs('disk IOPS', String(volume.iops), String(gp3.iops))
    differs('disk throughput', `${volume.throughput} MB/s`, `${gp3.throughput} MB/s`)
    differs('disk after termination', volume.deletedWithInstance ? 'deleted' : 'kept', 'deleted')
  }
  return changes
}

/** Launches in the first zone that has room; what a lost answer launched already comes back by its token. */
async function launch(options: InstanceOptions, work: Work): Promise<{ instanceId: string }> {
  const { lab } = options
  const [where, profile, group] = await Promise.all([
    options.place(),
    work.ready(options.profile),
    work.ready(options.group),
  ])
  let { generation } = options
  let noRoom: unknown
  for (const SubnetId of where.subnetIds) {
    for (;;) {
      const input = launchInput(options, where.imageId, SubnetId, profile, group)
      const ClientToken = token(lab, generation, input)
      try {
        const made = await whileFailing(
          { ...patience(work, 3), for: 'the instance profile to be known' },
          (error) => {
            const waiting = isPropagation(error) || isThrottled(error) || isLost(error)
            if (waiting) work.progress('waiting for AWS to know the instance profile', 8_000)
            return waiting
          },
          () => options.ec2Once.send(new RunInstancesCommand({ ...input, ClientToken })),
        )
        const host = made.Instances?.[0]
        if (host?.State?.Name !== 'terminated' && host?.State?.Name !== 'shutting-down') {
          return { instanceId: host?.InstanceId as string }
        }
        // The token remembers for a day an instance that has ended since.
        generation = await options.renew()
      } catch (error) {
        if (!isCode(error, 'InsufficientInstanceCapacity', 'Unsupported')) throw error
        noRoom = error
        work.progress(`no ${options.type} free in ${SubnetId}, trying the next zone`)
        break
      }
    }
  }
  throw noRoom
}

/** Seen in life just after a profile is made: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html */
const isPropagation = (error: unknown) =>
  (isCode(error, 'InvalidParameterValue') &&
    /Invalid IAM Instance Profile|has no associated IAM Roles/.test((error as Error).message)) ||
  isCode(error, 'InvalidGroup.NotFound')

function launchInput(
  options: InstanceOptions,
  ImageId: string,
  SubnetId: string,
  profile: InstanceProfileState,
  { groupId }: SecurityGroupState,
): RunInstancesCommandInput {
  const Tags = [{ Key: 'Name', Value: options.name }, ...tagsOf(options.lab)]
  return {
    ImageId,
    InstanceType: options.type as NonNullable<RunInstancesCommandInput['InstanceType']>,
    MinCount: 1,
    MaxCount: 1,
    IamInstanceProfile: { Arn: profile.arn },
    DisableApiTermination: true,
    // Bursting at a price is T3's default; a private chat must not surprise anybody on the invoice.
    ...(/^t\d/.test(options.type) ? { CreditSpecification: { CpuCredits: 'standard' } } : {}),
    MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: hopLimit, HttpEndpoint: 'enabled' },
    NetworkInterfaces: [
      {
        DeviceIndex: 0,
        SubnetId,
        Groups: [groupId],
        // First boot needs a way out before the Elastic IP has come.
        AssociatePublicIpAddress: true,
        DeleteOnTermination: true,
      },
    ],
    BlockDeviceMappings: [
      {
        DeviceName: rootDevice,
        Ebs: {
          VolumeType: 'gp3',
          VolumeSize: options.diskGb,
          Iops: gp3.iops,
          Throughput: gp3.throughput,
          Encrypted: true,
          DeleteOnTermination: true,
        },
      },
    ],
    TagSpecifications: [
      { ResourceType: 'instance', Tags },
      { ResourceType: 'volume', Tags },
      { ResourceType: 'network-interface', Tags },
    ],
    ...(options.userData ? { UserData: Buffer.from(options.userData).toString('base64') } : {}),
  }
}

/** The same wish has the same token, so that a repeat makes no second instance. 64 characters at most. */
const token = (lab: LabId, generation: string, input: RunInstancesCommandInput): string =>
  createHash('sha256')
    .update(JSON.stringify([lab.account, lab.region, lab.name, generation, input]))
    .digest('hex')

/** The instance as it is once it runs; a new generation is wanted when it ended instead. */
async function running(options: InstanceOptions, instanceId: string, work: Work): Promise<InstanceState> {
  const found = await until({ ...patience(work, 5), for: `the instance ${instanceId} to run` }, async () => {
    // Just launched, it may not be known for a moment.
    const seen = await polled(() => unless(gone, () => describe(options.ec2, { InstanceIds: [instanceId] })))
    const host = seen === 'later' ? undefined : seen?.[0]
    const state = host?.State?.Name
    if (state === 'terminated' || state === 'shutting-down') throw await ended(options, host)
    if (state !== 'running') work.progress(`${instanceId} is ${state ?? 'not known yet'}`, 15_000)
    return state === 'running' ? host : undefined
  })
  return await inspect(options.ec2, found)
}

async function ended(options: InstanceOptions, host: Instance | undefined): Promise<LabError> {
  await options.renew()
  return new LabError({
    code: 'instance-ended',
    what: `The instance ${host?.InstanceId} ended right after its start.`,
    why: host?.StateReason?.Message ?? 'AWS gives no reason.',
    fix: ['Run the same command again: it launches a new one.'],
    fault: 'aws',
  })
}

/** Makes what can be made without a new instance; whether it was started for that. */
async function mend(
  options: InstanceOptions,
  state: InstanceState,
  wanted: { profileId: string; arn: string; groupId: string },
  work: Work,
): Promise<boolean> {
  const { ec2 } = options
  const InstanceId = state.instanceId
  const attribute = (change: object) =>
    ec2.send(new ModifyInstanceAttributeCommand({ InstanceId, ...change }))
  await Promise.all([
    state.profileId !== wanted.profileId && associateProfile(options, state, wanted.arn, work),
    state.groupIds.join() !== wanted.groupId && attribute({ Groups: [wanted.groupId] }),
    !state.terminationProtected && attribute({ DisableApiTermination: { Value: true } }),
    (!state.tokensRequired || state.hopLimit !== hopLimit || !state.metadataOn) &&
      ec2.send(
        new ModifyInstanceMetadataOptionsCommand({
          InstanceId,
          HttpTokens: 'required',
          HttpPutResponseHopLimit: hopLimit,
          HttpEndpoint: 'enabled',
        }),
      ),
    state.volume?.deletedWithInstance === false &&
      attribute({ BlockDeviceMappings: [{ DeviceName: rootDevice, Ebs: { DeleteOnTermination: true } }] }),
    mendVolume(options, state),
  ])
  return await mendPower(options, state, work)
}

async function associateProfile(options: InstanceOptions, state: InstanceState, Arn: string, work: Work) {
  const { ec2 } = options
  const IamInstanceProfile = { Arn }
  const { IamInstanceProfileAssociations = [] } = await ec2.send(
    new DescribeIamInstanceProfileAssociationsCommand({
      Filters: [
        { Name: 'instance-id', Values: [state.instanceId] },
        { Name: 'state', Values: ['associating', 'associated'] },
      ],
    }),
  )
  const AssociationId = IamInstanceProfileAssociations[0]?.AssociationId
  await whileFailing(
    { ...patience(work, 2), for: 'the instance profile to be known' },
    isPropagation,
    (): Promise<unknown> =>
      AssociationId
        ? ec2.send(new ReplaceIamInstanceProfileAssociationCommand({ AssociationId, IamInstanceProfile }))
        : ec2.send(
            new AssociateIamInstanceProfileCommand({ InstanceId: state.instanceId, IamInstanceProfile }),
          ),
  )
}

async function mendVolume({ ec2, diskGb }: InstanceOptions, { volume }: InstanceState): Promise<void> {
  if (!volume) return
  const Size = Math.max(volume.sizeGb, diskGb)
  const asWanted =
    volume.type === 'gp3' &&
    volume.sizeGb === Size &&
    volume.iops === gp3.iops &&
    volume.throughput === gp3.throughput
  if (asWanted) return
  await ec2.send(
    new ModifyVolumeCommand({
      VolumeId: volume.volumeId,
      VolumeType: 'gp3',
      Size,
      Iops: gp3.iops,
      Throughput: gp3.throughput,
    }),
  )
}

/** Stopped ones are started; another type needs a stop first. The address stays. */
async function mendPower(options: InstanceOptions, state: InstanceState, work: Work): Promise<boolean> {
  const { ec2, type } = options
  const InstanceIds = [state.instanceId]
  const otherType = state.type !== type
  if (!otherType && ['running', 'pending'].includes(state.state)) return false
  if (otherType && state.state !== 'stopped') await ec2.send(new StopInstancesCommand({ InstanceIds }))
  await until({ ...patience(work, 10), for: 'the instance to stop' }, async () => {
    work.progress('waiting for the instance to stop', 40_000)
    const seen = await polled(() => describe(ec2, { InstanceIds }))
    return seen !== 'later' && seen[0]?.State?.Name === 'stopped' ? true : undefined
  })
  if (otherType) {
    await ec2.send(
      new ModifyInstanceAttributeCommand({ InstanceId: state.instanceId, InstanceType: { Value: type } }),
    )
  }
  await ec2.send(new StartInstancesCommand({ InstanceIds }))
  return true
}
