import { LabError } from '../core/error.js'
import { describeInstance, type Identity } from '../resources/identity.js'
import type { LabId } from '../resources/ownership.js'

/**
 * A lab of version 0.1.0, or one whose settings are lost, is recognised by its names and attachments, without a
 * proof. The user accepts that once, in the plan or with `--adopt`. LabError `not-proven`.
 */
export function refuseUnsaidAdoption(
  { name, region }: LabId,
  identity: Identity | undefined,
  because = 'With --yes nobody confirms the plan.',
): void {
  const { unconfirmed, instance, address } = identity ?? {}
  if (!unconfirmed) return
  const found = [
    ...(unconfirmed.instanceId && instance ? [`instance ${describeInstance(instance)}`] : []),
    ...(unconfirmed.allocationId ? [`Elastic IP ${address?.PublicIp} (${unconfirmed.allocationId})`] : []),
    ...(unconfirmed.groupId ? [`security group ${unconfirmed.groupId}`] : []),
  ]
  throw new LabError({
    code: 'not-proven',
    what: `These resources match the lab "${name}" in ${region}, but nothing proves that they belong to it: ${found.join('; ')}.`,
    why: `An older version of librechat-lab created them, or the lab’s settings were lost. ${because}`,
    fix: [
      {
        command: { keeps: true, path: 'up', flags: { yes: true, adopt: true } },
        text: 'adopts them, if they are the lab’s',
      },
      { command: { path: 'up' }, text: 'shows the plan and asks' },
    ],
  })
}
