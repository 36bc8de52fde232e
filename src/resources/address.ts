import {
  type Address,
  AllocateAddressCommand,
  CreateTagsCommand,
  DescribeAddressesCommand,
  DescribeAddressTransfersCommand,
  DisableAddressTransferCommand,
  DisassociateAddressCommand,
  type EC2Client,
  ReleaseAddressCommand,
} from '@aws-sdk/client-ec2'
import { codeOf, ignoreErrors, isCode, isOutcomeUnknown, requestIdOf } from '../aws/errors.js'
import { LabError } from '../core/error.js'
import { retryWhile } from '../core/wait.js'
import type { EnsureContext, Resource, ResourceActions } from '../engine/resource.js'
import { findCreated, type Identity } from './identity.js'
import { describe, gone } from './instance/describe.js'
import { type LabId, tagKeys, tagsOf, tagValue } from './ownership.js'

export interface AddressState {
  allocationId: string
  publicIp: string
  protectedTag: boolean
  /** Whether its tags name its own allocation id. Copied tags name another one. */
  namesItself: boolean
  /** The instance that it is associated with. */
  instanceId?: string
  associationId?: string
  /** The foreign instance or network interface that uses it. The lab doesn't take it away. */
  inUseBy?: string
  /** The account of a pending transfer. */
  offeredTo?: string
}

/** What would refuse a release of the address right now: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html */
export type ReleaseRefusal = 'nothing' | 'policy' | 'reverse-dns' | 'unknown'

/** The lab's public address. Its certificate, cookies and bookmarks depend on it. */
export function address(options: {
  ec2: EC2Client
  /** Without automatic retries: an allocation must not be sent twice unnoticed. */
  ec2Once: EC2Client
  lab: LabId
  name: string
  /** The creation id, as stored in the settings; the creating call sets it as a tag. */
  creation: string
  /** Whether pending transfers are looked for. */
  withTransfers: boolean
  identity: Resource<Identity>
  after: readonly Resource[]
}): Resource<AddressState> {
  const { ec2, lab, identity, withTransfers } = options

  const inspect = async ({ address: found, instance, superseded = [] }: Partial<Identity>) => {
    const AllocationId = found?.AllocationId
    if (!found || !AllocationId) return undefined
    const offer = withTransfers ? await pendingOffer(ec2, AllocationId) : undefined
    const hosts = [instance, ...superseded].map((host) => host?.InstanceId)
    const isElsewhere = found.AssociationId && !hosts.includes(found.InstanceId ?? '')
    const inUseBy = isElsewhere ? await userOf(ec2, found) : undefined
    return {
      allocationId: AllocationId,
      publicIp: found.PublicIp ?? '',
      protectedTag: tagValue(found.Tags, tagKeys.protected) === 'true',
      // Version 0.1.0 did not set this tag, and the policy that protects the address may forbid new tags.
      namesItself:
        tagValue(found.Tags, tagKeys.allocation) === AllocationId ||
        tagValue(found.Tags, tagKeys.creation) === undefined,
      ...(found.InstanceId ? { instanceId: found.InstanceId } : {}),
      ...(found.AssociationId ? { associationId: found.AssociationId } : {}),
      ...(inUseBy ? { inUseBy } : {}),
      ...(offer ? { offeredTo: offer } : {}),
    }
  }

  return {
    name: 'Elastic IP',
    after: options.after,
    id: (state) => state.publicIp,
    observe: async (seen) => inspect((await seen(identity)) ?? {}),

    changes(state) {
      if (!state) return [{ what: 'protection', to: 'tag, and no transfer offered' }]
      return [
        ...(state.protectedTag ? [] : [{ what: 'protecting tag', from: 'missing', to: 'true' }]),
        ...(state.namesItself ? [] : [{ what: 'allocation tag', from: 'missing', to: state.allocationId }]),
        ...(state.offeredTo
          ? [{ what: 'transfer', from: `offered to account ${state.offeredTo}`, to: 'cancelled' }]
          : []),
      ]
    },

    async ensure(before, work) {
      // AllocateAddress has no idempotency token, so look again right before the call.
      const state = before ?? (await inspect({ address: await findCreated(ec2, lab, options.creation) }))
      if (!state) {
        const made = await allocate(options).catch(async (error) => {
          // The answer was lost, and a new address can take a moment to show: look before the next attempt.
          if (isOutcomeUnknown(error)) await work.clock.sleep(2_000, work.signal)
          throw isCode(error, 'AddressLimitExceeded') ? await noneLeft(ec2, lab.region, error) : error
        })
        await tag(ec2, made.allocationId, work)
        return { ...made, protectedTag: true, namesItself: true }
      }
      const { allocationId } = state
      await Promise.all([
        (!state.protectedTag || !state.namesItself) && tag(ec2, allocationId, work),
        state.offeredTo && cancelOffer(ec2, allocationId),
      ])
      const { offeredTo: _, ...rest } = state
      return { ...rest, protectedTag: true, namesItself: true }
    },

    async remove({ allocationId, publicIp, inUseBy }, work) {
      if (inUseBy) throw usedElsewhere(publicIp, inUseBy)
      await retryWhile(
        { for: 'the address to be free', deadlineMs: 60_000, clock: work.clock, signal: work.signal },
        (error) => isCode(error, 'InvalidIPAddress.InUse'),
        () => release(ec2, allocationId),
      )
    },
  }
}

