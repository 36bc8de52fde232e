/** Condition operator → condition key → the value or values that it accepts. */
export type PolicyConditions = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>

interface PolicyStatement {
  readonly Sid?: string
  readonly Effect: 'Allow' | 'Deny'
  readonly Action: string | readonly string[]
  readonly Resource?: string | readonly string[]
  readonly Principal?: Readonly<Record<string, string>>
  readonly Condition?: PolicyConditions
}

/** An IAM policy document: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html */
export interface PolicyDocument {
  readonly Version: '2012-10-17'
  readonly Statement: readonly PolicyStatement[]
}

/**
 * What IAM counts against its limits, without whitespace.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 */
export const policySize = (document: PolicyDocument): number =>
  JSON.stringify(document).replace(/\s/g, '').length

/** Characters in one managed policy. */
export const MANAGED_POLICY_LIMIT = 6_144

/** Characters in all inline policies of a role together. */
export const ROLE_INLINE_LIMIT = 10_240
