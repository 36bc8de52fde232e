import type { Volume } from '@aws-sdk/client-ec2'
import { DeleteParametersCommand, paginateGetParametersByPath } from '@aws-sdk/client-ssm'
import type { Clients } from '../aws/clients.js'
import { collect } from '../core/collect.js'
import type { Identity, Stranger } from '../resources/identity.js'
import { type LabId, tagValue } from '../resources/ownership.js'
import type { ParameterText } from '../resources/settings-parameter.js'
import { names } from './names.js'

/** What exists beside a lab's resources under its path in Parameter Store. */
export interface Leftovers {
  /** Parameters with which older versions passed a password, left by a run that was killed. */
  secrets: readonly string[]
  /** Other parameters under the lab's path, except its settings and its lock. */
  parameters: readonly string[]
}

export const findLeftovers = async (clients: Clients, lab: Pick<LabId, 'name'>): Promise<Leftovers> =>
  (await readPath(clients, lab)).leftovers

/** Everything under the lab's path: its settings, and other parameters. */
export async function readPath(
  { ssm }: Pick<Clients, 'ssm'>,
  { name }: Pick<LabId, 'name'>,
): Promise<{ settings: ParameterText | undefined; leftovers: Leftovers }> {
  const { settings, lock } = names(name)
  const path = `/librechat-lab/${name}`
  const found = await collect(
    paginateGetParametersByPath({ client: ssm }, { Path: path, Recursive: true }),
    ({ Parameters = [] }) => Parameters,
  )
  const { Value: value, Version: version = 0 } = found.find(({ Name }) => Name === settings) ?? {}
  const others = found.map(({ Name = '' }) => Name).filter((one) => one !== settings && one !== lock)
  const isSecret = (one: string) => one.startsWith(`${path}/secret/`)
  return {
    settings: value === undefined ? undefined : { value, version },
    leftovers: { secrets: others.filter(isSecret), parameters: others.filter((one) => !isSecret(one)) },
  }
}

/** Everything that no command changes: resources with the lab's tags but without a proof, and unused ones. */
export function strangersOf(
  { strangers, instance, superseded, volumes }: Identity,
  { parameters }: Leftovers,
): Stranger[] {
  const hosts = [instance, ...superseded].map((host) => host?.InstanceId)
  // Only the root volume is deleted with the lab's instance; other volumes are detached.
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
  // The call accepts ten names.
  for (let i = 0; i < secrets.length; i += 10) {
    await ssm.send(new DeleteParametersCommand({ Names: secrets.slice(i, i + 10) }))
  }
}

export const leftoverActions = {
  read: ['ssm:GetParametersByPath'],
  write: ['ssm:DeleteParameters'],
} as const
