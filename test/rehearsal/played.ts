import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as ec2 from '@aws-sdk/client-ec2'
import * as iam from '@aws-sdk/client-iam'
import * as ssm from '@aws-sdk/client-ssm'
import type { Clients } from '../../src/aws/clients.js'
import { type Clock, systemClock } from '../../src/core/clock.js'
import { rehearse } from '../../src/rehearsal/clients.js'
import type { Scenario } from '../../src/rehearsal/scenarios.js'

/** A clock that a test turns; its waits take no time and turn it too. */
export interface HandClock extends Clock {
  turn(ms: number): void
}

function handClock(): HandClock {
  let now = Date.parse('2026-01-01T12:00:00Z')
  return {
    now: () => now,
    sleep: (ms) => {
      now += ms
      return Promise.resolve()
    },
    turn: (ms) => {
      now += ms
    },
  }
}

export const stateFile = (): string =>
  join(mkdtempSync(join(tmpdir(), 'librechat-lab-rehearsal-')), 'rehearsal.json')

export interface Played {
  clients: Clients
  clock: HandClock
  statePath: string
}

export async function play(
  options: { scenario?: Scenario; statePath?: string; region?: string; clock?: HandClock } = {},
): Promise<Played & Awaited<ReturnType<typeof rehearse>>> {
  const clock = options.clock ?? handClock()
  const statePath = options.statePath ?? stateFile()
  const { scenario, region = 'us-east-1' } = options
  const played = await rehearse({ region, statePath, clock, ...(scenario ? { scenario } : {}) })
  return { ...played, clock, statePath }
}

/** The same account over real time, for what sockets take part in. */
export const playInRealTime = (statePath: string) =>
  rehearse({ region: 'us-east-1', statePath, clock: systemClock })

const trust = '{"Version":"2012-10-17","Statement":[]}'

/** A role that lets the agent report, in a profile. */
export async function makeProfile({ clients }: Pick<Played, 'clients'>, name = 'Role'): Promise<void> {
  await clients.iam.send(new iam.CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: trust }))
  const PolicyArn = 'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore'
  await clients.iam.send(new iam.AttachRolePolicyCommand({ RoleName: name, PolicyArn }))
  await clients.iam.send(new iam.CreateInstanceProfileCommand({ InstanceProfileName: name }))
  await clients.iam.send(
    new iam.AddRoleToInstanceProfileCommand({ InstanceProfileName: name, RoleName: name }),
  )
}

export async function launchInput(
  { clients }: Pick<Played, 'clients'>,
  zone = 'us-east-1a',
): Promise<ec2.RunInstancesCommandInput> {
  const [images, subnets] = await Promise.all([
    clients.ssm.send(
      new ssm.GetParameterCommand({
        Name: '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64',
      }),
    ),
    clients.ec2.send(
      new ec2.DescribeSubnetsCommand({ Filters: [{ Name: 'availability-zone', Values: [zone] }] }),
    ),
  ])
  return {
    ImageId: images.Parameter?.Value,
    SubnetId: subnets.Subnets?.[0]?.SubnetId,
    InstanceType: 't3.medium',
    MinCount: 1,
    MaxCount: 1,
  }
}

/** An instance that runs and whose agent reports. */
export async function makeInstance(played: Pick<Played, 'clients' | 'clock'>): Promise<string> {
  await makeProfile(played)
  played.clock.turn(1_000)
  const input = { ...(await launchInput(played)), IamInstanceProfile: { Name: 'Role' } }
  const { Instances } = await played.clients.ec2.send(new ec2.RunInstancesCommand(input))
  played.clock.turn(60_000)
  return Instances?.[0]?.InstanceId ?? ''
}
