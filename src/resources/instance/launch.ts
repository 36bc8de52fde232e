import { type Instance, RunInstancesCommand, type RunInstancesCommandInput } from '@aws-sdk/client-ec2'
import { ignoreErrors, isCode, isPassing } from '../../aws/errors.js'
import { explainLaunchFailure } from '../../aws/launch-failure.js'
import { LabError } from '../../core/error.js'
import { retryWhile, waitFor } from '../../core/wait.js'
import type { EnsureContext } from '../../engine/resource.js'
import { launchToken } from '../identity.js'
import type { InstanceProfileState } from '../instance-profile.js'
import { tagsOf } from '../ownership.js'
import type { SecurityGroupState } from '../security-group.js'
import {
  describe,
  gone,
  gp3,
  hopLimit,
  type InstanceOptions,
  type InstanceState,
  inspect,
  moreInterfacesOf,
  polled,
  rootDevice,
  timeoutOptions,
  visibleIn,
} from './describe.js'

/** `isNew`: this run launched it, so it has the wanted attributes. */
export interface Launched {
  instanceId: string
  isNew: boolean
}

/**
 * Launches in the first zone with capacity. After a lost answer, the token returns the instance that was launched.
 */
export async function launch(options: InstanceOptions, work: EnsureContext): Promise<Launched> {
  const { lab } = options
  const [where, profile, group] = await Promise.all([
    options.place(),
    work.ready(options.profile),
    work.ready(options.group),
  ])
  let generation = options.generation()
  let isNew = options.isNewGeneration
  const renew = async () => {
    generation = await options.renew(work.seen(options.identity))
    isNew = true
  }
  let noRoom: unknown
  for (const SubnetId of where.subnetIds) {
    for (;;) {
      const input = launchInput(options, where.imageId, SubnetId, profile, group)
      const ClientToken = launchToken(lab, generation, input)
      try {
        const made = await retryWhile(
          { ...timeoutOptions(work, 3), for: 'the instance profile to be available' },
          (error) => {
            const waiting = isPropagation(error) || isPassing(error)
            if (waiting) work.progress('waiting for the instance profile to be available', 8_000)
            return waiting
          },
          () => options.ec2Once.send(new RunInstancesCommand({ ...input, ClientToken })),
        )
        const host = made.Instances?.[0]
        if (host?.State?.Name !== 'terminated' && host?.State?.Name !== 'shutting-down') {
          return { instanceId: host?.InstanceId as string, isNew }
        }
        // For a day, the token still refers to an instance that was terminated.
        await renew()
      } catch (error) {
        // AWS returns this error if the token's instance is terminated; while it is shutting down, AWS returns the
        // instance.
        if (isCode(error, 'IdempotentInstanceTerminated')) {
          await renew()
          continue
        }
        if (!isZoneFull(error)) throw error
        noRoom = error
        work.progress(`no capacity for ${options.type} in ${SubnetId}, trying the next zone`)
        break
      }
    }
  }
  throw noRoom
}

/** Another zone may have capacity. */
const isZoneFull = (error: unknown) =>
  isCode(error, 'InsufficientInstanceCapacity', 'InsufficientFreeAddressesInSubnet', 'Unsupported')

/**
 * AWS returns this error just after a profile is created:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html
 */
export const isPropagation = (error: unknown) =>
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
    // The default, set explicitly, because termination protection does not cover a shutdown from inside.
    InstanceInitiatedShutdownBehavior: 'stop',
    // T3's default charges for bursts without a limit.
    ...(/^t\d/.test(options.type) ? { CreditSpecification: { CpuCredits: 'standard' } } : {}),
    MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: hopLimit, HttpEndpoint: 'enabled' },
    NetworkInterfaces: [
      {
        DeviceIndex: 0,
        SubnetId,
        Groups: [groupId],
        // The first boot needs the internet before the Elastic IP is associated.
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
    ...(options.userData ? { UserData: options.userData.toString('base64') } : {}),
  }
}

/**
 * Waits until the instance runs and returns its state; asks for a new generation if it terminated instead. Attributes
 * of a new instance that DescribeInstances doesn't return are not read: they are as launched.
 */
export async function running(
  options: InstanceOptions,
  { instanceId, isNew }: Launched,
  work: EnsureContext,
): Promise<InstanceState> {
  const found = await waitFor(
    { ...timeoutOptions(work, 5), for: `the instance ${instanceId} to run` },
    async () => {
      // EC2 may not know a new instance for a moment.
      const seen = await polled(() =>
        ignoreErrors(gone, () => describe(options.ec2, { InstanceIds: [instanceId] })),
      )
      const host = seen === 'later' ? undefined : seen?.[0]
      const state = host?.State?.Name
      if (state === 'terminated' || state === 'shutting-down') throw await ended(options, host, work)
      if (state !== 'running') work.progress(`${instanceId} is ${state ?? 'not available yet'}`, 15_000)
      return state === 'running' ? host : undefined
    },
  )
  return isNew ? await asLaunched(options, found) : await inspect(options.ec2, found)
}

const asLaunched = async ({ ec2, diskGb }: InstanceOptions, found: Instance): Promise<InstanceState> => ({
  ...visibleIn(found),
  superseded: [],
  moreInterfaces: await moreInterfacesOf(ec2, found),
  terminationProtected: true,
  shutdownBehavior: 'stop',
  volume: {
    volumeId:
      found.BlockDeviceMappings?.find(({ DeviceName }) => DeviceName === rootDevice)?.Ebs?.VolumeId ?? '',
    type: 'gp3',
    sizeGb: diskGb,
    encrypted: true,
    ...gp3,
    device: rootDevice,
    deletedWithInstance: true,
  },
})

async function ended(
  options: InstanceOptions,
  host: Instance | undefined,
  work: EnsureContext,
): Promise<LabError> {
  await options.renew(work.seen(options.identity))
  return new LabError({
    code: 'instance-ended',
    what: `The instance ${host?.InstanceId} terminated right after its start.`,
    ...explainLaunchFailure(host?.StateReason, options.lab.region),
    fault: 'aws',
  })
}
