import type { InstanceStateChange, Instance as InstanceView } from '@aws-sdk/client-ec2'
import { accountId, type Instance, type InstanceState, type Region } from '../account.js'
import type { Answers } from '../answers.js'
import { profileArn } from '../iam.js'
import { Refusal } from '../refusal.js'
import { fromTags, type World } from '../world.js'
import { chosen, passes } from './filter.js'
import { agentIn, instanceOf, launch } from './launch.js'
import { architectureOf } from './types.js'

/** How long AWS takes, in milliseconds. */
const stopsIn = 20_000
const endsIn = 30_000
const startsAgainIn = 8_000

const stateCodes: Record<InstanceState, number> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
}
const stateView = (state: InstanceState) => ({ Code: stateCodes[state], Name: state })

export const addressOn = (here: Region, instanceId: string) =>
  Object.entries(here.addresses).find(([, address]) => address.instance === instanceId)

function view(id: string, instance: Instance, { here, region }: World): InstanceView {
  const subnet = here.subnets[instance.subnet]
  const ended = instance.state === 'terminated'
  const publicIp =
    addressOn(here, id)?.[1].ip ?? (instance.state === 'running' ? instance.publicIp : undefined)
  return {
    InstanceId: id,
    ImageId: instance.image,
    InstanceType: instance.type as never,
    State: stateView(instance.state),
    ...(ended
      ? { StateTransitionReason: 'User initiated' }
      : {
          VpcId: subnet?.vpc,
          SubnetId: instance.subnet,
          PrivateIpAddress: instance.privateIp,
          ...(publicIp ? { PublicIpAddress: publicIp } : {}),
        }),
    LaunchTime: new Date(instance.launchedAt),
    Architecture: architectureOf(instance.type) as never,
    Placement: { AvailabilityZone: subnet?.zone ?? `${region}a`, Tenancy: 'default' },
    RootDeviceName: instance.volume.device,
    RootDeviceType: 'ebs',
    BlockDeviceMappings: ended
      ? []
      : [
          {
            DeviceName: instance.volume.device,
            Ebs: {
              VolumeId: instance.volume.id,
              Status: 'attached',
              DeleteOnTermination: instance.volume.deleteOnTermination,
              AttachTime: new Date(instance.launchedAt),
            },
          },
        ],
    ...(instance.association && !ended
      ? {
          IamInstanceProfile: {
            Arn: profileArn(instance.association.profile),
            Id: instance.association.profileId,
          },
        }
      : {}),
    SecurityGroups: ended
      ? []
      : instance.groups.map((GroupId) => ({ GroupId, GroupName: here.groups[GroupId]?.name })),
    NetworkInterfaces: ended
      ? []
      : [
          {
            NetworkInterfaceId: instance.interface,
            PrivateIpAddress: instance.privateIp,
            SubnetId: instance.subnet,
            Status: 'in-use',
            Attachment: { DeviceIndex: 0, DeleteOnTermination: true, Status: 'attached' },
          },
        ],
    MetadataOptions: {
      State: 'applied',
      HttpTokens: instance.tokens.HttpTokens as never,
      HttpPutResponseHopLimit: instance.tokens.HttpPutResponseHopLimit,
      HttpEndpoint: instance.tokens.HttpEndpoint as never,
      InstanceMetadataTags: instance.tokens.InstanceMetadataTags as never,
    },
    ...(instance.clientToken ? { ClientToken: instance.clientToken.token } : {}),
    Tags: fromTags(instance.tags),
    SourceDestCheck: true,
    EbsOptimized: false,
  }
}

function change(
  id: string,
  instance: Instance,
  to: InstanceState,
  then: InstanceState,
  at: number,
): InstanceStateChange {
  const before = instance.state
  instance.state = to
  instance.next = { state: then, at }
  return { InstanceId: id, CurrentState: stateView(to), PreviousState: stateView(before) }
}

/** Whether the volume is still there although its instance has ended. */
export const outlives = ({ volume }: Instance): boolean => !volume.deleteOnTermination && !volume.deleted

