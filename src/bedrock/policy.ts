import type { PolicyDocument } from '../core/policy.js'
import type { Model } from './model.js'

/** Converse needs the first, ConverseStream the second; LibreChat calls nothing else. */
const INVOKE = ['bedrock:InvokeModel', 'bedrock:InvokeModelWithResponseStream']

/**
 * The inference profiles that the role can call, besides the foundation models. A profile also needs permission for
 * its model in every region that can answer. The policy's first statement already allows those, except the ARN
 * without a region that a global profile uses. It is listed here, because it is undocumented whether `*` matches an
 * empty region. Source: "Prerequisites for inference profiles" and "Global cross-Region inference", Amazon Bedrock
 * user guide.
 */
export function profileArnsOf(chosen: readonly Model[]): string[] {
  const profiles = chosen.flatMap((model) => model.profile ?? [])
  const regionless = profiles.flatMap(({ models }) => models.filter((arn) => arn.split(':')[3] === ''))
  return [...new Set([...profiles.map(({ arn }) => arn), ...regionless])].sort()
}

/**
 * The policy that allows the instance's role to call the lab's models.
 * @param partition "aws", "aws-us-gov", "aws-cn"
 * @param profileArns from `profileArnsOf`
 */
export function bedrockPolicy(partition: string, profileArns: readonly string[]): PolicyDocument {
  const allow = (Sid: string, Resource: string | string[]) => ({
    Sid,
    Effect: 'Allow' as const,
    Action: [...INVOKE],
    Resource,
  })
  return {
    Version: '2012-10-17',
    Statement: [
      allow('FoundationModels', `arn:${partition}:bedrock:*::foundation-model/*`),
      ...(profileArns.length > 0 ? [allow('ChosenProfiles', [...profileArns])] : []),
    ],
  }
}
