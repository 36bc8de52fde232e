import {
  GetCommandInvocationCommand,
  type GetCommandInvocationCommandOutput,
  SendCommandCommand,
} from '@aws-sdk/client-ssm'
import { isCode, isPassing } from '../aws/errors.js'
import { LabError } from '../core/error.js'
import { retryWhile } from '../core/wait.js'
import { endedBadly } from './command-ending.js'
import type { Host } from './host.js'
import { isLost } from './online.js'

export interface Command {
  /** One word: system, docker, images, stack, health, user-add. Stands in the command's comment. */
  readonly stage: string
  /** For `sh`, as root. */
  readonly script: string
  readonly timeoutSeconds: number
  /** Called while the command takes long, the next time when it has ended; the signal aborts at the command's end. */
  readonly onWait?: ((signal: AbortSignal) => Promise<void>) | undefined
}

export interface CommandResult {
  /** The first 24,000 bytes; a character that is cut there is left out. */
  readonly stdout: string
  /** The first 8,000 bytes. */
  readonly stderr: string
  /** 0 only when Run Command says Success too. */
  readonly code: number
}

/** How long the agent may take to fetch a command. */
const deliverySeconds = 120
/** For how long a call that says nothing about the command is made again: an agent that has just come online. */
const settleMs = 30_000
/** After how long `onWait` is called, and how long after it has ended it is called again. */
const onWaitMs = 6_000

/** How often the agent of a command that takes long is looked for. Systems Manager misses it after some minutes. */
const lookMs = 60_000

/** By this comment the account's command history, the rehearsal and the tests know a lab's stages. */
const comment = (lab: string, stage: string): string => `librechat-lab ${lab} ${stage}`.slice(0, 100)

/**
 * Runs a script on the host by SendCommand with AWS-RunShellScript, and waits for its end.
 * Run Command shows nothing before that. An interrupted wait leaves the script running: the lock on the host makes
 * the next run wait for it. LabErrors say who ended it when it was not the script itself; see command-ending.ts.
 */
export async function runCommand(host: Host, command: Command): Promise<CommandResult> {
  const commandId = await send(host, command)
  const deadline = host.clock.now() + (command.timeoutSeconds + deliverySeconds + 30) * 1000
  const watch = watched(host, command)
  let nextLook = host.clock.now() + lookMs
  try {
    for (let polls = 0; host.clock.now() < deadline; polls++) {
      await host.clock.sleep(pause(polls), host.signal)
      const invocation = await poll(host, commandId)
      if (invocation !== undefined && ended(invocation)) return resultOf(invocation, command)
      watch.after(pause(polls))
      if (host.clock.now() < nextLook) continue
      // Of a host that was stopped, Run Command says nothing before the command's time is over.
      if (await isLost(host)) throw stoppedMeanwhile(command)
      nextLook = host.clock.now() + lookMs
    }
  } finally {
    await watch.end()
  }
  throw new LabError({
    code: 'command-deadline',
    what: `The host's stage ${command.stage} didn't end within ${Math.round(command.timeoutSeconds / 60)} minutes.`,
    why: `Run Command ${commandId} has no result yet.`,
    fix: ['Run the same command again: it waits for the running command and continues from there.'],
    fault: 'aws',
  })
}

/**
 * Milliseconds before a poll. Not core's `poll`, which asks at once and knows one upper limit: a command that was just
 * sent is not known yet, and one that takes long is asked about less often. A command with nothing to do ends within a
 * second, one that downloads images takes minutes.
 */
const pause = (polls: number): number => Math.min(100 * 1.5 ** polls, polls < 14 ? 1000 : 2000)

/** Calls `onWait` beside the polls, by the time that they waited. */
function watched(host: Host, { onWait }: Command) {
  const over = new AbortController()
  let waitedMs = 0
  let call: Promise<void> | undefined
  return {
    after(ms: number): void {
      waitedMs += ms
      if (!onWait || call || waitedMs < onWaitMs) return
      call = onWait(AbortSignal.any([host.signal, over.signal])).then(() => {
        waitedMs = 0
        call = undefined
      })
      call.catch(() => {}) // Thrown at the end, below.
    },
    async end(): Promise<void> {
      over.abort()
      await call
    },
  }
}

/** Scripts may run twice, so a call whose answer was lost is made again as one that was refused for a while is. */
async function send(host: Host, command: Command): Promise<string> {
  const { clock, signal } = host
  // A managed instance is unknown to SendCommand for a moment after it has become Online.
  const isUnknown = (error: unknown) => isCode(error, 'InvalidInstanceId')
  try {
    return await retryWhile(
      { for: 'the agent', deadlineMs: settleMs, clock, signal, firstMs: 500, maxMs: 5_000 },
      (error) => isUnknown(error) || isPassing(error),
      () => sendOnce(host, command),
    )
  } catch (error) {
    throw isUnknown(error) ? offline(host, error) : error
  }
}

async function sendOnce(host: Host, { stage, script, timeoutSeconds }: Command): Promise<string> {
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
  if (Command?.CommandId === undefined) throw new Error('SendCommand answered without a command id.')
  return Command.CommandId
}

const stoppedMeanwhile = ({ stage }: Command) =>
  new LabError({
    code: 'host-offline',
    what: `The host went offline while its stage ${stage} ran.`,
    why: 'The instance was stopped, for example by its schedule, or it lost its network.',
    fix: [
      { command: { path: 'status' }, text: 'shows its state, and what was interrupted' },
      'Then run the same command again: it continues from there.',
    ],
    fault: 'aws',
  })

const offline = ({ instanceId }: Host, cause: unknown) =>
  new LabError({
    code: 'host-offline',
    what: `Systems Manager cannot reach the instance ${instanceId}.`,
    why: 'It is stopped, still starting, or its agent is offline.',
    fix: [
      { command: { path: 'status' }, text: 'shows its state' },
      'Or wait a minute and run the command again.',
    ],
    fault: 'aws',
    cause,
  })

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

function resultOf(invocation: GetCommandInvocationCommandOutput, command: Command): CommandResult {
  const { Status, StatusDetails, ResponseCode } = invocation
  const result = (code: number) => ({
    stdout: whole(invocation.StandardOutputContent),
    stderr: whole(invocation.StandardErrorContent),
    code,
  })
  if (Status === 'Success') return result(ResponseCode ?? 0)
  // -1: no process of the script's has ended, whatever the status.
  if (Status === 'Failed' && (ResponseCode ?? 1) >= 0 && isScripts(StatusDetails))
    return result(ResponseCode || 1)
  throw endedBadly(invocation, command)
}

/** Whether details of "Failed" are the script's own: others name who stopped it, or that it never arrived. */
const isScripts = (details: string | undefined): boolean => details === undefined || details === 'Failed'

/** The agent cuts by bytes, so the last character may be half: its replacement says nothing. */
const whole = (text: string | undefined): string => (text ?? '').replace(/\ufffd$/, '')
