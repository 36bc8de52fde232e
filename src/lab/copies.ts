import { paginateDescribeImages, paginateDescribeNetworkInterfaces } from '@aws-sdk/client-ec2'
import type { Clients } from '../aws/clients.js'
import { collect } from '../core/collect.js'
import type { Identity, Stranger } from '../resources/identity.js'
import { type LabId, ownedFilters, tagValue } from '../resources/ownership.js'
import { findSnapshots, type LabSnapshot } from '../resources/snapshots.js'

/** Resources outside the graph that were made from the lab and can outlive it. */
export interface Copies {
  /** Proven to be the lab's. They stay when the lab is destroyed. */
  snapshots: readonly LabSnapshot[]
  /** Network interfaces with the lab's tags, and the instance that each is attached to. */
  interfaces: readonly { id: string; name: string; instanceId: string | undefined }[]
  /** Images and snapshots that have the lab's tags and are not the lab's. */
  strangers: readonly Stranger[]
}

/**
 * Three concurrent lists, each read to its end. No command creates images, so every image with the lab's tags is a
 * copy.
 */
export async function findCopies({ ec2 }: Clients, lab: LabId): Promise<Copies> {
  const Filters = ownedFilters(lab)
  const [{ snapshots, strangers }, images, interfaces] = await Promise.all([
    findSnapshots(ec2, lab),
    collect(
      paginateDescribeImages({ client: ec2 }, { Owners: ['self'], Filters }),
      ({ Images = [] }) => Images,
    ),
    collect(
      paginateDescribeNetworkInterfaces({ client: ec2 }, { Filters }),
      ({ NetworkInterfaces = [] }) => NetworkInterfaces,
    ),
  ])
  return {
    snapshots,
    interfaces: interfaces.map(({ NetworkInterfaceId = '', TagSet, Attachment }) => ({
      id: NetworkInterfaceId,
      name: tagValue(TagSet, 'Name') ?? '',
      instanceId: Attachment?.InstanceId,
    })),
    strangers: [
      ...strangers,
      ...images.map(({ ImageId = '', Name = '' }) => ({
        kind: 'image' as const,
        id: ImageId,
        name: Name,
        why: 'It has the lab’s tags, but no version of librechat-lab creates images.',
      })),
    ],
  }
}

/** Resources with the lab's tags that no command changes: images, snapshots, and interfaces of other instances. */
export function copiesLeftAlone(
  { instance, superseded }: Identity,
  { strangers, interfaces }: Copies,
): Stranger[] {
  const hosts = [instance, ...superseded].map((host) => host?.InstanceId)
  return [
    ...strangers,
    ...interfaces
      .filter(({ instanceId }) => instanceId === undefined || !hosts.includes(instanceId))
      .map(({ id, name, instanceId }) => ({
        kind: 'interface' as const,
        id,
        name,
        why:
          instanceId === undefined
            ? 'It has the lab’s tags, but it is not attached to the lab’s instance.'
            : `It has the lab’s tags, but it is attached to ${instanceId}.`,
      })),
  ]
}

export const copyActions = {
  read: ['ec2:DescribeSnapshots', 'ec2:DescribeImages', 'ec2:DescribeNetworkInterfaces'],
} as const
