import { bedrockPolicy } from '../../bedrock/policy.js'
import type { PolicyDocument } from '../../core/policy.js'
import { cluster, type Plan } from './objects.js'

/** The name of the role and of its policy. */
export const roleName = ({ target, source }: Plan): string =>
  `LibreChat-${source.lab.name}-${target.namespace}`.slice(0, 64)
export const policyName = 'LibreChat'

/**
 * For EKS Pod Identity: this one service account of this namespace.
 * https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html
 */
const trust = ({ target }: Plan): object => ({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Service: 'pods.eks.amazonaws.com' },
      Action: ['sts:AssumeRole', 'sts:TagSession'],
      Condition: {
        StringEquals: {
          'aws:RequestTag/kubernetes-namespace': target.namespace,
          'aws:RequestTag/kubernetes-service-account': cluster.account,
        },
      },
    },
  ],
})

/** The models of the lab, and the bucket. */
function policy({ target, source }: Plan): PolicyDocument {
  const { partition } = source.lab
  const models = bedrockPolicy(partition, source.settings.profileArns)
  if (target.bucket === undefined) return models
  const bucket = `arn:${partition}:s3:::${target.bucket}`
  const allow = (Sid: string, Action: string[], Resource: string) => ({
    Sid,
    Effect: 'Allow' as const,
    Action,
    Resource,
  })
  return {
    ...models,
    Statement: [
      ...models.Statement,
      allow('Files', ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], `${bucket}/*`),
      allow('Bucket', ['s3:ListBucket'], bucket),
    ],
  }
}

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`

export const iamFiles = (plan: Plan): Map<string, string> =>
  new Map([
    ['iam/trust.json', json(trust(plan))],
    ['iam/policy.json', json(policy(plan))],
  ])
