import { type Association, accountId } from '../account.js'
import type { Answers } from '../answers.js'
import { profileArn } from '../iam.js'
import { Refusal } from '../refusal.js'
import { fromTags, type World } from '../world.js'
import { passes } from './filter.js'
import { agentIn, instanceOf, profileFor } from './launch.js'

const associations = ({ here }: World) =>
  Object.entries(here.instances).flatMap(([id, instance]) =>
    instance.association && instance.state !== 'terminated'
      ? [{ id, instance, of: instance.association }]
      : [],
  )

const associationView = (
  InstanceId: string,
  association: Association,
  State: 'associated' | 'associating' | 'disassociating',
) => ({
  AssociationId: association.id,
  InstanceId,
  IamInstanceProfile: { Arn: profileArn(association.profile), Id: association.profileId },
  State,
})

/** What hangs on an instance: its volume, and its instance profile. */
export const attached = {
  DescribeVolumes(input, { here }) {
    const volumes = Object.entries(here.instances)
      .filter(([, { state }]) => state !== 'terminated')
      .map(([InstanceId, instance]) => ({ InstanceId, instance, volume: instance.volume }))
    const missing = input.VolumeIds?.find((id) => !volumes.some(({ volume }) => volume.id === id))
    if (missing) throw new Refusal('InvalidVolume.NotFound', `The volume '${missing}' does not exist.`)
    return {
      Volumes: volumes
        .filter(({ volume }) => input.VolumeIds?.includes(volume.id) ?? true)
        .filter(({ InstanceId, volume }) =>
          passes(input.Filters, volume.tags, {
            'volume-id': volume.id,
            'attachment.instance-id': InstanceId,
            'attachment.status': 'attached',
            'volume-type': volume.type,
            encrypted: String(volume.encrypted),
            status: 'in-use',
          }),
        )
        .map(({ InstanceId, instance, volume }) => ({
          VolumeId: volume.id,
          AvailabilityZone: here.subnets[instance.subnet]?.zone,
          State: 'in-use' as const,
          Size: volume.size,
          VolumeType: volume.type as never,
          Iops: volume.iops,
          Throughput: volume.throughput,
          Encrypted: volume.encrypted,
          ...(volume.encrypted
            ? {
                KmsKeyId: `arn:aws:kms:${here.subnets[instance.subnet]?.zone.slice(0, -1)}:${accountId}:key/rehearsal`,
              }
            : {}),
          CreateTime: new Date(instance.launchedAt),
          Attachments: [
            {
              InstanceId,
              VolumeId: volume.id,
              Device: volume.device,
              State: 'attached' as const,
              DeleteOnTermination: volume.deleteOnTermination,
            },
          ],
          Tags: fromTags(volume.tags),
        })),
    }
  },

  ModifyVolume(input, world) {
    const volume = Object.values(world.here.instances).find((one) => one.volume.id === input.VolumeId)?.volume
    if (!volume) throw new Refusal('InvalidVolume.NotFound', `The volume '${input.VolumeId}' does not exist.`)
    if (input.Size !== undefined && input.Size < volume.size) {
      throw new Refusal('InvalidParameterValue', `New size cannot be smaller than existing size`)
    }
    volume.size = input.Size ?? volume.size
    volume.type = input.VolumeType ?? volume.type
    volume.iops = input.Iops ?? volume.iops
    volume.throughput = input.Throughput ?? volume.throughput
    return {
      VolumeModification: { VolumeId: volume.id, ModificationState: 'optimizing', TargetSize: volume.size },
    }
  },

  DescribeVolumesModifications(input) {
    return {
      VolumesModifications: (input.VolumeIds ?? []).map((VolumeId) => ({
        VolumeId,
        ModificationState: 'completed' as const,
      })),
    }
  },

  DescribeIamInstanceProfileAssociations(input, world) {
    return {
      IamInstanceProfileAssociations: associations(world)
        .filter(({ of }) => input.AssociationIds?.includes(of.id) ?? true)
        .filter(({ id }) => passes(input.Filters, {}, { 'instance-id': id, state: 'associated' }))
        .map(({ id, of }) => associationView(id, of, 'associated')),
    }
  },

  AssociateIamInstanceProfile(input, world) {
    const id = input.InstanceId ?? ''
    const instance = instanceOf(world, id)
    if (instance.association) {
      throw new Refusal('IncorrectState', `There is an existing association for instance ${id}`)
    }
    instance.association = { id: world.id('iip-assoc'), ...profileNamed(input, world) }
    instance.onlineAt = Math.max(instance.onlineAt, world.after(agentIn))
    return { IamInstanceProfileAssociation: associationView(id, instance.association, 'associating') }
  },

  ReplaceIamInstanceProfileAssociation(input, world) {
    const one = associationOf(world, input.AssociationId)
    Object.assign(one.of, profileNamed(input, world))
    return { IamInstanceProfileAssociation: associationView(one.id, one.of, 'associating') }
  },

  DisassociateIamInstanceProfile(input, world) {
    const one = associationOf(world, input.AssociationId)
    delete one.instance.association
    return { IamInstanceProfileAssociation: associationView(one.id, one.of, 'disassociating') }
  },
} satisfies Answers<typeof import('@aws-sdk/client-ec2')>

function profileNamed(input: Parameters<typeof profileFor>[0], world: World) {
  const profile = profileFor(input, world)
  if (profile) return profile
  throw new Refusal('MissingParameter', 'The request must contain the parameter IamInstanceProfile')
}

function associationOf(world: World, id: string | undefined) {
  const one = associations(world).find(({ of }) => of.id === id)
  if (one) return one
  throw new Refusal('InvalidAssociationID.NotFound', `The association ID '${id}' does not exist`)
}
