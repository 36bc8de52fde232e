import { type Address, accountId } from '../account.js'
import type { Answers } from '../answers.js'
import { mayTouchAddress } from '../caller.js'
import { found, Refusal } from '../refusal.js'
import { fromTags, tagsFor, type World } from '../world.js'
import { chosen, passes } from './filter.js'
import { addressOn } from './instance-view.js'
import { instanceOf } from './launch.js'

/** AWS's quota for a new account. */
const quota = 5

/** Foreign addresses that use up the quota, in the scenario. */
const othersOf = ({ scenario }: World): Record<string, Address> =>
  scenario === 'address-quota'
    ? Object.fromEntries(
        Array.from({ length: quota }, (_, i) => [
          `eipalloc-0000000000000000${i}`,
          { ip: `203.0.113.${i + 1}`, tags: {} },
        ]),
      )
    : {}

const addressOf = ({ here }: World, id: string | undefined): Address =>
  found(here.addresses, id, 'InvalidAllocationID.NotFound', `The allocation ID '${id}' does not exist`)

const transferView = (AllocationId: string, address: Address) => ({
  AllocationId,
  PublicIp: address.ip,
  AddressTransferStatus: address.transferTo ? ('pending' as const) : ('disabled' as const),
  ...(address.transferTo ? { TransferAccountId: address.transferTo } : {}),
})

export const addresses = {
  DescribeAccountAttributes(input) {
    const attributes = { 'vpc-max-elastic-ips': quota, 'max-elastic-ips': quota, 'max-instances': 20 }
    return {
      AccountAttributes: Object.entries(attributes)
        .filter(([name]) => input.AttributeNames?.includes(name as never) ?? true)
        .map(([AttributeName, value]) => ({
          AttributeName,
          AttributeValues: [{ AttributeValue: String(value) }],
        })),
    }
  },

  AllocateAddress(input, world) {
    const taken = Object.values(world.here.addresses).map(({ ip }) => ip)
    if (taken.length + Object.keys(othersOf(world)).length >= quota) {
      throw new Refusal('AddressLimitExceeded', 'The maximum number of addresses has been reached.')
    }
    const free = Array.from({ length: 250 }, (_, i) => `203.0.113.${i + 10}`).find(
      (ip) => !taken.includes(ip),
    )
    const AllocationId = world.id('eipalloc')
    world.here.addresses[AllocationId] = {
      ip: free ?? '',
      tags: tagsFor(input.TagSpecifications, 'elastic-ip'),
    }
    return {
      AllocationId,
      PublicIp: free,
      Domain: 'vpc',
      PublicIpv4Pool: 'amazon',
      NetworkBorderGroup: world.region,
    }
  },

  DescribeAddresses(input, world) {
    const { here, region } = world
    const all = chosen(
      { ...here.addresses, ...othersOf(world) },
      input.AllocationIds,
      'InvalidAllocationID.NotFound',
      'allocation ID',
    )
    const missing = input.PublicIps?.find((ip) => !all.some(([, address]) => address.ip === ip))
    if (missing) throw new Refusal('InvalidAddress.NotFound', `Address '${missing}' not found.`)
    return {
      Addresses: all
        .filter(([, address]) => input.PublicIps?.includes(address.ip) ?? true)
        .filter(([id, address]) =>
          passes(input.Filters, address.tags, {
            'allocation-id': id,
            'association-id': address.association,
            'instance-id': address.instance,
            'public-ip': address.ip,
            domain: 'vpc',
          }),
        )
        .map(([AllocationId, address]) => {
          const instance = address.instance ? here.instances[address.instance] : undefined
          return {
            AllocationId,
            PublicIp: address.ip,
            Domain: 'vpc' as const,
            PublicIpv4Pool: 'amazon',
            NetworkBorderGroup: region,
            ...(instance
              ? {
                  InstanceId: address.instance,
                  AssociationId: address.association,
                  NetworkInterfaceId: instance.interface,
                  NetworkInterfaceOwnerId: accountId,
                  PrivateIpAddress: instance.privateIp,
                }
              : {}),
            Tags: fromTags(address.tags),
          }
        }),
    }
  },

  AssociateAddress(input, world) {
    const address = addressOf(world, input.AllocationId)
    const id = input.InstanceId ?? ''
    const instance = instanceOf(world, id)
    if (instance.state !== 'running' && instance.state !== 'stopped') {
      throw new Refusal(
        'IncorrectInstanceState',
        `The pending-instance-creation instance to which '${instance.interface}' is attached is not in a valid state for this operation`,
      )
    }
    if (address.instance && address.instance !== id && input.AllowReassociation === false) {
      throw new Refusal(
        'Resource.AlreadyAssociated',
        `resource ${input.AllocationId} is already associated with associate-id ${address.association}`,
      )
    }
    const other = addressOn(world.here, id)?.[1]
    if (other && other !== address) {
      delete other.instance
      delete other.association
    }
    address.instance = id
    address.association = world.id('eipassoc')
    return { AssociationId: address.association }
  },

  DisassociateAddress(input, world) {
    const address = Object.values(world.here.addresses).find((one) => one.association === input.AssociationId)
    if (!address || !input.AssociationId) {
      throw new Refusal(
        'InvalidAssociationID.NotFound',
        `The association ID '${input.AssociationId}' does not exist`,
      )
    }
    delete address.instance
    delete address.association
    return {}
  },

  ReleaseAddress(input, world) {
    const address = addressOf(world, input.AllocationId)
    mayTouchAddress('ec2:ReleaseAddress', input.AllocationId ?? '', address.tags, world)
    if (address.reverse) {
      throw new Refusal(
        'InvalidAddress.PtrSet',
        `The address with allocation id ${input.AllocationId} cannot be released because a reverse DNS record is set.`,
      )
    }
    // In a default VPC a release also disassociates the address, so an address in use is not protected.
    delete world.here.addresses[input.AllocationId ?? '']
    return {}
  },

  DescribeAddressTransfers(input, { here }) {
    return {
      AddressTransfers: chosen(
        here.addresses,
        input.AllocationIds,
        'InvalidAllocationID.NotFound',
        'allocation ID',
      )
        .filter(([, address]) => address.transferTo)
        .map(([id, address]) => transferView(id, address)),
    }
  },

  DisableAddressTransfer(input, world) {
    const address = addressOf(world, input.AllocationId)
    if (!address.transferTo) {
      throw new Refusal(
        'InvalidAddress.NotTransferable',
        `The address ${address.ip} has no transfer that could be disabled.`,
      )
    }
    delete address.transferTo
    return { AddressTransfer: transferView(input.AllocationId ?? '', address) }
  },
} satisfies Answers<typeof import('@aws-sdk/client-ec2')>
