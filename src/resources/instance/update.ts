import {
  AssociateIamInstanceProfileCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeVolumesCommand,
  ModifyInstanceAttributeCommand,
  ModifyInstanceMetadataOptionsCommand,
  ModifyVolumeCommand,
  ReplaceIamInstanceProfileAssociationCommand,
  StartInstancesCommand,
} from '@aws-sdk/client-ec2'
import type { Prose } from '../../core/error.js'
import { retryWhile, waitFor } from '../../core/wait.js'
import type { Change, EnsureContext } from '../../engine/resource.js'
import {
  gp3,
  hopLimit,
  type InstanceOptions,
  type InstanceState,
  polled,
  timeoutOptions,
} from './describe.js'
import { isPropagation } from './launch.js'
import { stopInstance, untilStopped } from './power.js'

const verbs: Record<string, string> = { stop: 'stopped', terminate: 'terminated, with all its data' }

/** "sg-0123 (22 from 0.0.0.0/0; 443 from 81.2.69.0/24)" */
const groupText = ({ id, rules }: InstanceState['moreInterfaces'][number]['groups'][number]) =>
  `${id} (${rules.join('; ') || 'no inbound rule'})`

export function differences(
  state: InstanceState,
  wanted: InstanceOptions,
  profileId: string | undefined,
  groupId: string | undefined,
): Change[] {
  const replacing: Prose = [
    'needs a new instance, to which the data moves: ',
    { path: 'up', flags: { 'replace-instance': state.instanceId } },
  ]
  const { region } = wanted.lab
  const changes: Change[] = [
    ...state.superseded.map((id) =>
      id === state.movesFrom
        ? { what: `replacement of ${id}, which still has the data`, from: 'interrupted', to: 'finished' }
        : { what: 'replaced instance', from: id, to: 'terminated' },
    ),
    ...state.moreInterfaces.map(({ id, groups }) => ({
      what: 'second network interface',
      from: `${id} in ${groups.map(groupText).join(', ') || 'no security group'}`,
      to: 'none',
      byHand: `detach it if it is not yours: aws ec2 describe-network-interfaces --region ${region} --network-interface-ids ${id}`,
    })),
  ]
  const differs = (what: string, from: string, to: string, byHand?: Prose) => {
    if (from !== to) changes.push({ what, from, to, ...(byHand ? { byHand } : {}) })
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
  differs('after a shutdown from inside', verbs[state.shutdownBehavior] ?? state.shutdownBehavior, 'stopped')
  if (state.volume) {
    const { volume } = state
    differs('disk encryption', volume.encrypted ? 'on' : 'off', 'on', replacing)
    differs('disk type', volume.type, 'gp3')
    // A disk can't shrink, and that is no reason to replace the lab.
    const larger: Prose = [
      'a disk can only grow; keep its size: ',
      { path: 'up', flags: { disk: String(volume.sizeGb) } },
    ]
    const shrinks = volume.sizeGb > wanted.diskGb
    differs('disk size', `${volume.sizeGb} GB`, `${wanted.diskGb} GB`, shrinks ? larger : undefined)
    differs('disk IOPS', String(volume.iops), String(gp3.iops))
    differs('disk throughput', `${volume.throughput} MB/s`, `${gp3.throughput} MB/s`)
    differs('disk after termination', volume.deletedWithInstance ? 'deleted' : 'kept', 'deleted')
  }
  return changes
}

/** Makes the changes that don't need a new instance. Returns whether it started the instance. */
export async function update(
  options: InstanceOptions,
  state: InstanceState,
  wanted: { profileId: string; arn: string; groupId: string },
  work: EnsureContext,
): Promise<boolean> {
  const { ec2 } = options
  const InstanceId = state.instanceId
  const attribute = (change: object) =>
    ec2.send(new ModifyInstanceAttributeCommand({ InstanceId, ...change }))
  await Promise.all([
    state.profileId !== wanted.profileId && associateProfile(options, state, wanted.arn, work),
    state.groupIds.join() !== wanted.groupId && attribute({ Groups: [wanted.groupId] }),
    !state.terminationProtected && attribute({ DisableApiTermination: { Value: true } }),
    state.shutdownBehavior !== 'stop' && attribute({ InstanceInitiatedShutdownBehavior: { Value: 'stop' } }),
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
      attribute({
        BlockDeviceMappings: [{ DeviceName: state.volume.device, Ebs: { DeleteOnTermination: true } }],
      }),
  ])
  const restarted = await updatePower(options, state, work)
  // Last, because AWS limits how often a disk can be changed, and the rest must not wait for that.
  await updateVolume(options, state, work)
  return restarted
}

async function associateProfile(
  options: InstanceOptions,
  state: InstanceState,
  Arn: string,
  work: EnsureContext,
) {
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
  await retryWhile(
    { ...timeoutOptions(work, 2), for: 'the instance profile to be available' },
    isPropagation,
    (): Promise<unknown> =>
      AssociationId
        ? ec2.send(new ReplaceIamInstanceProfileAssociationCommand({ AssociationId, IamInstanceProfile }))
        : ec2.send(
            new AssociateIamInstanceProfileCommand({ InstanceId: state.instanceId, IamInstanceProfile }),
          ),
  )
}

async function updateVolume(
  { ec2, diskGb }: InstanceOptions,
  { volume }: InstanceState,
  work: EnsureContext,
): Promise<void> {
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
  if (volume.sizeGb === Size) return
  // The host's first stage grows the file system:
  // https://docs.aws.amazon.com/ebs/latest/userguide/recognize-expanded-volume-linux.html
  const VolumeIds = [volume.volumeId]
  await waitFor({ ...timeoutOptions(work, 5), for: 'the disk to grow' }, async () => {
    work.progress('waiting for the disk to grow', 10_000)
    const seen = await polled(() => ec2.send(new DescribeVolumesCommand({ VolumeIds })))
    return seen !== 'later' && seen.Volumes?.[0]?.Size === Size ? true : undefined
  })
}

/** Starts a stopped instance; stops it first to change its type. The address stays. */
async function updatePower(
  options: InstanceOptions,
  state: InstanceState,
  work: EnsureContext,
): Promise<boolean> {
  const { ec2, type } = options
  const { instanceId } = state
  const otherType = state.type !== type
  if (!otherType && ['running', 'pending'].includes(state.state)) return false
  if (otherType && state.state !== 'stopped') await stopInstance(ec2, instanceId, work)
  else await untilStopped(ec2, instanceId, work)
  if (otherType) {
    await ec2.send(
      new ModifyInstanceAttributeCommand({ InstanceId: instanceId, InstanceType: { Value: type } }),
    )
  }
  await ec2.send(new StartInstancesCommand({ InstanceIds: [instanceId] }))
  return true
}
