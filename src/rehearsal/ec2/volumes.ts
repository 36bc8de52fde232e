import type { Volume as VolumeView } from '@aws-sdk/client-ec2'
import { accountId, type Instance } from '../account.js'
import type { Answers } from '../answers.js'
import { Refusal } from '../refusal.js'
import { fromTags, type World } from '../world.js'
import { passes } from './filter.js'
import { outlives } from './instances.js'

interface Known {
  instanceId: string
  instance: Instance
  attached: boolean
}

/** Every volume is attached to an instance, or has outlived one. */
function volumesOf({ here }: World): Known[] {
  return Object.entries(here.instances)
    .map(([instanceId, instance]) => ({ instanceId, instance, attached: instance.state !== 'terminated' }))
    .filter(({ instance, attached }) => attached || outlives(instance))
}

export function volumeOf(world: World, id: string | undefined): Known {
  const known = volumesOf(world).find(({ instance }) => instance.volume.id === id)
  if (known) return known
  throw new Refusal('InvalidVolume.NotFound', `The volume '${id}' does not exist.`)
}

function view({ instanceId, instance, attached }: Known, { here, region }: World): VolumeView {
  const { volume } = instance
  return {
    VolumeId: volume.id,
    AvailabilityZone: here.subnets[instance.subnet]?.zone,
    State: attached ? 'in-use' : 'available',
    Size: volume.size,
    VolumeType: volume.type as never,
    Iops: volume.iops,
    Throughput: volume.throughput,
    Encrypted: volume.encrypted,
    ...(volume.encrypted ? { KmsKeyId: `arn:aws:kms:${region}:${accountId}:key/rehearsal` } : {}),
    CreateTime: new Date(instance.launchedAt),
    Attachments: attached
      ? [
          {
            InstanceId: instanceId,
            VolumeId: volume.id,
            Device: volume.device,
            State: 'attached',
            DeleteOnTermination: volume.deleteOnTermination,
          },
        ]
      : [],
    Tags: fromTags(volume.tags),
  }
}

export const volumes = {
  DescribeVolumes(input, world) {
    for (const id of input.VolumeIds ?? []) volumeOf(world, id)
    return {
      Volumes: volumesOf(world)
        .filter(({ instance }) => input.VolumeIds?.includes(instance.volume.id) ?? true)
        .filter(({ instanceId, instance: { volume }, attached }) =>
          passes(input.Filters, volume.tags, {
            'volume-id': volume.id,
            'attachment.instance-id': attached ? instanceId : undefined,
            'attachment.status': attached ? 'attached' : undefined,
            'volume-type': volume.type,
            encrypted: String(volume.encrypted),
            status: attached ? 'in-use' : 'available',
          }),
        )
        .map((known) => view(known, world)),
    }
  },

  ModifyVolume(input, world) {
    const { volume } = volumeOf(world, input.VolumeId).instance
    if (input.Size !== undefined && input.Size < volume.size) {
      throw new Refusal('InvalidParameterValue', 'New size cannot be smaller than existing size')
    }
    volume.size = input.Size ?? volume.size
    volume.type = input.VolumeType ?? volume.type
    volume.iops = input.Iops ?? volume.iops
    volume.throughput = input.Throughput ?? volume.throughput
    return {
      VolumeModification: {
        VolumeId: volume.id,
        ModificationState: 'optimizing',
        TargetSize: volume.size,
      },
    }
  },
} satisfies Answers<typeof import('@aws-sdk/client-ec2')>
