import type { AddressPolicy } from '../app/address-policy.js'
import type { Ui } from './ui.js'

/** Prints the policy, or the user or role that it is attached to and how to detach it. */
export function showAddressPolicy({ policy, attachedTo }: AddressPolicy, ui: Ui): void {
  if (!attachedTo) {
    ui.result(JSON.stringify(policy, null, 2), policy)
    ui.emit({
      type: 'note',
      text: 'To attach it: --attach-to-user or --attach-to-role. An IAM Identity Center role can’t be edited: add the policy to its permission set or to a service control policy.',
    })
    return
  }
  const { kind, name, policyName } = attachedTo
  const undo = ui.hint({
    run: `aws iam delete-${kind}-policy --${kind}-name ${name} --policy-name ${policyName}`,
  })
  ui.result(
    `The ${kind} ${name} can't release the address now, not even with destroy --release-address. destroy keeps this policy.\n  ${undo}   detaches it`,
    { attachedTo: { kind, name }, policyName, undo, policy },
  )
}
