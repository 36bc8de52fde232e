import type { InstanceStateChange } from '@aws-sdk/client-ec2'
import { accountId, type Instance, type InstanceState, type Region } from '../account.js'
import type { Answers } from '../answers.js'
import { profileArn } from '../iam/common.js'
import { Refusal } from '../refusal.js'
import { chosen, passes } from './filter.js'
import { addressOn, instanceView, stateView } from './instance-view.js'
import { agentIn, instanceOf, launch } from './launch.js'

/** How long AWS takes, in milliseconds. */
const stopsIn = 20_000
const endsIn = 30_000
const startsAgainIn = 8_000

function change(
  id: string,
  instance: Instance,
  to: InstanceState,
  then: InstanceState,
  at: number,
): InstanceStateChange {
  const before = instance.state
  instance.state = to
  instance.next = { state: then, at }
  return { InstanceId: id, CurrentState: stateView(to), PreviousState: stateView(before) }
}

/** Whether the volume still exists although its instance is terminated. */
export const outlives = ({ volume }: Instance): boolean => !volume.deleteOnTermination && !volume.deleted

/** Updates the state to the current time. A terminated instance frees its address, and is deleted later. */
export function settleInstances(here: Region, now: number): void {
  for (const [id, instance] of Object.entries(here.instances)) {
    if (instance.next && instance.next.at <= now) {
      instance.state = instance.next.state
      delete instance.next
      if (instance.state === 'terminated') {
        instance.launchedAt = now
        const address = addressOn(here, id)?.[1]
        delete address?.instance
        delete address?.association
      }
    } else if (
      instance.state === 'terminated' &&
      now - instance.launchedAt > 600_000 &&
      !outlives(instance)
    ) {
      delete here.instances[id]
    }
  }
}

export const instances = {
  RunInstances(input, world) {
    const id = launch(input, world)
    const instance = instanceOf(world, id)
    return {
      ReservationId: instance.reservation,
      OwnerId: accountId,
      Groups: [],
      Instances: [instanceView(id, instance, world)],
    }
  },

  DescribeInstances(input, world) {
    const { here } = world
    const all = chosen(here.instances, input.InstanceIds, 'InvalidInstanceID.NotFound', 'instance ID')
    return {
      Reservations: all
        .filter(([id, instance]) =>
          passes(input.Filters, instance.tags, {
            'instance-id': id,
            'instance-state-name': instance.state,
            'instance-type': instance.type,
            'image-id': instance.image,
            'subnet-id': instance.subnet,
            'vpc-id': here.subnets[instance.subnet]?.vpc,
            'availability-zone': here.subnets[instance.subnet]?.zone,
            'instance.group-id': instance.groups,
            'network-interface.group-id': instance.groups,
            'iam-instance-profile.arn': instance.association && profileArn(instance.association.profile),
            'ip-address': addressOn(here, id)?.[1].ip ?? instance.publicIp,
            'private-ip-address': instance.privateIp,
            'client-token': instance.clientToken?.token,
          }),
        )
        .map(([id, instance]) => ({
          ReservationId: instance.reservation,
          OwnerId: accountId,
          Groups: [],
          Instances: [instanceView(id, instance, world)],
        })),
    }
  },

  TerminateInstances(input, world) {
    const targets = (input.InstanceIds ?? []).map((id) => [id, instanceOf(world, id)] as const)
    const guarded = targets.find(([, instance]) => instance.terminationProtected)
    if (guarded) {
      throw new Refusal(
        'OperationNotPermitted',
        `The instance '${guarded[0]}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`,
      )
    }
    return {
      TerminatingInstances: targets.map(([id, instance]) =>
        instance.state === 'terminated' || instance.state === 'shutting-down'
          ? {
              InstanceId: id,
              CurrentState: stateView(instance.state),
              PreviousState: stateView(instance.state),
            }
          : change(id, instance, 'shutting-down', 'terminated', world.after(endsIn)),
      ),
    }
  },

  StartInstances(input, world) {
    return {
      StartingInstances: (input.InstanceIds ?? []).map((id) => {
        const instance = instanceOf(world, id)
        if (instance.state !== 'stopped' && instance.state !== 'running') {
          throw new Refusal(
            'IncorrectInstanceState',
            `The instance '${id}' is not in a state from which it can be started.`,
          )
        }
        if (instance.state === 'running') {
          return { InstanceId: id, CurrentState: stateView('running'), PreviousState: stateView('running') }
        }
        instance.onlineAt = world.after(startsAgainIn + agentIn)
        instance.launchedAt = world.now
        return change(id, instance, 'pending', 'running', world.after(startsAgainIn))
      }),
    }
  },

  StopInstances(input, world) {
    return {
      StoppingInstances: (input.InstanceIds ?? []).map((id) => {
        const instance = instanceOf(world, id)
        if (instance.state === 'stopped' || instance.state === 'stopping') {
          const now = stateView(instance.state)
          return { InstanceId: id, CurrentState: now, PreviousState: now }
        }
        instance.stopped = { at: world.now, code: 'Client.UserInitiatedShutdown' }
        return change(id, instance, 'stopping', 'stopped', world.after(stopsIn))
      }),
    }
  },
} satisfies Answers<typeof import('@aws-sdk/client-ec2')>
