import {
  type EC2Client,
  ModifyInstanceAttributeCommand,
  type ModifyInstanceAttributeCommandInput,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { ignoreErrors } from '../aws/errors.js'
import { waitFor } from '../core/wait.js'
import type { EnsureContext, Resource, ResourceActions } from '../engine/resource.js'
import {
  describe,
  gone,
  hopLimit,
  type InstanceOptions,
  type InstanceState,
  inspect,
  isStopProtected,
  polled,
  timeoutOptions,
} from './instance/describe.js'
import { launch, running } from './instance/launch.js'
import { differences, update } from './instance/update.js'

export { type InstanceState, isStopProtected } from './instance/describe.js'

/** The lab's EC2 instance. */
export function instance(options: InstanceOptions): Resource<InstanceState> {
  const { ec2, profile, group } = options

  return {
    name: `instance ${options.name}`,
    after: [...options.after, profile, group],
    id: (state) => state.instanceId,

    async observe(seen) {
      const found = await seen(options.identity)
      if (!found?.instance || found.instance.InstanceId === options.replaces) return undefined
      return await inspect(ec2, found.instance, found)
    },

    changes(state, seen) {
      if (!state) {
        return [
          { what: 'type', to: options.type },
          { what: 'disk', to: `${options.diskGb} GB gp3, encrypted` },
          { what: 'metadata', to: `IMDSv2 only, hop limit ${hopLimit}` },
        ]
      }
      return differences(state, options, seen(profile)?.id, seen(group)?.groupId)
    },

    async ensure(state, work) {
      const launched = state ? { instanceId: state.instanceId, isNew: false } : await launch(options, work)
      const [{ id: profileId, arn }, { groupId }] = await Promise.all([
        work.ready(profile),
        work.ready(group),
      ])
      // A new instance is checked too: EC2 silently launches without a profile that it doesn't know yet.
      const now = state ?? (await running(options, launched, work))
      const restarted = await update(options, now, { profileId, arn, groupId }, work)
      if (now.state === 'running' && !restarted) return now
      return await running(options, { instanceId: now.instanceId, isNew: false }, work)
    },

    async remove(state, work) {
      await end(ec2, state, work)
      for (const id of state.superseded) await end(ec2, await protection(ec2, id), work)
    },
  }
}

/** An instance that was replaced. It can only be removed. */
export const replacedInstance = (ec2: EC2Client, instanceId: string): Resource<string> => ({
  name: `replaced instance ${instanceId}`,
  after: [],
  id: () => instanceId,
  observe: async () => instanceId,
  changes: () => [],
  ensure: () => Promise.reject(new Error('It is only removed.')),
  remove: async (_, work) => await end(ec2, await protection(ec2, instanceId), work),
})

/** Stops an instance whose data was moved to another. It can still be started by hand. */
export async function stopReplaced(ec2: EC2Client, InstanceId: string): Promise<void> {
  if (await isStopProtected(ec2, InstanceId))
    await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId, DisableApiStop: { Value: false } }))
  await ec2.send(new StopInstancesCommand({ InstanceIds: [InstanceId] }))
}

export const instanceActions = {
  observe: ['ec2:DescribeInstances', 'ec2:DescribeInstanceAttribute', 'ec2:DescribeVolumes'],
  ensure: [
    'ec2:RunInstances',
    'ec2:CreateTags',
    'ec2:ModifyInstanceAttribute',
    'ec2:ModifyInstanceMetadataOptions',
    'ec2:DescribeIamInstanceProfileAssociations',
    'ec2:AssociateIamInstanceProfile',
    'ec2:ReplaceIamInstanceProfileAssociation',
    'ec2:StartInstances',
    'ec2:StopInstances',
    'ec2:ModifyVolume',
    // For an instance that an interrupted replacement left.
    'ec2:TerminateInstances',
    'iam:PassRole',
  ],
  remove: [
    'ec2:DescribeInstances',
    'ec2:DescribeInstanceAttribute',
    'ec2:DescribeVolumes',
    'ec2:ModifyInstanceAttribute',
    'ec2:TerminateInstances',
  ],
} as const satisfies ResourceActions

type Protection = Pick<
  InstanceState,
  'instanceId' | 'terminationProtected' | 'stopProtected' | 'volume' | 'moreVolumes'
>

/** For an instance that was not inspected before its removal. */
const protection = async (ec2: EC2Client, instanceId: string): Promise<Protection> => {
  const [found] = (await ignoreErrors(gone, () => describe(ec2, { InstanceIds: [instanceId] }))) ?? []
  return found ? await inspect(ec2, found) : { instanceId, terminationProtected: false, moreVolumes: [] }
}

/**
 * Makes the instance terminable, and sets only its root volume to be deleted with it. Returns the new state. EC2
 * takes one attribute per call:
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html
 */
export async function liftProtection<State extends Protection>(ec2: EC2Client, state: State): Promise<State> {
  const { instanceId: InstanceId, volume, moreVolumes } = state
  const stopProtected = state.stopProtected ?? (await isStopProtected(ec2, InstanceId))
  const deletes = (DeviceName: string, DeleteOnTermination: boolean) => ({
    BlockDeviceMappings: [{ DeviceName, Ebs: { DeleteOnTermination } }],
  })
  const attributes: Partial<ModifyInstanceAttributeCommandInput>[] = [
    ...(stopProtected ? [{ DisableApiStop: { Value: false } }] : []),
    ...(state.terminationProtected ? [{ DisableApiTermination: { Value: false } }] : []),
    ...(volume?.deletedWithInstance === false ? [deletes(volume.device, true)] : []),
    ...moreVolumes
      .filter(({ deletedWithInstance }) => deletedWithInstance)
      .map(({ device }) => deletes(device, false)),
  ]
  for (const attribute of attributes) {
    await ignoreErrors(gone, () => ec2.send(new ModifyInstanceAttributeCommand({ InstanceId, ...attribute })))
  }
  return {
    ...state,
    stopProtected: false,
    terminationProtected: false,
    ...(volume ? { volume: { ...volume, deletedWithInstance: true } } : {}),
    moreVolumes: moreVolumes.map((one) => ({ ...one, deletedWithInstance: false })),
  }
}

/** Lifts the protection, terminates the instance, and waits until it is terminated. */
async function end(ec2: EC2Client, state: Protection, work: EnsureContext): Promise<void> {
  const InstanceIds = [state.instanceId]
  await liftProtection(ec2, state)
  const ended = await ignoreErrors(gone, () => ec2.send(new TerminateInstancesCommand({ InstanceIds })))
  if (!ended || ended.TerminatingInstances?.[0]?.CurrentState?.Name === 'terminated') return
  work.progress('waiting for the instance to terminate', 40_000)
  await waitFor({ ...timeoutOptions(work, 10), for: 'the instance to terminate' }, async () => {
    const found = await polled(() => ignoreErrors(gone, () => describe(ec2, { InstanceIds })))
    if (found === 'later') return undefined
    return !found || found[0]?.State?.Name === 'terminated' ? true : undefined
  })
}
