import { randomBytes, randomUUID } from 'node:crypto'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { BedrockClient } from '@aws-sdk/client-bedrock'
import { BudgetsClient } from '@aws-sdk/client-budgets'
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch'
import { EC2Client } from '@aws-sdk/client-ec2'
import { IAMClient } from '@aws-sdk/client-iam'
import { SchedulerClient } from '@aws-sdk/client-scheduler'
import { SSMClient } from '@aws-sdk/client-ssm'
import { STSClient } from '@aws-sdk/client-sts'
import type { Clients } from '../aws/clients.js'
import type { Connection } from '../aws/connect.js'
import type { Internet } from '../aws/internet.js'
import { decodingRefusals } from '../aws/refusals.js'
import { checkedRegion, isListedRegion, partitionOf } from '../aws/region.js'
import { type Clock, systemClock } from '../core/clock.js'
import { LabError } from '../core/error.js'
import { type Account, accountId, callerArn, type Session } from './account.js'
import { Agent } from './agent.js'
import type { Purpose } from './agent-channel.js'
import { portPurpose } from './agent-port.js'
import { commandPurpose, shellPurpose } from './agent-shell.js'
import { transferPort, transferStandIn } from './backups.js'
import { settleInstances } from './ec2/instances.js'
import { freshRegion, withoutDefaultVpc } from './ec2/network.js'
import { type Ask, intercept, type Service } from './intercept.js'
import { interfere } from './interfere.js'
import { standInFor } from './page.js'
import { Refusal } from './refusal.js'
import { settleCommands } from './run-command.js'
import { type Scenario, scenarioOf } from './scenarios.js'
import { services } from './services.js'
import { settleSessions } from './sessions.js'
import { Store } from './store.js'
import { speedWith, usualSpeed, type World } from './world.js'

/** The user's simulated public address, which is no longer assigned (RFC 7526). */
const personsAddress = '192.88.99.7'

/** The duration of a call, in milliseconds; in AWS it is about five times as long. */
const latencyMs = 15

export interface RehearsalOptions {
  region: string
  /** The account's file. */
  statePath: string
  scenario?: Scenario | undefined
  /** Real time, so that running operations continue between two commands. */
  clock?: Clock
  speed?: number
}

/** The connection to an account in memory that `--rehearse` asks for; no call of its clients leaves the machine. */
export async function rehearsalConnection(
  options: { region?: string; scenario?: string },
  env: NodeJS.ProcessEnv,
  clock: Clock = systemClock,
): Promise<Connection> {
  const scenario = scenarioOf(options.scenario)
  const region = rehearsedRegion(options.region || env.AWS_REGION || env.AWS_DEFAULT_REGION || 'us-east-1')
  const played = await rehearse({
    region,
    statePath: statePath(env),
    scenario,
    clock,
    speed: speedWith(env),
  })
  const credentials = async () => rehearsalCredentials
  return {
    ...played,
    region,
    account: accountId,
    arn: callerArn,
    partition: 'aws',
    credentials,
    clock: { ms: 0 },
  }
}

/** An account belongs to one partition, and this one's has the commercial regions; LabError `bad-region`. */
function rehearsedRegion(text: string): string {
  const region = checkedRegion(text)
  if (isListedRegion(region) && partitionOf(region) === 'aws') return region
  throw new LabError({
    code: 'bad-region',
    what: `The rehearsal has no region ${region}.`,
    why: isListedRegion(region)
      ? 'Its account has AWS’s commercial regions only.'
      : 'AWS’s list of regions does not contain it.',
    fix: ['For example: --region us-east-1'],
  })
}

