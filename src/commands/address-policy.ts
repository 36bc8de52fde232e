import { PutRolePolicyCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam'
import type { Run } from '../app/context.js'
import { type OpenLab, openLab } from '../app/open-lab.js'
import { LabError } from '../core/error.js'
import { identifyLab } from '../lab/find.js'
import { denyRelease } from '../lab/protection.js'

interface AddressPolicyOptions {
  attachToUser?: string
  attachToRole?: string
}

/** Prints the policy that refuses a release of the lab's address, or attaches it to a user or a role. */
export const run: Run<AddressPolicyOptions> = async (options, context) => {
  const { ui } = context
  const open = await openLab(options, context, { anySpec: true })
  const policy = denyRelease(open.lab, await allocationOf(open))
  const target = targetOf(options)
  if (!target) {
    ui.result(JSON.stringify(policy, null, 2), policy)
    ui.emit({
      type: 'note',
      text: 'Attach it: --attach-to-user or --attach-to-role. A role of single sign-on can’t be edited: put it into its permission set, or into an organisation’s service control policy.',
    })
    return 0
  }
  const PolicyName = `LibreChatLabProtectAddress-${open.lab.name}`
  const PolicyDocument = JSON.stringify(policy)
  const { iam } = open.clients
  await (target.kind === 'user'
    ? iam.send(new PutUserPolicyCommand({ UserName: target.name, PolicyName, PolicyDocument }))
    : iam.send(new PutRolePolicyCommand({ RoleName: target.name, PolicyName, PolicyDocument })))
  const undo = `aws iam delete-${target.kind}-policy --${target.kind}-name ${target.name} --policy-name ${PolicyName}`
  ui.result(
    `The ${target.kind} ${target.name} can't release the address any more, destroy --release-address included.\n  ${undo}   lifts it; destroy leaves it where it is`,
    { attachedTo: target, policyName: PolicyName, undo, policy },
  )
  return 0
}

function targetOf({ attachToUser, attachToRole }: AddressPolicyOptions) {
  if (attachToUser !== undefined && attachToRole !== undefined) {
    throw new LabError({ code: 'bad-usage', what: 'Name a user or a role, one at a time.' })
  }
  const name = attachToUser ?? attachToRole
  if (name === undefined) return undefined
  const kind = attachToUser !== undefined ? ('user' as const) : ('role' as const)
  if (!/^[\w+=,.@-]{1,64}$/.test(name)) {
    throw new LabError({
      code: 'bad-usage',
      what: `${JSON.stringify(name.slice(0, 80))} is not the name of an IAM ${kind}.`,
    })
  }
  if (name.startsWith('AWSReservedSSO_')) {
    throw new LabError({
      code: 'sso-role',
      what: `${name} is a role of single sign-on, which can't be edited.`,
      fix: ['Put the policy into its permission set: librechat-lab address policy prints it'],
    })
  }
  return { kind, name }
}

async function allocationOf({ clients, lab, stored }: OpenLab): Promise<string> {
  const { address } = await identifyLab(clients, lab, stored)
  if (address?.AllocationId) return address.AllocationId
  throw new LabError({
    code: 'no-such-lab',
    what: `The lab "${lab.name}" in ${lab.region} has no Elastic IP.`,
    fix: ['librechat-lab up   makes one'],
    exitCode: 3,
  })
}
