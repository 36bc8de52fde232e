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
import type { Resource } from '../engine/resource.js'
import { type LabId, ownedFilters, tagKeys, tagsOf } from './ownership.js'

export interface AddressState {
  allocationId: string
  publicIp: string
  protectedTag: boolean
  /** Where it points now. */
  instanceId?: string
  associationId?: string
  /** The account that a pending transfer offers it to. */
  offeredTo?: string
  /** More of this lab's addresses: leftovers of an answer that was lost. They cost, and nothing uses them. */
  spare: readonly { allocationId: string; publicIp: string }[]
}

/** What would refuse a release of the address right now: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html */
export type ReleaseRefusal = 'nothing' | 'policy' | 'reverse-dns' | 'unknown'

/** The lab's public address: what its certificate, cookies and bookmarks hang on. */
export function address(options: {
  ec2: EC2Client
  /** Without retries of its own: an allocation must not be sent twice unseen. */
  ec2Once: EC2Client
  lab: LabId
  name: string
  after: readonly Resource[]
}): Resource<AddressState> {
  const { ec2, ec2Once, lab } = options

  const look = async (): Promise<AddressState | undefined> => {
    const { Addresses = [] } = await ec2.send(new DescribeAddressesCommand({ Filters: ownedFilters(lab) }))
    const [first, ...spare] = [...Addresses].sort(byUse)
    if (!first?.AllocationId) return undefined
    const { AllocationId } = first
    const offer = await pendingOffer(ec2, AllocationId)
    return {
      allocationId: AllocationId,
      publicIp: first.PublicIp ?? '',
      protectedTag: first.Tags?.some((t) => t.Key === tagKeys.protected && t.Value === 'true') ?? false,
      ...(first.InstanceId ? { instanceId: first.InstanceId } : {}),
      ...(first.AssociationId ? { associationId: first.AssociationId } : {}),
      ...(offer ? { offeredTo: offer } : {}),
      spare: spare.map((a) => ({ allocationId: a.AllocationId ?? '', publicIp: a.PublicIp ?? '' })),
    }
  }

  return {
    name: 'Elastic IP',
    after: options.after,
    id: (state) => state.publicIp,
    observe: look,

    changes(state) {
      if (!state) return [{ what: 'protection', to: 'tag, and no transfer offered' }]
      return [
        ...(state.protectedTag ? [] : [{ what: 'protecting tag', from: 'missing', to: 'true' }]),
        ...(state.offeredTo
          ? [{ what: 'transfer', from: `offered to account ${state.offeredTo}`, to: 'cancelled' }]
          : []),
        ...state.spare.map(({ publicIp }) => ({
          what: 'unused second address',
          from: publicIp,
          to: 'released',
        })),
      ]
    },

    async ensure(before, work) {
      // Nothing in AllocateAddress tells a repeat from a second wish: look again right before it.
      const state = before ?? (await look())
      if (!state) {
        const made = await ec2Once
          .send(
            new AllocateAddressCommand({
              Domain: 'vpc',
              TagSpecifications: [
                {
                  ResourceType: 'elastic-ip',
                  Tags: [
                    { Key: 'Name', Value: options.name },
                    { Key: tagKeys.protected, Value: 'true' },
                    ...tagsOf(lab),
                  ],
                },
              ],
            }),
          )
          .catch(async (error) => {
            // The answer was lost, and it may be a moment before an address shows: look before another try.
            if (isOutcomeUnknown(error)) await work.clock.sleep(2_000, work.signal)
            throw isCode(error, 'AddressLimitExceeded') ? await noneLeft(ec2, lab.region, error) : error
          })
        return {
          allocationId: made.AllocationId as string,
          publicIp: made.PublicIp as string,
          protectedTag: true,
          spare: [],
        }
      }
      const { allocationId } = state
      await Promise.all([
        !state.protectedTag &&
          ec2.send(
            new CreateTagsCommand({
              Resources: [allocationId],
              Tags: [{ Key: tagKeys.protected, Value: 'true' }],
            }),
          ),
        state.offeredTo && cancelOffer(ec2, allocationId),
        ...state.spare.map((spare) => release(ec2, spare.allocationId)),
      ])
      const { offeredTo: _, ...rest } = state
      return { ...rest, protectedTag: true, spare: [] }
    },

    async remove(state, work) {
      for (const { allocationId } of [state, ...state.spare]) {
        await retryWhile(
          { for: 'the address to be free', deadlineMs: 60_000, clock: work.clock, signal: work.signal },
          (error) => isCode(error, 'InvalidIPAddress.InUse'),
          () => release(ec2, allocationId),
        )
      }
    },

    actions: {
      observe: ['ec2:DescribeAddresses', 'ec2:DescribeAddressTransfers'],
      ensure: [
        'ec2:AllocateAddress',
        'ec2:CreateTags',
        'ec2:DisableAddressTransfer',
        'ec2:DisassociateAddress',
        'ec2:ReleaseAddress',
      ],
      remove: ['ec2:DescribeAddresses', 'ec2:DisassociateAddress', 'ec2:ReleaseAddress'],
    },
  }
}

