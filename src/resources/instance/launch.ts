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

/** `isNew`: a request of this run launched it, so it has what this run asked for. */
export interface Launched {
  instanceId: string
  isNew: boolean
}

/** Launches in the first zone that has room; what a lost answer launched already comes back by its token. */
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
        // The token remembers for a day an instance that has ended since.
        await renew()
      } catch (error) {
        // So AWS says that the token's instance has ended; while it is ending it still answers with it.
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

/** Another zone may still take the instance. */
const isZoneFull = (error: unknown) =>
  isCode(error, 'InsufficientInstanceCapacity', 'InsufficientFreeAddressesInSubnet', 'Unsupported')

/** Seen in life just after a profile is made: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html */
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
    // The default, said all the same: termination protection does not cover a shutdown from inside.
    InstanceInitiatedShutdownBehavior: 'stop',
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
    ...(options.userData ? { UserData: options.userData.toString('base64') } : {}),
  }
}

/**
 * The instance as it is once it runs; a new generation is wanted when it ended instead. What DescribeInstances doesn't
 * return of a new one is not asked: it is what the launch asked for.
 */
export async function running(
  options: InstanceOptions,
  { instanceId, isNew }: Launched,
  work: EnsureContext,
): Promise<InstanceState> {
  const found = await waitFor(
    { ...timeoutOptions(work, 5), for: `the instance ${instanceId} to run` },
    async () => {
      // Just launched, it may not be known for a moment.
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
