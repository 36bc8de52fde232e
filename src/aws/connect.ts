import { BedrockClient } from '@aws-sdk/client-bedrock'
import { EC2Client } from '@aws-sdk/client-ec2'
import { IAMClient } from '@aws-sdk/client-iam'
import { SSMClient } from '@aws-sdk/client-ssm'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { LabError } from '../core/error.js'
import type { Clients } from './clients.js'
import { type Internet, internet } from './internet.js'
import { proxyAgents } from './proxy.js'
import { decodingRefusals } from './refusals.js'
import { checkedRegion, configuredRegion } from './region.js'

export interface Credentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}

/** Who calls AWS, and where. */
export interface Connection {
  readonly clients: Clients
  readonly region: string
  readonly account: string
  /** The caller: "arn:aws:iam::123456789012:user/me". */
  readonly arn: string
  /** "aws", "aws-us-gov", "aws-cn". */
  readonly partition: string
  /** Fresh credentials at each call: they may expire within a long session. */
  readonly credentials: () => Promise<Credentials>
  readonly internet: Internet
}

export interface ConnectOptions {
  profile?: string
  region?: string
}

/**
 * Clients for the region and credentials that flags, environment and shared configuration give, flags first,
 * and the caller's identity (one call, unless `known` from a connection to another region). Throws LabError
 * `no-region`; the SDK's errors pass through.
 * @param meanwhile told the clients before the answer about the identity is there, to ask at the same time
 */
export async function connect(
  options: ConnectOptions,
  { env, signal }: { env: NodeJS.ProcessEnv; signal: AbortSignal },
  known?: Connection,
  meanwhile?: (clients: Clients) => void,
): Promise<Connection> {
  const { profile } = options
  const agents = await proxyAgents(env)
  const shared = {
    ...(profile ? { profile } : {}),
    maxAttempts: 8,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: 10_000,
      requestTimeout: 60_000,
      // Without it a deadline that has passed is only warned of.
      throwOnRequestTimeout: true,
      ...agents,
    }),
  }
  const region = await regionOf(options, env)
  const sts = new STSClient({ ...shared, region, ...(known ? { credentials: known.credentials } : {}) })
  const withCredentials = { ...shared, region, credentials: sts.config.credentials }
  const clients: Clients = {
    region,
    sts,
    ec2: decodingRefusals(new EC2Client(withCredentials), sts),
    // AllocateAddress knows no idempotency token, and a lack of capacity must be heard at once: one attempt.
    ec2Once: decodingRefusals(new EC2Client({ ...withCredentials, maxAttempts: 1 }), sts),
    iam: new IAMClient(withCredentials),
    ssm: new SSMClient(withCredentials),
    bedrock: new BedrockClient(withCredentials),
    bedrockHome: new BedrockClient({ ...withCredentials, region: 'us-east-1' }),
  }
  if (known) return { ...known, clients, region }
  const asked = sts.send(new GetCallerIdentityCommand({}), { abortSignal: signal })
  meanwhile?.(clients)
  const identity = await asked
  const arn = identity.Arn ?? ''
  return {
    clients,
    region,
    account: identity.Account ?? '',
    arn,
    partition: arn.split(':')[1] || 'aws',
    credentials: sts.config.credentials,
    internet: internet(env, signal),
  }
}

/** The region that flags, environment and shared configuration give, in this order; LabError `no-region`. */
async function regionOf(options: ConnectOptions, env: NodeJS.ProcessEnv): Promise<string> {
  const region = await configuredRegion(options, env)
  if (!region) {
    throw new LabError({
      code: 'no-region',
      what: 'No AWS region was given.',
      why: 'Neither --region nor AWS_REGION nor your profile names one.',
      fix: ['librechat-lab up --region us-east-1', 'Or once for good: aws configure set region us-east-1'],
    })
  }
  return checkedRegion(region)
}