export const addressActions = {
  observe: ['ec2:DescribeAddresses', 'ec2:DescribeAddressTransfers', 'ec2:DescribeInstances'],
  ensure: ['ec2:AllocateAddress', 'ec2:CreateTags', 'ec2:DisableAddressTransfer'],
  remove: ['ec2:DescribeAddresses', 'ec2:DescribeInstances', 'ec2:DisassociateAddress', 'ec2:ReleaseAddress'],
} as const satisfies ResourceActions

/** The quota is used up. Names addresses that are not in use and still cost. */
async function noneLeft(ec2: EC2Client, region: string, cause: unknown): Promise<LabError> {
  const { Addresses = [] } = await ec2.send(new DescribeAddressesCommand({}))
  const idle = Addresses.filter(({ AssociationId }) => !AssociationId)
  return new LabError({
    code: 'address-limit-exceeded',
    what: `The account’s quota of Elastic IPs in ${region} is used up.`,
    why: idle.length
      ? `It has ${Addresses.length}, of which ${idle.length} are not in use: ${idle.map(({ PublicIp }) => PublicIp).join(', ')}.`
      : `It has ${Addresses.length}, and all of them are in use.`,
    fix: [
      ...idle.slice(0, 1).map((one) => ({
        run: `aws ec2 release-address --region ${region} --allocation-id ${one.AllocationId}`,
        text: 'releases one that is not in use',
      })),
      `Request a higher quota: https://${region}.console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-0263D0A3`,
      'Or choose another region: --region <region>',
    ],
    fault: 'aws',
    requestId: requestIdOf(cause),
    cause,
  })
}

async function allocate({
  ec2Once,
  lab,
  name,
  creation,
}: {
  ec2Once: EC2Client
  lab: LabId
  name: string
  creation: string
}): Promise<{ allocationId: string; publicIp: string }> {
  const Tags = [
    { Key: 'Name', Value: name },
    { Key: tagKeys.protected, Value: 'true' },
    { Key: tagKeys.creation, Value: creation },
    ...tagsOf(lab),
  ]
  const made = await ec2Once.send(
    new AllocateAddressCommand({
      Domain: 'vpc',
      TagSpecifications: [{ ResourceType: 'elastic-ip', Tags }],
    }),
  )
  return { allocationId: made.AllocationId as string, publicIp: made.PublicIp as string }
}

/** Sets the tags that protect it and name its allocation. EC2 may not know a new address for a moment. */
async function tag(ec2: EC2Client, allocationId: string, { clock, signal }: EnsureContext): Promise<void> {
  const Tags = [
    { Key: tagKeys.protected, Value: 'true' },
    { Key: tagKeys.allocation, Value: allocationId },
  ]
  await retryWhile(
    { for: 'the address to be available', deadlineMs: 60_000, clock, signal },
    (error) => isCode(error, 'InvalidAllocationID.NotFound', 'InvalidElasticIpID.NotFound'),
    () => ec2.send(new CreateTagsCommand({ Resources: [allocationId], Tags })),
  )
}

