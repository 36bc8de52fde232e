import { AssociateAddressCommand, DisassociateAddressCommand, type EC2Client } from '@aws-sdk/client-ec2'
import { ignoreErrors, isCode } from '../aws/errors.js'
import { retryWhile } from '../core/wait.js'
import type { Resource, ResourceActions } from '../engine/resource.js'
import { type AddressState, disassociate, usedElsewhere } from './address.js'
import type { InstanceState } from './instance.js'

export interface AssociationState {
  associationId: string
  instanceId: string
}

/** The association of the address with the instance. */
export function association(options: {
  ec2: EC2Client
  address: Resource<AddressState>
  instance: Resource<InstanceState>
}): Resource<AssociationState> {
  const { ec2, address, instance } = options

  return {
    name: 'address association',
    after: [address, instance],
    id: (state) => state.associationId,

    async observe(seen) {
      const [there, host] = await Promise.all([seen(address), seen(instance)])
      if (!there?.associationId || !host || there.instanceId !== host.instanceId) return undefined
      return { associationId: there.associationId, instanceId: host.instanceId }
    },

    changes(state, seen) {
      if (state) return []
      const { instanceId, inUseBy, publicIp = '' } = seen(address) ?? {}
      if (inUseBy) {
        const byHand = ['disassociate it there first: ', { run: disassociate(publicIp) }]
        return [{ what: 'points to', from: inUseBy, to: 'the instance', byHand }]
      }
      return [{ what: 'points to', ...(instanceId ? { from: instanceId } : {}), to: 'the instance' }]
    },

    async ensure(_, work) {
      const [there, { instanceId }] = await Promise.all([work.ready(address), work.ready(instance)])
      const { allocationId, publicIp, inUseBy, instanceId: pointsTo } = there
      if (inUseBy) throw usedElsewhere(publicIp, inUseBy)
      const { AssociationId } = await retryWhile(
        { for: 'the address to be available', deadlineMs: 60_000, clock: work.clock, signal: work.signal },
        (error) =>
          isCode(
            error,
            'InvalidAllocationID.NotFound',
            'InvalidInstanceID.NotFound',
            'InvalidInstanceID',
            'IncorrectInstanceState',
          ),
        () =>
          ec2.send(
            new AssociateAddressCommand({
              AllocationId: allocationId,
              InstanceId: instanceId,
              // Reassociates it only from the instance that this one replaces. AWS's default is true:
              // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateAddress.html
              AllowReassociation: pointsTo !== undefined,
            }),
          ),
      )
      return { associationId: AssociationId ?? '', instanceId }
    },

    async remove({ associationId: AssociationId }) {
      await ignoreErrors(['InvalidAssociationID.NotFound'], () =>
        ec2.send(new DisassociateAddressCommand({ AssociationId })),
      )
    },
  }
}

export const associationActions = {
  observe: [],
  ensure: ['ec2:AssociateAddress'],
  remove: ['ec2:DisassociateAddress'],
} as const satisfies ResourceActions
