import { DescribeInstanceInformationCommand } from '@aws-sdk/client-ssm'
import type { Clients } from '../aws/clients.js'
import { isCode, requestIdOf } from '../aws/errors.js'
import { LabError } from '../core/error.js'

/** LabError if no session can be opened to the instance. `state` is EC2's. */
export function requireRunning(state: string): void {
  if (state === 'running') return
  const starting = state === 'pending'
  throw new LabError({
    code: `instance-${state}`,
    what: starting ? 'The instance is still starting.' : `The instance is ${state}.`,
    fix: starting
      ? ['Run the same command again in a minute.']
      : [
          { command: { path: 'start' }, text: 'starts it; its address and data are kept' },
          'Then run the same command again.',
        ],
    fault: 'user',
  })
}

/** Why no session could be opened, and what to do; other errors are returned unchanged. */
export async function explainStart(error: unknown, clients: Clients, instanceId: string): Promise<unknown> {
  if (isCode(error, 'TargetNotConnected')) return notConnected(error, clients, instanceId)
  if (isCode(error, 'AccessDenied*', 'UnauthorizedOperation')) return notAllowed(error, 'ssm:StartSession')
  const status = /Unexpected server response: (\d+)/.exec(error instanceof Error ? error.message : '')?.[1]
  if (status === '403' || status === '401') return notAllowed(error, 'ssmmessages:OpenDataChannel')
  if (status) {
    return new LabError({
      code: 'no-channel',
      what: `AWS started the session but did not open its channel (HTTP ${status}).`,
      why: 'A proxy between you and AWS may block WebSockets, or the service has a problem.',
      fix: [
        'Run the same command again.',
        'Behind a proxy, ask its administrator to allow wss://ssmmessages.<region>.amazonaws.com',
      ],
      fault: 'aws',
      cause: error,
    })
  }
  return error
}

async function notConnected(error: unknown, clients: Clients, instanceId: string): Promise<LabError> {
  const seen = await lastPing(clients, instanceId)
  return new LabError({
    code: 'agent-offline',
    what: 'The instance runs, but its SSM agent is not connected to AWS.',
    why: seen
      ? `The agent was last online ${seen}.`
      : 'The agent has never been online: it is still starting, or it has no role or no outbound network access.',
    fix: [
      'Right after a start, wait a minute and run the same command again.',
      { command: { path: 'status' }, text: 'shows what is wrong' },
      { command: { path: 'up' }, text: 'repairs it' },
      {
        run: `aws ec2 reboot-instances --instance-ids ${instanceId} --region ${clients.region}`,
        text: 'restarts the agent',
      },
    ],
    fault: 'aws',
    requestId: requestIdOf(error),
    cause: error,
  })
}

/** When the agent last connected; undefined if never, or without the permission to ask. */
async function lastPing(clients: Clients, instanceId: string): Promise<string | undefined> {
  try {
    const { InstanceInformationList = [] } = await clients.ssm.send(
      new DescribeInstanceInformationCommand({ Filters: [{ Key: 'InstanceIds', Values: [instanceId] }] }),
    )
    return InstanceInformationList[0]?.LastPingDateTime?.toISOString()
  } catch (error) {
    if (isCode(error, 'AccessDenied*')) return undefined
    throw error
  }
}

function notAllowed(error: unknown, action: string): LabError {
  return new LabError({
    code: 'not-allowed',
    what: `Your AWS identity may not open sessions: it lacks ${action}.`,
    why: error instanceof Error ? error.message : '',
    fix: [
      { command: { path: 'policy', args: ['tunnel'] }, text: 'prints the policy that is needed' },
      'It allows ssm:StartSession, ssm:ResumeSession, ssm:TerminateSession and ssmmessages:OpenDataChannel.',
    ],
    requestId: requestIdOf(error),
    cause: error,
  })
}