/** What to do about an address that another instance uses. */
export const disassociate = (publicIp: string): string =>
  `aws ec2 disassociate-address --public-ip ${publicIp}`

export const usedElsewhere = (publicIp: string, inUseBy: string): LabError =>
  new LabError({
    code: 'address-in-use',
    what: `The lab’s Elastic IP ${publicIp} is in use by ${inUseBy}, which is not the lab’s.`,
    why: 'Moving or releasing it would disconnect that resource.',
    fix: [{ run: disassociate(publicIp), text: 'disassociates it there' }],
  })

async function pendingOffer(ec2: EC2Client, allocationId: string): Promise<string | undefined> {
  const found = await ignoreErrors(['InvalidAddress.NotFound', 'InvalidAllocationID.NotFound'], () =>
    ec2.send(new DescribeAddressTransfersCommand({ AllocationIds: [allocationId] })),
  )
  const offer = found?.AddressTransfers?.find((transfer) => transfer.AddressTransferStatus === 'pending')
  return offer && (offer.TransferAccountId ?? 'unknown')
}

/** Cancels the offer and checks that none is open; LabError `transfer-open`. */
async function cancelOffer(ec2: EC2Client, allocationId: string): Promise<void> {
  await ec2.send(new DisableAddressTransferCommand({ AllocationId: allocationId }))
  const still = await pendingOffer(ec2, allocationId)
  if (still) {
    throw new LabError({
      code: 'transfer-open',
      what: `The address is still offered to account ${still}, although the offer was cancelled.`,
      why: 'Someone may have offered it again.',
      fix: [
        {
          run: `aws ec2 disable-address-transfer --allocation-id ${allocationId}`,
          text: 'cancels the offer',
        },
      ],
      fault: 'aws',
    })
  }
}

/**
 * In a default VPC a release disassociates the address from any user, so it is checked once more. LabError
 * `address-in-use`. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html
 */
async function release(ec2: EC2Client, AllocationId: string): Promise<void> {
  const AllocationIds = [AllocationId]
  await ignoreErrors(['InvalidAllocationID.NotFound', 'InvalidAssociationID.NotFound'], async () => {
    const { Addresses: [found] = [] } = await ec2.send(new DescribeAddressesCommand({ AllocationIds }))
    const user = found && (await userOf(ec2, found))
    if (user) throw usedElsewhere(found.PublicIp ?? '', user)
    if (found?.AssociationId) {
      await ec2.send(new DisassociateAddressCommand({ AssociationId: found.AssociationId }))
    }
  })
  await ignoreErrors(['InvalidAllocationID.NotFound'], () =>
    ec2.send(new ReleaseAddressCommand({ AllocationId })),
  )
}

/**
 * What uses an address now. A terminated instance doesn't count, although AWS can show the association for a moment.
 */
async function userOf(ec2: EC2Client, found: Address): Promise<string | undefined> {
  if (!found.AssociationId) return undefined
  const { InstanceId } = found
  if (InstanceId === undefined) return found.NetworkInterfaceId ?? 'another resource'
  const [instance] = (await ignoreErrors(gone, () => describe(ec2, { InstanceIds: [InstanceId] }))) ?? []
  const state = instance?.State?.Name
  return state === undefined || state === 'shutting-down' || state === 'terminated' ? undefined : InstanceId
}

/** Checks with a dry run whether AWS would release the address. */
export async function releaseRefusal(ec2: EC2Client, allocationId: string): Promise<ReleaseRefusal> {
  try {
    await ec2.send(new ReleaseAddressCommand({ AllocationId: allocationId, DryRun: true }))
  } catch (error) {
    switch (codeOf(error)) {
      case 'DryRunOperation':
        return 'nothing'
      case 'UnauthorizedOperation':
        return 'policy'
      case 'InvalidAddress.PtrSet':
        return 'reverse-dns'
      default:
        // The dry run is for information only, so no other error may stop the command.
        return 'unknown'
    }
  }
  throw new LabError({
    code: 'dry-run-ignored',
    what: 'AWS carried out a call that was a dry run.',
    why: 'ReleaseAddress with DryRun answered success instead of DryRunOperation.',
    fault: 'aws',
  })
}
