import { PutRolePolicyCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam'
import { LabError } from '../core/error.js'
import type { PolicyDocument } from '../core/policy.js'
import { identifyLab } from '../lab/find.js'
import { denyRelease } from '../lab/protection.js'
import type { Context, GlobalOptions } from './context.js'
import { type OpenLab, openLab } from './open-lab.js'

export interface AddressPolicyOptions {
  attachToUser?: string
  attachToRole?: string
}

export interface AddressPolicy {
  policy: PolicyDocument
  /** The IAM user or role that it is attached to. */
  attachedTo?: { kind: 'user' | 'role'; name: string; policyName: string }
}

/**
 * The policy that denies releasing the lab's address, attached to a user or a role where one is named. LabError
 * `no-such-lab`, `bad-usage`, `sso-role`.
 */
export async function addressPolicyFor(
  options: AddressPolicyOptions & GlobalOptions,
  context: Context,
): Promise<AddressPolicy> {
  const target = targetOf(options)
  const open = await openLab(options, context, { anySpec: true })
  const policy = denyRelease(open.lab, await allocationOf(open))
  if (!target) return { policy }
  const policyName = `LibreChatLabProtectAddress-${open.lab.name}`
  const { iam } = open.clients
  const input = { PolicyName: policyName, PolicyDocument: JSON.stringify(policy) }
  await (target.kind === 'user'
    ? iam.send(new PutUserPolicyCommand({ UserName: target.name, ...input }))
    : iam.send(new PutRolePolicyCommand({ RoleName: target.name, ...input })))
  return { policy, attachedTo: { ...target, policyName } }
}

function targetOf({ attachToUser, attachToRole }: AddressPolicyOptions) {
  if (attachToUser !== undefined && attachToRole !== undefined) {
    throw new LabError({ code: 'bad-usage', what: 'Name either a user or a role.' })
  }
  const name = attachToUser ?? attachToRole
  if (name === undefined) return undefined
  const kind = attachToUser !== undefined ? ('user' as const) : ('role' as const)
  if (!/^[\w+=,.@-]{1,64}$/.test(name)) {
    throw new LabError({
      code: 'bad-usage',
      what: `${JSON.stringify(name.slice(0, 80))} is not a valid name of an IAM ${kind}.`,
    })
  }
  if (name.startsWith('AWSReservedSSO_')) {
    throw new LabError({
      code: 'sso-role',
      what: `${name} belongs to IAM Identity Center and can't be edited.`,
      fix: [
        {
          command: { path: 'address policy' },
          text: 'prints the policy; add it to the role’s permission set',
        },
      ],
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
    fix: [{ command: { path: 'up' }, text: 'creates one' }],
    exitCode: 3,
  })
}