/** The quota is used up: what the person can do, with the addresses that cost and serve nothing. */
async function noneLeft(ec2: EC2Client, region: string, cause: unknown): Promise<LabError> {
  const { Addresses = [] } = await ec2.send(new DescribeAddressesCommand({}))
  const idle = Addresses.filter(({ AssociationId }) => !AssociationId)
  return new LabError({
    code: 'address-limit-exceeded',
    what: `Your account may not have another Elastic IP in ${region}: the quota is used up.`,
    why: idle.length
      ? `It has ${Addresses.length}, and ${idle.length} of them are in use nowhere: ${idle.map(({ PublicIp }) => PublicIp).join(', ')}.`
      : `It has ${Addresses.length}, and all are in use.`,
    fix: [
      ...idle
        .slice(0, 1)
        .map(
          (one) =>
            `Release one: aws ec2 release-address --region ${region} --allocation-id ${one.AllocationId}`,
        ),
      `Raise it: https://${region}.console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-0263D0A3`,
      'Or choose another region: --region <region>',
    ],
    fault: 'aws',
    requestId: requestIdOf(cause),
    cause,
  })
}

/** The one in use first, then by allocation, so that every run keeps the same one. */
const byUse = (a: Address, b: Address) =>
  Number(!a.AssociationId) - Number(!b.AssociationId) ||
  (a.AllocationId ?? '').localeCompare(b.AllocationId ?? '')

async function pendingOffer(ec2: EC2Client, allocationId: string): Promise<string | undefined> {
  const found = await ignoreErrors(['InvalidAddress.NotFound', 'InvalidAllocationID.NotFound'], () =>
    ec2.send(new DescribeAddressTransfersCommand({ AllocationIds: [allocationId] })),
  )
  const offer = found?.AddressTransfers?.find((transfer) => transfer.AddressTransferStatus === 'pending')
  return offer && (offer.TransferAccountId ?? 'unknown')
}

/** Cancels the offer and sees that none is open; LabError `transfer-open`. */
async function cancelOffer(ec2: EC2Client, allocationId: string): Promise<void> {
  await ec2.send(new DisableAddressTransferCommand({ AllocationId: allocationId }))
  const still = await pendingOffer(ec2, allocationId)
  if (still) {
    throw new LabError({
      code: 'transfer-open',
      what: `The address is still offered to account ${still}, although the offer was cancelled.`,
      why: 'Somebody may have offered it again.',
      fix: [`aws ec2 disable-address-transfer --allocation-id ${allocationId}`],
      fault: 'aws',
    })
  }
}

async function release(ec2: EC2Client, AllocationId: string): Promise<void> {
  const { Addresses: [found] = [] } =
    (await ignoreErrors(['InvalidAllocationID.NotFound'], () =>
      ec2.send(new DescribeAddressesCommand({ AllocationIds: [AllocationId] })),
    )) ?? {}
  if (found?.AssociationId) {
    const { AssociationId } = found
    await ignoreErrors(['InvalidAssociationID.NotFound'], () =>
      ec2.send(new DisassociateAddressCommand({ AssociationId })),
    )
  }
  await ignoreErrors(['InvalidAllocationID.NotFound'], () =>
    ec2.send(new ReleaseAddressCommand({ AllocationId })),
  )
}

/** Asks AWS with a dry run whether it would release the address. */
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
        // The dry run only informs: whatever else AWS answers must not end a run that otherwise works.
        return 'unknown'
    }
  }
  throw new LabError({
    code: 'dry-run-ignored',
    what: 'AWS carried out a dry run as if it were meant.',
    why: 'ReleaseAddress with DryRun answered success instead of DryRunOperation.',
    fault: 'aws',
  })
}
