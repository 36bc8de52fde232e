import type { Instance as InstanceView } from '@aws-sdk/client-ec2'
import type { Instance, InstanceState, Region } from '../account.js'
import { profileArn } from '../iam/common.js'
import { fromTags, type World } from '../world.js'
import { architectureOf } from './types.js'

const stateCodes: Record<InstanceState, number> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
}
export const stateView = (state: InstanceState) => ({ Code: stateCodes[state], Name: state })

export const addressOn = (here: Region, instanceId: string) =>
  Object.entries(here.addresses).find(([, address]) => address.instance === instanceId)

/** EC2's reason for a stop. */
const stopView = ({ state, stopped }: Instance) =>
  stopped && (state === 'stopping' || state === 'stopped')
    ? {
        StateTransitionReason: `User initiated (${new Date(stopped.at).toISOString().slice(0, 19).replace('T', ' ')} GMT)`,
        StateReason: { Code: stopped.code, Message: `${stopped.code}: User initiated shutdown` },
      }
    : {}

/** An instance as EC2 describes it; a terminated one has few fields. */
export function instanceView(id: string, instance: Instance, { here, region }: World): InstanceView {
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
    ...stopView(instance),
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
