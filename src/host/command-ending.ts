import type { GetCommandInvocationCommandOutput } from '@aws-sdk/client-ssm'
import { LabError } from '../core/error.js'

type Invocation = Pick<
  GetCommandInvocationCommandOutput,
  'Status' | 'StatusDetails' | 'ResponseCode' | 'ExecutionElapsedTime'
>

/** The command, as run-command.ts sent it. */
type Sent = Readonly<{ stage: string; timeoutSeconds: number }>

/** 128 plus the signal number, as in a shell: SIGKILL, which the kernel sends when memory runs out. */
const killedCode = 137

/**
 * The errors for a command that did not end by itself. The details are more exact than the status:
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html
 */
export function endedBadly(invocation: Invocation, command: Sent): LabError {
  const { Status, StatusDetails, ResponseCode } = invocation
  const details = (StatusDetails ?? Status ?? '').replaceAll(' ', '')
  const again = 'Run the same command again: it continues where this one stopped.'
  const stage = `The host's stage ${command.stage}`
  // The agent reports a killed script as one that timed out (agent/plugins/pluginutil, GetStatus).
  if (ResponseCode === killedCode && !ranOutOfTime(invocation, command)) {
    return new LabError({
      code: 'command-killed',
      what: `${stage} was killed on the instance (exit code ${killedCode}).`,
      why: 'Most likely the instance ran out of memory.',
      fix: [
        again,
        { command: { path: 'up', flags: { 'instance-type': 't3.large' } }, text: 'gives it more memory' },
      ],
      fault: 'aws',
    })
  }
  if (undelivered.has(details)) {
    return new LabError({
      code: 'command-undelivered',
      what: `${stage} did not reach the instance: ${details}.`,
      why: undelivered.get(details) ?? '',
      fix: [{ command: { path: 'status' }, text: 'shows its state' }, 'Then run the same command again.'],
      fault: 'aws',
    })
  }
  return new LabError({
    code: 'command-lost',
    what: `${stage} ended as "${details}".`,
    why: reasons.get(details) ?? 'Systems Manager gave no other reason.',
    fix: [again],
    fault: 'aws',
  })
}

const undelivered = new Map([
  ['DeliveryTimedOut', 'The SSM agent on the instance did not fetch it in time: it is stopped, or offline.'],
  ['Undeliverable', 'Systems Manager found no agent there that takes commands.'],
  ['Terminated', 'Systems Manager gave it up after too many failures before it was sent.'],
  ['InvalidPlatform', 'The instance does not run Linux.'],
  ['NoInstancesInTag', 'Systems Manager found no instance to send it to.'],
  ['AccessDenied', 'Systems Manager may not send commands to the instance.'],
  ['RateExceeded', 'The account has too many commands waiting.'],
])

const reasons = new Map([
  ['Cancelled', 'Someone cancelled it in Systems Manager.'],
  ['ExecutionTimedOut', 'It ran longer than it was given, and the SSM agent stopped it.'],
  ['TimedOut', 'It ran longer than it was given, and the SSM agent stopped it.'],
])

/** Compares its duration, in AWS's format "PT2M0.5S", with the timeout. Without a duration, the details decide. */
function ranOutOfTime({ ExecutionElapsedTime, StatusDetails }: Invocation, command: Sent): boolean {
  const [, hours, minutes, seconds] =
    /^PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?$/.exec(ExecutionElapsedTime ?? '') ?? []
  const elapsed = Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0)
  return elapsed > 0 ? elapsed >= command.timeoutSeconds : /Execution ?Timed ?Out/.test(StatusDetails ?? '')
}
