import { randomInt, randomUUID } from 'node:crypto'
import {
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateRouteCommand,
  DescribeRouteTablesCommand,
  DescribeVpcsCommand,
} from '@aws-sdk/client-ec2'
import { CreateAccessKeyCommand, CreateUserCommand } from '@aws-sdk/client-iam'
import { AssumeRoleCommand } from '@aws-sdk/client-sts'
import { type Credentials, type Witness, witnesses } from './clients.js'
import { type Addresses, addresses } from './gateway/addresses.js'
import { type AccountKind, bedrockControlPlane } from './gateway/bedrock.js'
import { refusalOf } from './gateway/bedrock-runtime.js'
import { type Budgets, budgets, metrics } from './gateway/budgets.js'
import type { Call } from './gateway/call.js'
import { copies } from './gateway/copies.js'
import { corrections } from './gateway/corrections.js'
import { Gateway, type Supplement } from './gateway/gateway.js'
import { type Instances, instances } from './gateway/instances.js'
import { type Ledger, ledger } from './gateway/ledger.js'
import { managedInstances } from './gateway/managed.js'
import { dryRuns, type Permissions, permissions } from './gateway/permissions.js'
import { propagation, type Slowness } from './gateway/propagation.js'
import { runCommand } from './gateway/runcommand.js'
import { type Schedules, schedules } from './gateway/scheduler.js'
import { type Hosts, hosts } from './host.js'
import type { Moto } from './moto-server.js'

/** The name of the IAM user whose keys the program is given. */
export const operator = 'operator'

/** An AWS account of a test's own, with nothing in it but a default VPC that works, and the operator. */
export interface Account {
  readonly id: string
  readonly gateway: Gateway
  /** Where the program is to find AWS. */
  readonly endpoint: string
  readonly credentials: Credentials
  readonly slowness: Slowness & { agent: number }
  readonly addresses: Addresses
  readonly instances: Instances
  readonly permissions: Permissions
  readonly schedules: Schedules
  readonly budgets: Budgets
  readonly ledger: Ledger
  /** moto itself, past the gateway, for one region. */
  at(region: string): Witness
  /** The machines behind the instances. */
  readonly hosts: Hosts
  /** Answers for what neither moto nor the gateway has, ahead of both: sessions, a whole service. */
  answer(supplement: Supplement): void
  /** The calls since the last `forget`, Bedrock's and polls included. */
  readonly calls: readonly Call[]
  forget(): void
  close(): Promise<void>
}

export interface AccountOptions {
  regions?: readonly string[]
  /** What kind of account Bedrock's control plane plays; every model may be called by default. */
  bedrock?: AccountKind
  /** Only so many of the account's models: each is a call of its own in every run. Three by default, all of a kind's. */
  models?: number
  /** Leave the default VPC as moto makes it: without a way to the internet. */
  withoutInternet?: boolean
}

/** Opens a fresh account in `moto` with a gateway of its own before it. */
export async function openAccount(moto: Pick<Moto, 'url'>, options: AccountOptions = {}): Promise<Account> {
  const id = String(randomInt(100_000_000_000, 999_999_999_999))
  const credentials = await operatorOf(moto, id)
  const at = witnesses(moto.url, credentials)
  if (!options.withoutInternet)
    await Promise.all((options.regions ?? ['us-east-1']).map((r) => connect(at(r))))

  const slowness = { instance: 0, group: 0, address: 0, profile: 0, starting: 0, terminating: 0, agent: 0 }
  const machines = hosts()
  machines.mood.refuses = (model, maxTokens) => refusalOf(options.bedrock ?? 'open', model, maxTokens)
  const managed = managedInstances(at, () => slowness.agent)
  const ips = addresses(at)
  const machinesOf = instances(at)
  const rights = permissions(at, id, operator)
  const made = ledger()
  const timed = schedules(at, id)
  const accounted = budgets(at, id)
  const own: Supplement[] = []
  const supplements = [
    { before: (call: Call) => first(own, call) },
    bedrock(options.bedrock ?? 'open', id, options.models ?? (options.bedrock ? undefined : 3)),
    rights,
    propagation(slowness),
    corrections(at),
    copies(at),
    machinesOf,
    timed,
    accounted,
    metrics,
    ips,
    managed,
    runCommand(managed, machines.run, at),
    dryRuns,
    made,
    defaultVpcs(at),
  ]
  const gateway = new Gateway(new URL(moto.url), supplements)
  const endpoint = await gateway.listen()
  let since = 0
  return {
    id,
    gateway,
    endpoint,
    credentials,
    slowness,
    addresses: ips,
    instances: machinesOf,
    permissions: rights,
    schedules: timed,
    budgets: accounted,
    ledger: made,
    at,
    hosts: machines,
    answer: (supplement) => void own.push(supplement),
    get calls() {
      return gateway.calls.slice(since)
    },
    forget: () => {
      since = gateway.calls.length
    },
    close: () => gateway.close(),
  }
}

