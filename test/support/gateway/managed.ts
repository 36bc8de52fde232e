import { DescribeIamInstanceProfileAssociationsCommand, DescribeInstancesCommand } from '@aws-sdk/client-ec2'
import { GetInstanceProfileCommand, ListAttachedRolePoliciesCommand } from '@aws-sdk/client-iam'
import type { Witness } from '../clients.js'
import type { Call } from './call.js'
import type { Supplement } from './gateway.js'
import { jsonAnswer } from './wire.js'

export interface ManagedInstances extends Supplement {
  /** Is the instance's agent online now? */
  online(region: string, id: string): Promise<boolean>
}

/**
 * Systems Manager's managed instances, which moto lacks. An agent registers some time after its instance runs
 * with a role that has AmazonSSMManagedInstanceCore, and is lost when the role goes.
 * `delay()` is that time, in milliseconds.
 */
export function managedInstances(
  witness: (region: string) => Witness,
  delay: () => number,
): ManagedInstances {
  const equipped = new Map<string, number>()
  const registered = new Set<string>()

  async function online(region: string, id: string): Promise<boolean> {
    if (!(await hasRole(witness(region), id))) {
      equipped.delete(id)
      return false
    }
    const since = equipped.get(id) ?? Date.now()
    equipped.set(id, since)
    if (Date.now() - since < delay()) return false
    registered.add(id)
    return true
  }

  async function describe(call: Call): Promise<object[]> {
    const { Reservations } = await witness(call.region).ec2.send(new DescribeInstancesCommand({}))
    const wanted = instanceIds(call)
    const found = (Reservations ?? [])
      .flatMap(({ Instances }) => Instances ?? [])
      .filter(({ InstanceId = '' }) => !wanted || wanted.includes(InstanceId))
    const rows = found.map(async ({ InstanceId = '', State, PrivateIpAddress }) => {
      const isOnline = State?.Name === 'running' && (await online(call.region, InstanceId))
      if (!isOnline && (!registered.has(InstanceId) || State?.Name === 'terminated')) return []
      const PingStatus = isOnline ? 'Online' : 'ConnectionLost'
      return [
        {
          ...agent,
          InstanceId,
          PingStatus,
          LastPingDateTime: Date.now() / 1000,
          IPAddress: PrivateIpAddress,
        },
      ]
    })
    return (await Promise.all(rows)).flat()
  }

  return {
    online,
    async before(call) {
      if (call.service !== 'ssm' || call.action !== 'DescribeInstanceInformation') return undefined
      return jsonAnswer({ InstanceInformationList: await describe(call) })
    },
    after(call, answer) {
      // The agent runs when the instance does; its clock starts there.
      const id = call.action === 'RunInstances' && /<instanceId>([^<]+)</.exec(answer.body)?.[1]
      if (id) equipped.set(id, Date.now())
      return undefined
    },
  }
}

const agent = {
  AgentVersion: '3.3.2299.0',
  IsLatestVersion: true,
  PlatformName: 'Amazon Linux',
  PlatformType: 'Linux',
  PlatformVersion: '2023',
  ResourceType: 'EC2Instance',
}

function instanceIds({ params }: Call): string[] | undefined {
  const filters = (params.Filters ?? []) as { Key: string; Values: string[] }[]
  const older = (params.InstanceInformationFilterList ?? []) as { key: string; valueSet: string[] }[]
  return (
    filters.find(({ Key }) => Key === 'InstanceIds')?.Values ??
    older.find(({ key }) => key === 'InstanceIds')?.valueSet
  )
}

async function hasRole(witness: Witness, id: string): Promise<boolean> {
  const RoleName = await roleOf(witness, id)
  if (!RoleName) return false
  const { AttachedPolicies } = await witness.iam.send(new ListAttachedRolePoliciesCommand({ RoleName }))
  return (AttachedPolicies ?? []).some(({ PolicyName }) => PolicyName === 'AmazonSSMManagedInstanceCore')
}

/** The name of the role whose credentials an instance has. */
export async function roleOf({ ec2, iam }: Witness, id: string): Promise<string | undefined> {
  const filter = { Name: 'instance-id', Values: [id] }
  const { IamInstanceProfileAssociations } = await ec2.send(
    new DescribeIamInstanceProfileAssociationsCommand({ Filters: [filter] }),
  )
  const name = IamInstanceProfileAssociations?.[0]?.IamInstanceProfile?.Arn?.split('/').pop()
  if (!name) return undefined
  try {
    const { InstanceProfile } = await iam.send(new GetInstanceProfileCommand({ InstanceProfileName: name }))
    return InstanceProfile?.Roles?.[0]?.RoleName
  } catch (error) {
    if ((error as Error).name === 'NoSuchEntityException') return undefined
    throw error
  }
}
