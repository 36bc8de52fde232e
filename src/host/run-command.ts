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
  /** One word: system, docker, images, stack, health, user-add. It is part of the command's comment. */
  readonly stage: string
  /** For `sh`, as root. */
  readonly script: string
  readonly timeoutSeconds: number
  /** Called while a command takes long, again each time it has resolved; the signal aborts when the command ends. */
  readonly onWait?: ((signal: AbortSignal) => Promise<void>) | undefined
}

export interface CommandResult {
  /** The first 24,000 bytes, without a character that is cut there. */
  readonly stdout: string
  /** The first 8,000 bytes. */
  readonly stderr: string
  /** 0 only if Run Command reports Success too. */
  readonly code: number
}

/** Time limit for the agent to fetch a command. */
const deliverySeconds = 120
/**
 * How long a call is retried whose error says nothing about the command, such as for an agent that just came online.
 */
const settleMs = 30_000
/** The delay before `onWait` is called, and between its calls. */
const onWaitMs = 6_000

/**
 * How often the agent's connection is checked during a long command. Systems Manager notices a lost one after some
 * minutes.
 */
const lookMs = 60_000

/** The comment identifies a lab's stages in the account's command history, the rehearsal and the tests. */
const comment = (lab: string, stage: string): string => `librechat-lab ${lab} ${stage}`.slice(0, 100)

/**
 * Runs a script on the host by SendCommand with AWS-RunShellScript, and waits for its end. Run Command shows no
 * output before that. An interrupted wait leaves the script running: the lock on the host makes the next run wait for
 * it. LabErrors name the cause if the script did not end by itself; see command-ending.ts.
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
      // If the host is stopped, Run Command reports nothing before the command times out.
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
 * Milliseconds before a poll. Not core's `poll`, which asks at once and has one upper limit: a new command is not
 * known yet, and a long one is polled less often. A command with nothing to do ends within a second, one that
 * downloads images takes minutes.
 */
const pause = (polls: number): number => Math.min(100 * 1.5 ** polls, polls < 14 ? 1000 : 2000)

/** Calls `onWait` between the polls, depending on the time waited. */
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

/** Scripts may run twice, so a call whose answer was lost is retried, as after a transient error. */
async function send(host: Host, command: Command): Promise<string> {
  const { clock, signal } = host
  // SendCommand may not know an instance for a moment after it comes Online.
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

/** Returns undefined for a transient error, which says nothing about the command; the next poll tries again. */
async function poll(host: Host, commandId: string): Promise<GetCommandInvocationCommandOutput | undefined> {
  try {
    return await host.ssm.send(
      new GetCommandInvocationCommand({ CommandId: commandId, InstanceId: host.instanceId }),
      { abortSignal: host.signal },
    )
  } catch (error) {
    // A new command may not be known yet.
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
  // -1: no process of the script has exited, whatever the status.
  if (Status === 'Failed' && (ResponseCode ?? 1) >= 0 && isScripts(StatusDetails))
    return result(ResponseCode || 1)
  throw endedBadly(invocation, command)
}

/**
 * Whether the details of "Failed" mean that the script itself failed. Others mean that it was stopped, or never
 * arrived.
 */
const isScripts = (details: string | undefined): boolean => details === undefined || details === 'Failed'

/** The agent truncates by bytes, so the last character can be incomplete. Its replacement character is removed. */
const whole = (text: string | undefined): string => (text ?? '').replace(/\ufffd$/, '')
