import { BedrockClient } from '@aws-sdk/client-bedrock'
import { BudgetsClient } from '@aws-sdk/client-budgets'
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch'
import { EC2Client } from '@aws-sdk/client-ec2'
import { IAMClient } from '@aws-sdk/client-iam'
import { SchedulerClient } from '@aws-sdk/client-scheduler'
import { SSMClient } from '@aws-sdk/client-ssm'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { LabError } from '../core/error.js'
import { attempts } from './attempts.js'
import type { Clients } from './clients.js'
import { type ClockOffset, shareClockOffset } from './clock-offset.js'
import { type Credentials, chooseCredentials } from './credentials.js'
import { type Internet, internet } from './internet.js'
import { agentsFor } from './proxy.js'
import { decodingRefusals } from './refusals.js'
import { checkedRegion, configuredRegion, homeRegion, partitionOf } from './region.js'

export type { Credentials } from './credentials.js'

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
  /** Where they come from: 'profile "work" (single sign-on)'; a rehearsal needs none. */
  readonly credentialSource?: string
  /** What the environment sets twice, and which value is used. */
  readonly credentialConflict?: string
  /** Updated by each of AWS's answers. */
  readonly clock: ClockOffset
  readonly internet: Internet
}

/** What a connection needs from outside. */
export interface Surroundings {
  env: NodeJS.ProcessEnv
  signal: AbortSignal
  /** Asks the user for a code of the MFA device `serial`; undefined without a terminal. */
  mfaCode?: ((serial: string) => Promise<string>) | undefined
}

export interface ConnectOptions {
  profile?: string
  region?: string
}

/**
 * Clients for the region and credentials that flags, environment and shared configuration give, flags first, and the
 * caller's identity (one call, unless `known` from a connection to another region). Throws LabError `no-region`,
 * `no-such-profile` and what the credentials lack; the SDK's errors pass through.
 * @param meanwhile gets the clients before the identity is known, so that other calls can run at the same time
 */
export async function connect(
  options: ConnectOptions,
  { env, signal, mfaCode }: Surroundings,
  known?: Connection,
  meanwhile?: (clients: Clients) => void,
): Promise<Connection> {
  const agents = await agentsFor(env)
  const requestHandler = new NodeHttpHandler({
    connectionTimeout: 10_000,
    requestTimeout: 60_000,
    // Without it, an exceeded timeout is only a warning.
    throwOnRequestTimeout: true,
    ...agents,
  })
  const wanted = await configuredRegion(options, env)
  if (known) {
    const region = checkedRegion(wanted ?? noRegion())
    const clients = clientsFor(region, known.credentials, requestHandler, known.clock, env)
    return { ...known, clients, region }
  }
  const given = { profile: options.profile, env, requestHandler, mfaCode, region: wanted }
  const { provide, source, conflict } = await chooseCredentials(given)
  const region = checkedRegion(wanted ?? noRegion())
  const clock: ClockOffset = { ms: 0 }
  const clients = clientsFor(region, provide, requestHandler, clock, env)
  const asked = clients.sts.send(new GetCallerIdentityCommand({}), { abortSignal: signal })
  meanwhile?.(clients)
  const identity = await asked
  const arn = identity.Arn ?? ''
  return {
    clients,
    region,
    account: identity.Account ?? '',
    arn,
    partition: arn.split(':')[1] || partitionOf(region),
    credentials: clients.sts.config.credentials,
    credentialSource: source,
    ...(conflict ? { credentialConflict: conflict } : {}),
    clock,
    internet: internet(env, signal, agents),
  }
}

function clientsFor(
  region: string,
  credentials: () => Promise<Credentials>,
  requestHandler: NodeHttpHandler,
  clock: ClockOffset,
  env: NodeJS.ProcessEnv,
): Clients {
  const shared = <Client extends { config: object }>(client: Client) => shareClockOffset(client, clock)
  const sts = shared(new STSClient({ region, credentials, requestHandler, ...attempts(8, env) }))
  // All clients share one cache of the credentials.
  const base = { region, credentials: sts.config.credentials, requestHandler }
  const config = () => ({ ...base, ...attempts(8, env) })
  const once = { ...base, maxAttempts: 1 }
  return {
    region,
    sts,
    ec2: decodingRefusals(shared(new EC2Client(config())), sts),
    // AllocateAddress knows no idempotency token, and a lack of capacity must be reported at once: one attempt.
    ec2Once: decodingRefusals(shared(new EC2Client(once)), sts),
    iam: shared(new IAMClient(config())),
    ssm: shared(new SSMClient(config())),
    scheduler: shared(new SchedulerClient(config())),
    bedrock: shared(new BedrockClient(config())),
    bedrockHome: shared(new BedrockClient({ ...config(), region: homeRegion(region) })),
    budgets: shared(new BudgetsClient(config())),
    cloudwatch: shared(new CloudWatchClient(config())),
  }
}

function noRegion(): never {
  throw new LabError({
    code: 'no-region',
    what: 'No AWS region is set.',
    why: 'Neither --region nor AWS_REGION nor your profile sets one.',
    fix: [
      'Run the same command with a region: --region us-east-1',
      { run: 'aws configure set region us-east-1', text: 'sets one for all commands' },
    ],
  })
}
