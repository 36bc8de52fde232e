import type { AddressPolicyOptions } from '../app/address-policy.js'
import { defineCommand, type Only } from '../app/define-command.js'

export const addressPolicy = defineCommand({
  name: 'address policy',
  summary: 'Print or attach an IAM policy that denies releasing the address',
  examples: [
    ['address policy', 'print it'],
    ['address policy --attach-to-role Admin', 'attach it to an IAM role'],
  ],
  options: {
    'attach-to-user': { kind: 'word', value: '<user>', text: 'attach it to this IAM user' },
    'attach-to-role': { kind: 'word', value: '<role>', text: 'attach it to this IAM role' },
  },
  exits: { 3: 'no such lab' },
  callsAws: true,
  async run(options, context): Promise<number> {
    const { addressPolicyFor } = await import('../app/address-policy.js')
    const { showAddressPolicy } = await import('../ui/address-policy-view.js')
    showAddressPolicy(
      await addressPolicyFor(options satisfies Only<AddressPolicyOptions, typeof options>, context),
      context.ui,
    )
    return 0
  },
})
