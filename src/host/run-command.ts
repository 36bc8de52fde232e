import {
  GetCommandInvocationCommand,
  type GetCommandInvocationCommandOutput,
  SendCommandCommand,
} from '@aws-sdk/client-ssm'
import { isCode, isPassing } from '../aws/errors.js'
import { LabError } from '../core/error.js'
import type { Host } from './host.js'

export interface Command {
  /** One word: system, docker, images, stack, health, user-add. Stands in the command's comment. */
  readonly stage: string
  /** For `sh`, as root. */
  readonly script: string
  readonly timeoutSeconds: number
}

export interface CommandResult {
  /** The first 24,000 characters. */
  readonly stdout: string
  /** The first 8,000 characters. */
  readonly stderr: string
  /** 0 only when Run Command says Success too. */
  readonly code: number
}

/** How long the agent may take to fetch a command. */
const deliverySeconds = 120

/** By this comment the account's command history, the rehearsal and the tests know a lab's stages. */
const comment = (lab: string, stage: string): string => `librechat-lab ${lab} ${stage}`.slice(0, 100)

/**
 * Runs a script on the host by SendCommand with AWS-RunShellScript, and waits for its end.
 * Run Command shows nothing before that. An interrupted wait leaves the script running: the lock on the host makes
 * the next run wait for it.
 */
export async function runCommand(host: Host, command: Command): Promise<CommandResult> {
  const commandId = await send(host, command)
  const deadline = host.clock.now() + (command.timeoutSeconds + deliverySeconds + 30) * 1000
  for (let polls = 0; host.clock.now() < deadline; polls++) {
    await host.clock.sleep(pause(polls), host.signal)
    const invocation = await poll(host, commandId)
    if (invocation !== undefined && ended(invocation)) return resultOf(invocation, command.stage)
  }
  throw new LabError({
    code: 'command-deadline',
    what: `The host's stage ${command.stage} didn't end within ${Math.round(command.timeoutSeconds / 60)} minutes.`,
    why: `Run Command ${commandId} has given no result.`,
    fix: ['Run the same command again: it waits for what is under way and goes on from there.'],
    fault: 'aws',
  })
}

/** Milliseconds before a look: what has nothing to do ends within a second, what downloads images takes minutes. */
const pause = (polls: number): number => Math.min(100 * 1.5 ** polls, polls < 14 ? 1000 : 2000)

async function send(host: Host, { stage, script, timeoutSeconds }: Command): Promise<string> {
  try {
    const { Command } = await host.ssm.send(
      new SendCommandCommand({
        InstanceIds: [host.instanceId],
        DocumentName: 'AWS-RunShellScript',
        Comment: comment(host.lab, stage),
        TimeoutSeconds: deliverySeconds,
        Parameters: { commands: [script], executionTimeout: [String(timeoutSeconds)] },
      }),
      { abortSignal: host.signal },
    )
    if (Command?.CommandId !== undefined) return Command.CommandId
  } catch (error) {
    if ((error as Error).name !== 'InvalidInstanceId') throw error
    throw new LabError({
      code: 'host-offline',
      what: `Systems Manager doesn't reach the instance ${host.instanceId}.`,
      why: 'It is stopped, still starting, or its agent is offline.',
      fix: ['See its state: librechat-lab status', 'Or wait a minute and run the command again.'],
      fault: 'aws',
      cause: error,
    })
  }
  throw new Error('SendCommand answered without a command id.')
}

/** Passing trouble with a poll says nothing about the command: undefined, and the next poll tells. */
async function poll(host: Host, commandId: string): Promise<GetCommandInvocationCommandOutput | undefined> {
  try {
    return await host.ssm.send(
      new GetCommandInvocationCommand({ CommandId: commandId, InstanceId: host.instanceId }),
      { abortSignal: host.signal },
    )
  } catch (error) {
    // A command that was sent a moment ago may not be known yet.
    if (isPassing(error) || isCode(error, 'InvocationDoesNotExist')) return undefined
    throw error
  }
}

const ended = ({ Status }: GetCommandInvocationCommandOutput): boolean =>
  !['Pending', 'InProgress', 'Delayed', 'Cancelling'].includes(Status ?? 'Pending')

/** What a status other than Success and Failed means; the details name the cause more exactly. */
function resultOf(invocation: GetCommandInvocationCommandOutput, stage: string): CommandResult {
  const { Status, StatusDetails, ResponseCode } = invocation
  const output = {
    stdout: invocation.StandardOutputContent ?? '',
    stderr: invocation.StandardErrorContent ?? '',
  }
  if (Status === 'Success' && (ResponseCode ?? 0) === 0) return { ...output, code: 0 }
  if (Status === 'Failed' || Status === 'Success') return { ...output, code: ResponseCode || 1 }
  throw new LabError({
    code: 'command-lost',
    what: `The host's stage ${stage} ended as "${StatusDetails ?? Status}".`,
    why:
      Status === 'Cancelled'
        ? 'Somebody cancelled it in Systems Manager.'
        : 'Systems Manager could not deliver it, or stopped it when its time was over.',
    fix: ['Run the same command again: it goes on where this one stopped.'],
    fault: 'aws',
  })
}
