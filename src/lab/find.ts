import type { Instance } from '@aws-sdk/client-ec2'
import type { Clients } from '../aws/clients.js'
import { LabError } from '../core/error.js'
import { describeInstance, findClaims, type Identity, identify } from '../resources/identity.js'
import { type Rest, restOf } from '../resources/instance/describe.js'
import type { LabId } from '../resources/ownership.js'
import { recordedIn } from './graph.js'
import { names } from './names.js'
import type { Settings } from './settings.js'

export interface LabInstance {
  instanceId: string
  /** "pending", "running", "stopping", "stopped". */
  state: string
  publicIp?: string
  /** Set if it is stopped or stopping. */
  rest?: Rest | undefined
}

/** What is proven to be the lab's; LabError `ambiguous-…`. Three concurrent calls. */
export const identifyLab = async (
  clients: Clients,
  lab: LabId,
  stored: Settings | undefined,
): Promise<Identity> => identify(lab, recordedIn(stored), await findClaims(clients.ec2, lab), names(lab.name))

/**
 * The instance that is proven to be the lab's; LabError `no-such-lab` (exit code 3), `ambiguous-…`, or
 * `interrupted-replacement` where two of them are.
 */
export async function findInstance(
  clients: Clients,
  lab: LabId,
  stored: Settings | undefined,
): Promise<LabInstance> {
  const { instance, superseded, strangers } = await identifyLab(clients, lab, stored)
  if (superseded.length > 0) throw interruptedReplacement(lab, [instance, ...superseded])
  if (!instance?.InstanceId) {
    const unproven = strangers.filter(({ kind }) => kind === 'instance').map(({ id }) => id)
    throw new LabError({
      code: 'no-such-lab',
      what: `There is no running lab "${lab.name}" in ${lab.region}.`,
      ...(unproven.length > 0
        ? {
            why: `${unproven.join(', ')} has its tags but is not proven to be the lab's, so it is not changed.`,
          }
        : {}),
      fix: [
        { command: { path: 'list', flags: { 'all-regions': true } }, text: 'shows the labs in every region' },
        { command: { path: 'up' }, text: 'creates one here' },
      ],
      exitCode: 3,
    })
  }
  return {
    instanceId: instance.InstanceId,
    state: instance.State?.Name ?? 'unknown',
    ...(instance.PublicIpAddress ? { publicIp: instance.PublicIpAddress } : {}),
    rest: restOf(instance),
  }
}

const interruptedReplacement = ({ name, region }: LabId, found: readonly (Instance | undefined)[]) =>
  new LabError({
    code: 'interrupted-replacement',
    what: `The lab "${name}" in ${region} has two instances: ${found.flatMap((one) => (one ? describeInstance(one) : [])).join('; ')}.`,
    why: 'The replacement of its instance was interrupted.',
    fix: [{ command: { path: 'up' }, text: 'finishes it' }],
  })