/** Lets time pass: what was due becomes so. A terminated instance frees its address and, later, is forgotten. */
export function settleInstances(here: Region, now: number): void {
  for (const [id, instance] of Object.entries(here.instances)) {
    if (instance.next && instance.next.at <= now) {
      instance.state = instance.next.state
      delete instance.next
      if (instance.state === 'terminated') {
        instance.launchedAt = now
        const address = addressOn(here, id)?.[1]
        delete address?.instance
        delete address?.association
      }
    } else if (
      instance.state === 'terminated' &&
      now - instance.launchedAt > 600_000 &&
      !outlives(instance)
    ) {
      delete here.instances[id]
    }
  }
}

export const instances = {
  RunInstances(input, world) {
    const id = launch(input, world)
    const instance = instanceOf(world, id)
    return {
      ReservationId: instance.reservation,
      OwnerId: accountId,
      Groups: [],
      Instances: [view(id, instance, world)],
    }
  },

  DescribeInstances(input, world) {
    const { here } = world
    const all = chosen(here.instances, input.InstanceIds, 'InvalidInstanceID.NotFound', 'instance ID')
    return {
      Reservations: all
        .filter(([id, instance]) =>
          passes(input.Filters, instance.tags, {
            'instance-id': id,
            'instance-state-name': instance.state,
            'instance-type': instance.type,
            'image-id': instance.image,
            'subnet-id': instance.subnet,
            'vpc-id': here.subnets[instance.subnet]?.vpc,
            'availability-zone': here.subnets[instance.subnet]?.zone,
            'instance.group-id': instance.groups,
            'network-interface.group-id': instance.groups,
            'iam-instance-profile.arn': instance.association && profileArn(instance.association.profile),
            'ip-address': addressOn(here, id)?.[1].ip ?? instance.publicIp,
            'private-ip-address': instance.privateIp,
            'client-token': instance.clientToken?.token,
          }),
        )
        .map(([id, instance]) => ({
          ReservationId: instance.reservation,
          OwnerId: accountId,
          Groups: [],
          Instances: [view(id, instance, world)],
        })),
    }
  },

  TerminateInstances(input, world) {
    const targets = (input.InstanceIds ?? []).map((id) => [id, instanceOf(world, id)] as const)
    const guarded = targets.find(([, instance]) => instance.terminationProtected)
    if (guarded) {
      throw new Refusal(
        'OperationNotPermitted',
        `The instance '${guarded[0]}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`,
      )
    }
    return {
      TerminatingInstances: targets.map(([id, instance]) =>
        instance.state === 'terminated' || instance.state === 'shutting-down'
          ? {
              InstanceId: id,
              CurrentState: stateView(instance.state),
              PreviousState: stateView(instance.state),
            }
          : change(id, instance, 'shutting-down', 'terminated', world.after(endsIn)),
      ),
    }
  },

  StartInstances(input, world) {
    return {
      StartingInstances: (input.InstanceIds ?? []).map((id) => {
        const instance = instanceOf(world, id)
        if (instance.state !== 'stopped' && instance.state !== 'running') {
          throw new Refusal(
            'IncorrectInstanceState',
            `The instance '${id}' is not in a state from which it can be started.`,
          )
        }
        if (instance.state === 'running') {
          return { InstanceId: id, CurrentState: stateView('running'), PreviousState: stateView('running') }
        }
        instance.onlineAt = world.after(startsAgainIn + agentIn)
        return change(id, instance, 'pending', 'running', world.after(startsAgainIn))
      }),
    }
  },

  StopInstances(input, world) {
    return {
      StoppingInstances: (input.InstanceIds ?? []).map((id) =>
        change(id, instanceOf(world, id), 'stopping', 'stopped', world.after(stopsIn)),
      ),
    }
  },

  RebootInstances(input, world) {
    for (const id of input.InstanceIds ?? []) instanceOf(world, id).onlineAt = world.after(agentIn)
    return {}
  },

  DescribeInstanceAttribute(input, world) {
    const instance = instanceOf(world, input.InstanceId)
    const InstanceId = input.InstanceId
    switch (input.Attribute) {
      case 'disableApiTermination':
        return { InstanceId, DisableApiTermination: { Value: instance.terminationProtected } }
      case 'disableApiStop':
        return { InstanceId, DisableApiStop: { Value: instance.stopProtected } }
      case 'userData':
        return { InstanceId, UserData: { Value: instance.userData } }
      case 'instanceType':
        return { InstanceId, InstanceType: { Value: instance.type } }
      default:
        throw new Refusal(
          'InvalidParameterValue',
          `Value (${input.Attribute}) for parameter attribute is invalid.`,
        )
    }
  },

  ModifyInstanceAttribute(input, world) {
    const instance = instanceOf(world, input.InstanceId)
    if (input.InstanceType?.Value) {
      if (instance.state !== 'stopped') {
        throw new Refusal(
          'IncorrectInstanceState',
          `The instance '${input.InstanceId}' is not in the 'stopped' state.`,
        )
      }
      architectureOf(input.InstanceType.Value)
      instance.type = input.InstanceType.Value
    }
    instance.terminationProtected = input.DisableApiTermination?.Value ?? instance.terminationProtected
    instance.stopProtected = input.DisableApiStop?.Value ?? instance.stopProtected
    if (input.Groups) instance.groups = [...input.Groups]
    for (const { Ebs } of input.BlockDeviceMappings ?? []) {
      instance.volume.deleteOnTermination = Ebs?.DeleteOnTermination ?? instance.volume.deleteOnTermination
    }
    return {}
  },

  ModifyInstanceMetadataOptions(input, world) {
    const instance = instanceOf(world, input.InstanceId)
    const { HttpTokens, HttpPutResponseHopLimit, HttpEndpoint, InstanceMetadataTags } = input
    for (const [key, value] of Object.entries({
      HttpTokens,
      HttpPutResponseHopLimit,
      HttpEndpoint,
      InstanceMetadataTags,
    })) {
      if (value !== undefined) Object.assign(instance.tokens, { [key]: value })
    }
    return {
      InstanceId: input.InstanceId,
      InstanceMetadataOptions: { State: 'pending', ...(instance.tokens as object) },
    }
  },

  DescribeInstanceCreditSpecifications(input, world) {
    const asked = input.InstanceIds ?? Object.keys(world.here.instances)
    return {
      InstanceCreditSpecifications: asked
        .map((InstanceId) => ({ InstanceId, instance: instanceOf(world, InstanceId) }))
        .filter(({ instance }) => instance.type.startsWith('t'))
        .map(({ InstanceId, instance }) => ({ InstanceId, CpuCredits: instance.credits })),
    }
  },

  ModifyInstanceCreditSpecification(input, world) {
    const asked = input.InstanceCreditSpecifications ?? []
    for (const { InstanceId, CpuCredits } of asked) {
      const instance = instanceOf(world, InstanceId)
      instance.credits = CpuCredits ?? instance.credits
    }
    return {
      SuccessfulInstanceCreditSpecifications: asked.map(({ InstanceId }) => ({ InstanceId })),
      UnsuccessfulInstanceCreditSpecifications: [],
    }
  },

  DescribeInstanceStatus(input, world) {
    const all = chosen(world.here.instances, input.InstanceIds, 'InvalidInstanceID.NotFound', 'instance ID')
    return {
      InstanceStatuses: all
        .filter(([, { state }]) => input.IncludeAllInstances || state === 'running')
        .map(([InstanceId, { state }]) => ({
          InstanceId,
          InstanceState: stateView(state),
          InstanceStatus: { Status: state === 'running' ? ('ok' as const) : ('not-applicable' as const) },
          SystemStatus: { Status: state === 'running' ? ('ok' as const) : ('not-applicable' as const) },
        })),
    }
  },

  GetConsoleOutput(input, world) {
    instanceOf(world, input.InstanceId)
    return { InstanceId: input.InstanceId, Timestamp: new Date(world.now), Output: '' }
  },
} satisfies Answers<typeof import('@aws-sdk/client-ec2')>