/** The directory for the state of the user's programs: https://specifications.freedesktop.org/basedir-settings */
function statePath(env: NodeJS.ProcessEnv): string {
  const folder =
    process.platform === 'win32'
      ? (env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'))
      : env.XDG_STATE_HOME || join(env.HOME || homedir(), '.local', 'state')
  return join(folder, 'librechat-lab', 'rehearsal.json')
}

const rehearsalCredentials = { accessKeyId: 'AKIAREHEARSAL', secretAccessKey: 'rehearsal' }

/** The SDK's own clients, answered by the rehearsal account, and what the lab looks like from outside. */
export async function rehearse(options: RehearsalOptions): Promise<Pick<Connection, 'clients' | 'internet'>> {
  const { region } = options
  const config = {
    region,
    credentials: rehearsalCredentials,
    maxAttempts: 8,
    // A request that is not intercepted would fail here.
    requestHandler: { handle: () => Promise.reject(new Error('A rehearsal makes no calls to the network.')) },
  }
  const { ask, internet } = await openAccount(options)
  const played = <Client extends Parameters<typeof intercept>[0]>(client: Client, service: Service) =>
    intercept(client, service, ask, randomUUID)
  const sts = played(new STSClient(config), services.sts)
  const clients: Clients = {
    region,
    ec2: decodingRefusals(played(new EC2Client(config), services.ec2), sts),
    ec2Once: decodingRefusals(played(new EC2Client({ ...config, maxAttempts: 1 }), services.ec2), sts),
    iam: played(new IAMClient(config), services.iam),
    ssm: played(new SSMClient(config), services.ssm),
    scheduler: played(new SchedulerClient(config), services.scheduler),
    sts,
    bedrock: played(new BedrockClient(config), services.bedrock),
    budgets: played(new BudgetsClient(config), services.budgets),
    cloudwatch: played(new CloudWatchClient(config), services.cloudwatch),
    bedrockHome: played(new BedrockClient({ ...config, region: 'us-east-1' }), services.bedrock),
  }
  return { clients, internet }
}

/** The account: every call is one transaction, after time has passed. */
async function openAccount(options: RehearsalOptions): Promise<{ ask: Ask; internet: Internet }> {
  const { region, scenario, statePath, clock = systemClock, speed = usualSpeed } = options
  const store = new Store(statePath, clock)
  const memory = new Map<string, string>()
  const id = (prefix: string) => `${prefix}-${randomBytes(9).toString('hex').slice(0, 17)}`
  const agent = new Agent(
    (session) => store.change((account) => account.regions[region]?.sessions[session]),
    purposeOf,
  )

  const worldOf = (account: Account, streamUrl: string): World => {
    const now = clock.now()
    account.regions[region] ??= freshRegion({ region, id })
    const here = account.regions[region]
    return { account, region, here, scenario, memory, now, after: (ms) => now + ms / speed, id, streamUrl }
  }

  await store.change((account) => {
    const { here } = worldOf(account, '')
    if (scenario === 'no-default-vpc') withoutDefaultVpc(here)
  })

  const ask: Ask = async (service, call, input) => {
    await clock.sleep(latencyMs)
    interfere(scenario, service.name, call, memory)
    const answer = service.answers[call]
    if (!answer)
      throw new Refusal('InvalidAction', `The rehearsal account has no answer to ${service.name}:${call}.`)
    const streamUrl = /^(Start|Resume)Session$/.test(call) ? await agent.listen() : ''
    return store.change((account) => {
      const world = worldOf(account, streamUrl)
      settleInstances(world.here, world.now)
      settleCommands(world)
      settleSessions(world)
      const output = answer(input as never, world)
      // A transaction that throws changes nothing, so a dry run can be a run.
      if ((input as { DryRun?: boolean }).DryRun) {
        throw new Refusal('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412)
      }
      return output
    })
  }

  const internet: Internet = {
    publicAddress: async () => personsAddress,
    answers: (address, port) => store.change((account) => isReached(worldOf(account, ''), address, port)),
  }
  return { ask, internet }
}

/** How the instance's agent handles a session, depending on its document. */
function purposeOf({ document, parameters }: Session): Purpose {
  const port = parameters.portNumber?.[0] ?? ''
  if (document === 'AWS-StartPortForwardingSession')
    return portPurpose(port, () => (port === transferPort ? transferStandIn() : standInFor(port)))
  const command = parameters.command?.[0]
  return command ? commandPurpose(command) : shellPurpose()
}

/** Whether a port of the lab answers: its stack runs, and its group allows the user. */
function isReached({ here }: World, ip: string, port: number): boolean {
  const address = Object.values(here.addresses).find((one) => one.ip === ip)
  const instance = address?.instance ? here.instances[address.instance] : undefined
  if (instance?.state !== 'running' || !instance.host.release) return false
  const rules = instance.groups.flatMap((group) => here.groups[group]?.rules ?? [])
  return rules.some(
    ({ egress, from = 0, to = 65_535, cidr4 }) =>
      !egress && from <= port && port <= to && [`${personsAddress}/32`, '0.0.0.0/0'].includes(cidr4 ?? ''),
  )
}
