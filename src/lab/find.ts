import { DescribeInstancesCommand } from '@aws-sdk/client-ec2'
import type { Clients } from '../aws/clients.js'
import { LabError } from '../core/error.js'
import { ownedFilters } from '../resources/ownership.js'

export interface LabInstance {
  instanceId: string
  /** "pending", "running", "stopping", "stopped". */
  state: string
  publicIp?: string
}

/** The instance of a lab in the clients' region; LabError `no-such-lab` (exit code 3). One call. */
export async function findInstance(clients: Clients, name: string): Promise<LabInstance> {
  const { Reservations = [] } = await clients.ec2.send(
    new DescribeInstancesCommand({
      Filters: [
        ...ownedFilters({ name, region: clients.region }),
        { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] },
      ],
    }),
  )
  const instance = Reservations.flatMap((reservation) => reservation.Instances ?? [])[0]
  if (!instance?.InstanceId) {
    throw new LabError({
      code: 'no-such-lab',
      what: `There is no running lab "${name}" in ${clients.region}.`,
      fix: [
        'librechat-lab list --all-regions   shows where there is one',
        'librechat-lab up   makes one here',
      ],
      exitCode: 3,
    })
  }
  return {
    instanceId: instance.InstanceId,
    state: instance.State?.Name ?? 'unknown',
    ...(instance.PublicIpAddress ? { publicIp: instance.PublicIpAddress } : {}),
  }
}
