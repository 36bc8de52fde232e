import { DescribeInstanceInformationCommand } from '@aws-sdk/client-ssm'
import type { Clients } from '../aws/clients.js'
import { isCode, requestIdOf } from '../aws/errors.js'
import { LabError } from '../core/error.js'

/** Refuses early what no session could be opened to. `state` as EC2 says it. */
export function requireRunning(instanceId: string, state: string, region: string): void {
  if (state === 'running') return
  const starting = state === 'pending'
  throw new LabError({
    code: `instance-${state}`,
    what: starting ? 'The instance is still starting.' : `The instance is ${state}, so nothing runs on it.`,
    fix: starting
      ? ['Run the same command again in a minute.']
      : [
          `aws ec2 start-instances --instance-ids ${instanceId} --region ${region}`,
          'Then run the same command again: the address and the data have stayed.',
        ],
    fault: 'user',
  })
}

/** Why no session could be opened, and what to do; errors of other kinds come back as they are. */
export async function explainStart(error: unknown, clients: Clients, instanceId: string): Promise<unknown> {
  if (isCode(error, 'TargetNotConnected')) return notConnected(error, clients, instanceId)
  if (isCode(error, 'AccessDenied*', 'UnauthorizedOperation')) return notAllowed(error, 'ssm:StartSession')
  const status = /Unexpected server response: (\d+)/.exec(error instanceof Error ? error.message : '')?.[1]
  if (status === '403' || status === '401') return notAllowed(error, 'ssmmessages:OpenDataChannel')
  if (status) {
    return new LabError({
      code: 'no-channel',
      what: `AWS started the session but did not open its channel (HTTP ${status}).`,
      why: 'A proxy between you and AWS may not let WebSockets pass, or the service is in trouble.',
      fix: [
        'Run the same command again.',
        'Behind a proxy, ask for wss://ssmmessages.<region>.amazonaws.com',
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
      ? `The agent was last heard ${seen}.`
      : 'AWS has never heard this agent: it is still starting, or it lacks its role or a way out to the internet.',
    fix: [
      'Right after a start, wait a minute and run the same command again.',
      'librechat-lab status   shows what is wrong, and librechat-lab up mends it',
      `aws ec2 reboot-instances --instance-ids ${instanceId} --region ${clients.region}   makes the agent try again at once`,
    ],
    fault: 'aws',
    requestId: requestIdOf(error),
    cause: error,
  })
}

/** When the agent was last heard; undefined when never, or when we may not ask. */
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
      'librechat-lab policy tunnel   prints the policy that is needed',
      'It names ssm:StartSession, ssm:ResumeSession, ssm:TerminateSession and ssmmessages:OpenDataChannel.',
    ],
    requestId: requestIdOf(error),
    cause: error,
  })
}
