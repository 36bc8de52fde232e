import { DeleteVolumeCommand, paginateDescribeVolumes } from '@aws-sdk/client-ec2'
import { DeleteParametersCommand, paginateGetParametersByPath } from '@aws-sdk/client-ssm'
import type { Clients } from '../aws/clients.js'
import { ignoreErrors } from '../aws/errors.js'
import { collect } from '../core/pages.js'
import { type LabId, ownedFilters } from '../resources/ownership.js'
import { names } from './names.js'

/** What a killed run or a changed setting can leave beside a lab's resources. */
export interface Leftovers {
  /** Disks of the lab that no instance has. */
  volumes: string[]
  /** Parameters under the lab's path, its settings and its lock aside. */
  parameters: string[]
}

export async function findLeftovers({ ec2, ssm }: Clients, lab: LabId): Promise<Leftovers> {
  const { settings, lock } = names(lab.name)
  const [volumes, parameters] = await Promise.all([
    collect(
      paginateDescribeVolumes(
        { client: ec2 },
        { Filters: [...ownedFilters(lab), { Name: 'status', Values: ['available'] }] },
      ),
      ({ Volumes = [] }) => Volumes.map(({ VolumeId = '' }) => VolumeId),
    ),
    collect(
      paginateGetParametersByPath({ client: ssm }, { Path: `/librechat-lab/${lab.name}`, Recursive: true }),
      ({ Parameters = [] }) => Parameters.map(({ Name = '' }) => Name),
    ),
  ])
  return { volumes, parameters: parameters.filter((name) => name !== settings && name !== lock) }
}

export async function removeLeftovers(
  { ec2, ssm }: Clients,
  { volumes, parameters }: Leftovers,
): Promise<void> {
  await Promise.all([
    ...volumes.map((VolumeId) =>
      ignoreErrors(['InvalidVolume.NotFound'], () => ec2.send(new DeleteVolumeCommand({ VolumeId }))),
    ),
    // Ten at a time is what the call takes.
    ...Array.from({ length: Math.ceil(parameters.length / 10) }, (_, i) =>
      ssm.send(new DeleteParametersCommand({ Names: parameters.slice(i * 10, i * 10 + 10) })),
    ),
  ])
}

export const leftoverActions = {
  read: ['ec2:DescribeVolumes', 'ssm:GetParametersByPath'],
  write: ['ec2:DeleteVolume', 'ssm:DeleteParameters'],
} as const
