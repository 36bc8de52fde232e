import { randomUUID } from 'node:crypto'
import type { Instance, RunCommand } from './account.js'
import type { Answers } from './answers.js'
import { perform } from './host.js'
import { Refusal } from './refusal.js'
import type { World } from './world.js'

/** The maximum size of a document of AWS-RunShellScript. */
const largestDocument = 64 * 1024

const ssmPolicy = 'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore'

/** The agent reports while the machine runs and its role allows that. */
export function isOnline(instance: Instance | undefined, { account, now }: World): boolean {
  if (instance?.state !== 'running' || instance.onlineAt > now) return false
  const profile = instance.association && account.profiles[instance.association.profile]
  const role = profile?.role ? account.roles[profile.role] : undefined
  return role?.attached.includes(ssmPolicy) ?? false
}

/** Updates the state to the current time: applies the results of finished commands, and deletes old ones. */
export function settleCommands({ here, now }: World): void {
  for (const [id, command] of Object.entries(here.commands)) {
    const { host } = here.instances[command.instance] ?? {}
    if (!command.settled && command.endsAt <= now) {
      command.settled = true
      if (host) Object.assign(host, command.leaves)
    }
    if (now - command.endsAt > 24 * 3_600_000) delete here.commands[id]
  }
}

type Status = 'InProgress' | 'Success' | 'Failed'

function statusOf({ endsAt, outcome }: RunCommand, now: number): Status {
  if (endsAt > now) return 'InProgress'
  return outcome.code === 0 ? 'Success' : 'Failed'
}

const common = (CommandId: string, command: RunCommand, now: number) => ({
  CommandId,
  Comment: command.comment,
  DocumentName: command.document,
  DocumentVersion: '$DEFAULT',
  RequestedDateTime: new Date(command.requestedAt),
  Status: statusOf(command, now),
  StatusDetails: statusOf(command, now),
})

const commandView = (id: string, command: RunCommand, now: number) => ({
  ...common(id, command, now),
  InstanceIds: [command.instance],
  TimeoutSeconds: command.timeoutSeconds,
})

export const runCommand = {
  DescribeInstanceInformation(input, world) {
    const wanted =
      input.Filters?.find(({ Key }) => Key === 'InstanceIds')?.Values ??
      input.InstanceInformationFilterList?.find(({ key }) => key === 'InstanceIds')?.valueSet
    return {
      InstanceInformationList: Object.entries(world.here.instances)
        .filter(([id]) => wanted?.includes(id) ?? true)
        // An agent that has reported once stays known while its machine exists.
        .filter(([, instance]) => instance.onlineAt <= world.now && instance.state !== 'terminated')
        .filter(([, instance]) => isOnline(instance, world) || instance.host.done.length > 0)
        .map(([InstanceId, instance]) => ({
          InstanceId,
          PingStatus: isOnline(instance, world) ? ('Online' as const) : ('ConnectionLost' as const),
          LastPingDateTime: new Date(world.now),
          AgentVersion: '3.3.2299.0',
          IsLatestVersion: true,
          PlatformType: 'Linux' as const,
          PlatformName: 'Amazon Linux',
          PlatformVersion: '2023',
          ResourceType: 'EC2Instance' as const,
          IPAddress: instance.privateIp,
        })),
    }
  },

  SendCommand(input, world) {
    const instanceId = input.InstanceIds?.[0] ?? ''
    const instance = world.here.instances[instanceId]
    if (!instance || !isOnline(instance, world)) {
      throw new Refusal('InvalidInstanceId', `Instances [[${instanceId}]] not in a valid state for account`)
    }
    if (input.DocumentName !== 'AWS-RunShellScript') throw new Refusal('InvalidDocument', '')
    const commands = input.Parameters?.commands ?? []
    if (JSON.stringify(input.Parameters ?? {}).length > largestDocument) {
      throw new Refusal('MaxDocumentSizeExceeded', 'The size limit of a document is 64 KB.')
    }
    const id = randomUUID()
    const { takesMs, outcome, leaves, beside } = perform({ script: commands.join('\n'), instance }, world)
    // The host runs commands sequentially.
    const under = beside
      ? []
      : Object.values(world.here.commands).filter((one) => one.instance === instanceId)
    const begins = Math.max(world.now, ...under.map((one) => one.endsAt))
    const command: RunCommand = {
      instance: instanceId,
      comment: input.Comment ?? '',
      document: input.DocumentName,
      timeoutSeconds: input.TimeoutSeconds ?? 3600,
      requestedAt: world.now,
      endsAt: begins + (world.after(takesMs) - world.now),
      outcome,
      leaves,
      settled: false,
    }
    world.here.commands[id] = command
    return { Command: commandView(id, command, world.now) }
  },

  GetCommandInvocation(input, { here, now }) {
    const command = here.commands[input.CommandId ?? '']
    if (!command || command.instance !== input.InstanceId) throw new Refusal('InvocationDoesNotExist', '')
    const status = statusOf(command, now)
    const ended = status === 'Success' || status === 'Failed'
    return {
      ...common(input.CommandId ?? '', command, now),
      InstanceId: command.instance,
      PluginName: 'aws:runShellScript',
      ResponseCode: ended ? command.outcome.code : -1,
      ExecutionStartDateTime: new Date(command.requestedAt).toISOString(),
      ...(ended ? { ExecutionEndDateTime: new Date(command.endsAt).toISOString() } : {}),
      // No output before the end, and then only its beginning, as in Run Command.
      StandardOutputContent: ended ? command.outcome.output.slice(0, 24_000) : '',
      StandardErrorContent: ended ? command.outcome.errors.slice(0, 8_000) : '',
    }
  },
} satisfies Answers<typeof import('@aws-sdk/client-ssm')>
