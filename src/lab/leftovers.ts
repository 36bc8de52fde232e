import { paginateDescribeVolumes, type Volume } from '@aws-sdk/client-ec2'
import { DeleteParametersCommand, paginateGetParametersByPath } from '@aws-sdk/client-ssm'
import type { Clients } from '../aws/clients.js'
import { collect } from '../core/collect.js'
import type { Identity, Stranger } from '../resources/identity.js'
import { type LabId, ownedFilters, tagValue } from '../resources/ownership.js'
import { names } from './names.js'

/** What exists beside a lab's resources under its tags and its path. */
export interface Leftovers {
  /** Parameters in which older versions carried a password, left by a run that was killed. */
  secrets: readonly string[]
  /** Other parameters under the lab's path, its settings and its lock aside. */
  parameters: readonly string[]
  /** Volumes with the lab's tags, attached or not. */
  volumes: readonly Volume[]
}

export async function findLeftovers({ ec2, ssm }: Clients, lab: LabId): Promise<Leftovers> {
  const { settings, lock } = names(lab.name)
  const path = `/librechat-lab/${lab.name}`
  const [volumes, found] = await Promise.all([
    collect(
      paginateDescribeVolumes({ client: ec2 }, { Filters: ownedFilters(lab) }),
      ({ Volumes = [] }) => Volumes,
    ),
    collect(
      paginateGetParametersByPath({ client: ssm }, { Path: path, Recursive: true }),
      ({ Parameters = [] }) => Parameters.map(({ Name = '' }) => Name),
    ),
  ])
  const isSecret = (name: string) => name.startsWith(`${path}/secret/`)
  return {
    volumes,
    secrets: found.filter(isSecret),
    parameters: found.filter((name) => !isSecret(name) && name !== settings && name !== lock),
  }
}

/** Everything that is left alone: what has the lab's tags without a proof, and what is not in use. */
export function strangersOf(
  { strangers, instance, superseded }: Identity,
  { volumes, parameters }: Leftovers,
): Stranger[] {
  const hosts = [instance, ...superseded].map((host) => host?.InstanceId)
  // With the lab's instance goes the root volume alone; whatever else is attached is only detached by that.
  const roots = [instance, ...superseded].flatMap(
    (host) =>
      host?.BlockDeviceMappings?.filter(({ DeviceName }) => DeviceName === host.RootDeviceName).map(
        ({ Ebs }) => Ebs?.VolumeId,
      ) ?? [],
  )
  const isOurs = ({ VolumeId, Attachments = [] }: Volume) =>
    roots.includes(VolumeId) && Attachments.some(({ InstanceId }) => hosts.includes(InstanceId))
  return [
    ...strangers,
    ...volumes
      .filter((volume) => !isOurs(volume))
      .map(({ VolumeId = '', Tags, Attachments = [] }) => ({
        kind: 'volume' as const,
        id: VolumeId,
        name: tagValue(Tags, 'Name') ?? '',
        why:
          Attachments.length > 0
            ? `It has the lab’s tags, but it is attached to ${Attachments.map(({ InstanceId }) => InstanceId).join(', ')}, and not as the lab's root volume.`
            : 'It has the lab’s tags, but it is not attached to the lab’s instance.',
      })),
    ...parameters.map((id) => ({
      kind: 'parameter' as const,
      id,
      name: '',
      why: 'It is under the lab’s path, but no version of librechat-lab writes it.',
    })),
  ]
}

export async function removeSecrets({ ssm }: Clients, secrets: readonly string[]): Promise<void> {
  // Ten at a time is what the call takes.
  for (let i = 0; i < secrets.length; i += 10) {
    await ssm.send(new DeleteParametersCommand({ Names: secrets.slice(i, i + 10) }))
  }
}

export const leftoverActions = {
  read: ['ec2:DescribeVolumes', 'ssm:GetParametersByPath'],
  write: ['ssm:DeleteParameters'],
} as const
