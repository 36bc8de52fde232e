import type { Hint } from '../core/error.js'
import { isCode } from './errors.js'

interface Say {
  what: string
  why: string
  fix: (string | Hint)[]
}

const ownPolicy: Hint = { command: { path: 'policy' }, text: 'prints the least-privilege policy' }
const forThem: Hint = { command: { path: 'policy' }, text: 'prints the permissions to ask them for' }
const withTag: Hint = {
  command: { path: 'up', flags: { tag: ['<key>=<value>'] } },
  text: 'adds a tag to each resource that is created',
}

/**
 * The kinds of policy that can deny a call, as IAM names them in its message, and who can change each:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
const kinds: { names: RegExp; what: string; fix: (string | Hint)[] }[] = [
  {
    names: /service control policy/,
    what: 'A service control policy of your AWS organization denies a call.',
    fix: [
      'No permission in this account can override it. Ask the administrators of the organization to allow the call.',
      'If the policy only denies this region, use one that your organization allows: --region <region>',
      'If the policy requires tags on new resources:',
      withTag,
      forThem,
    ],
  },
  {
    names: /resource control policy/,
    what: 'A resource control policy of your AWS organization denies a call.',
    fix: [
      'No permission in this account can override it. Ask the administrators of the organization to allow the call.',
      forThem,
    ],
  },
  {
    names: /permissions boundary/,
    what: 'The permissions boundary of your identity does not allow a call.',
    fix: [
      'Other permissions can’t override it. Ask the person who manages the boundary to allow the call.',
      forThem,
    ],
  },
  {
    names: /session policy/,
    what: 'The session policy of your credentials does not allow a call.',
    fix: [
      'The policy was set when the session began. Sign in again without it, or with a wider one.',
      forThem,
    ],
  },
  {
    names: /VPC endpoint policy/,
    what: 'The policy of a VPC endpoint does not allow a call.',
    fix: ['Run the command from outside that network, or ask its administrators to allow the call.', forThem],
  },
]

/** The advice for a denied call; undefined for every other error. */
export function denialAdvice(error: Error): Say | undefined {
  const why = error.message
  if (/tag policy/i.test(why) || isCode(error, 'TagPolicyViolation*')) {
    return {
      what: 'A tag policy of your AWS organization does not allow the tags of a resource.',
      why,
      fix: ['Ask the administrators of the organization which values they allow.', withTag],
    }
  }
  if (!isCode(error, 'UnauthorizedOperation', 'AccessDenied*', 'AuthorizationError')) return undefined
  if (/MultiFactorAuthentication failed|invalid MFA one time pass code/i.test(why)) {
    return {
      what: 'AWS did not accept the MFA code.',
      why,
      fix: ['Run the same command again with the next code. Each code is accepted once.'],
    }
  }
  const kind = kinds.find(({ names }) => names.test(why))
  const boundary = /iam:(CreateRole|PutRolePolicy|AttachRolePolicy)/.test(why)
    ? ['If your account requires a permissions boundary on every role: --permissions-boundary <arn>']
    : []
  // https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/control-access-billing.html
  const billing = /budgets:/.test(why)
    ? [
        'Budgets also need the account setting “IAM user and role access to Billing information”, which only the root user can turn on, under Account.',
        'Without a budget: leave --budget out, or use --no-budget.',
      ]
    : []
  if (kind) return { what: kind.what, why, fix: [...boundary, ...kind.fix] }
  return {
    what: 'AWS denied a call: your identity lacks a permission.',
    why,
    fix: [ownPolicy, ...boundary, ...billing],
  }
}