/** moto opens an account when a role in it is assumed; its user's keys then lead there. */
async function operatorOf(moto: Pick<Moto, 'url'>, id: string): Promise<Credentials> {
  const anybody = witnesses(moto.url, { accessKeyId: 'anybody', secretAccessKey: 'anything' })('us-east-1')
  const assume = { RoleArn: `arn:aws:iam::${id}:role/opener`, RoleSessionName: 'opener' }
  const { Credentials: opened } = await anybody.sts.send(new AssumeRoleCommand(assume))
  const { iam } = witnesses(moto.url, {
    accessKeyId: opened?.AccessKeyId ?? '',
    secretAccessKey: opened?.SecretAccessKey ?? '',
    sessionToken: opened?.SessionToken ?? '',
  })('us-east-1')
  await iam.send(new CreateUserCommand({ UserName: operator }))
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: operator }))
  return { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' }
}

/** A default VPC of AWS's has an internet gateway and a default route; moto's has neither. */
async function connect({ ec2 }: Witness): Promise<void> {
  const ofDefault = { Filters: [{ Name: 'is-default', Values: ['true'] }] }
  const vpc = (await ec2.send(new DescribeVpcsCommand(ofDefault))).Vpcs?.[0]?.VpcId ?? ''
  const { InternetGateway } = await ec2.send(new CreateInternetGatewayCommand({}))
  const InternetGatewayId = InternetGateway?.InternetGatewayId ?? ''
  await ec2.send(new AttachInternetGatewayCommand({ InternetGatewayId, VpcId: vpc }))
  const ofVpc = { Filters: [{ Name: 'vpc-id', Values: [vpc] }] }
  const table = (await ec2.send(new DescribeRouteTablesCommand(ofVpc))).RouteTables?.[0]?.RouteTableId
  await ec2.send(
    new CreateRouteCommand({
      RouteTableId: table,
      DestinationCidrBlock: '0.0.0.0/0',
      GatewayId: InternetGatewayId,
    }),
  )
}

/** So does one that is made on request. */
function defaultVpcs(at: (region: string) => Witness): Supplement {
  return {
    async after(call, answer) {
      if (call.action === 'CreateDefaultVpc' && answer.status < 300) await connect(at(call.region))
      return undefined
    },
  }
}

async function first(supplements: readonly Supplement[], call: Call) {
  for (const supplement of supplements) {
    const answer = await supplement.before?.(call)
    if (answer) return answer
  }
  return undefined
}

/** Bedrock's control plane speaks REST: method, path, query and body in, status and body out. */
function bedrock(kind: AccountKind, account: string, models?: number): Supplement {
  const controlPlane = bedrockControlPlane(kind, account)
  return {
    before(call) {
      if (call.service !== 'bedrock') return undefined
      const [method = '', path = ''] = call.action.split(' ')
      const get = method === 'GET'
      const query = new URLSearchParams(get ? (call.params as Record<string, string>) : {})
      const body = get ? undefined : call.params
      const said = controlPlane({ method, path, query, body, region: call.region })
      if (!said) throw new Error(`Bedrock's control plane has no ${call.action}`)
      const { modelSummaries } = (said.body ?? {}) as { modelSummaries?: object[] }
      if (modelSummaries) said.body = { modelSummaries: modelSummaries.slice(0, models) }
      const headers = {
        'content-type': 'application/json',
        'x-amzn-requestid': randomUUID(),
        ...said.headers,
      }
      return { status: said.status, headers, body: JSON.stringify(said.body ?? {}) }
    },
  }
}
