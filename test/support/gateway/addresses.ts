import { DescribeAddressesCommand } from '@aws-sdk/client-ec2'
import type { Witness } from '../clients.js'
import { type Call, list } from './call.js'
import type { Supplement } from './gateway.js'
import { type Answer, ec2Answer, errorAnswer } from './wire.js'

interface Transfer {
  account: string
  status: 'pending' | 'disabled'
}

/** What moto lacks about Elastic IPs: transfers to another account, reverse DNS. */
export interface Addresses extends Supplement {
  /** Offers an address to another account, as somebody in the account might. */
  offer(allocationId: string, account: string): void
  /** The open offer for an address: the account that may take it. */
  offered(allocationId: string): string | undefined
  /** Sets reverse DNS, which locks an address against release. */
  setReverseDns(allocationId: string, domain: string): void
}

export function addresses(witness: (region: string) => Witness): Addresses {
  const transfers = new Map<string, Transfer>()
  const domains = new Map<string, string>()
  const item = async (call: Call, id: string): Promise<string> => {
    const transfer = transfers.get(id)
    const { Addresses: found } = await witness(call.region).ec2.send(
      new DescribeAddressesCommand({ AllocationIds: [id] }),
    )
    const expires = new Date(call.at + 7 * 86_400_000).toISOString()
    return (
      `<publicIp>${found?.[0]?.PublicIp}</publicIp><allocationId>${id}</allocationId>` +
      `<transferAccountId>${transfer?.account}</transferAccountId>` +
      `<transferOfferExpirationTimestamp>${expires}</transferOfferExpirationTimestamp>` +
      `<addressTransferStatus>${transfer?.status}</addressTransferStatus>`
    )
  }

  const answers: Record<string, (call: Call) => Promise<Answer> | Answer | undefined> = {
    async DescribeAddressTransfers(call) {
      const asked = list(call.params, 'AllocationId')
      const ids = [...transfers.keys()].filter((id) => asked.length === 0 || asked.includes(id))
      const items = await Promise.all(ids.map(async (id) => `<item>${await item(call, id)}</item>`))
      return ec2Answer(call, `<addressTransferSet>${items.join('')}</addressTransferSet>`)
    },
    async EnableAddressTransfer(call) {
      const id = String(call.params.AllocationId)
      transfers.set(id, { account: String(call.params.TransferAccountId), status: 'pending' })
      return ec2Answer(call, `<addressTransfer>${await item(call, id)}</addressTransfer>`)
    },
    async DisableAddressTransfer(call) {
      const id = String(call.params.AllocationId)
      const transfer = transfers.get(id)
      if (transfer?.status !== 'pending') {
        return errorAnswer(call, 'InvalidTransfer.NotFound', `There is no transfer of ${id}.`)
      }
      transfers.set(id, { ...transfer, status: 'disabled' })
      return ec2Answer(call, `<addressTransfer>${await item(call, id)}</addressTransfer>`)
    },
    ReleaseAddress(call) {
      const id = String(call.params.AllocationId)
      const domain = domains.get(id)
      if (domain)
        return errorAnswer(call, 'InvalidAddress.PtrSet', `The address ${id} has a PTR record: ${domain}`)
      return undefined
    },
    async DescribeAddressesAttribute(call) {
      const ids = list(call.params, 'AllocationId')
      const items = ids.map((id) => {
        const domain = domains.get(id)
        return `<item><allocationId>${id}</allocationId>${domain ? `<ptrRecord>${domain}.</ptrRecord>` : ''}</item>`
      })
      return ec2Answer(call, `<addressSet>${items.join('')}</addressSet>`)
    },
  }

  return {
    before: (call) => (call.service === 'ec2' ? answers[call.action]?.(call) : undefined),
    offer: (id, account) => void transfers.set(id, { account, status: 'pending' }),
    offered: (id) => (transfers.get(id)?.status === 'pending' ? transfers.get(id)?.account : undefined),
    setReverseDns: (id, domain) => void domains.set(id, domain),
  }
}
