import { DescribeInstanceInformationCommand } from '@aws-sdk/client-ssm'
import { isCode, isPassing } from '../aws/errors.js'
import { LabError } from '../core/error.js'
import { poll } from '../core/wait.js'
import type { Host } from './host.js'

/**
 * Waits until Systems Manager reaches the instance's agent: a new instance takes about a minute.
 * @param deadlineMs how long to wait, in milliseconds
 * @throws LabError `host-offline` with the likely causes, in the order in which they are met
 */
export async function waitUntilOnline(host: Host, deadlineMs: number): Promise<void> {
  const { clock, signal, emit } = host
  const task = { type: 'task', id: 'host:online', name: 'host: online in Systems Manager' } as const
  let last: string | undefined
  let waits = false
  const online = await poll({ deadlineMs, clock, signal, firstMs: 3_000, maxMs: 3_000 }, async () => {
    last = (await pingStatus(host)) ?? last
    if (last === 'Online') return true
    if (!waits) emit({ ...task, state: 'started', usualMs: 60_000 })
    waits = true
    return undefined
  })
  if (waits) emit({ ...task, state: online ? 'done' : 'failed' })
  if (!online) throw offline(host, last, deadlineMs)
}

/** Whether Systems Manager reaches the instance's agent right now. One call. */
export const isOnline = async (host: Host): Promise<boolean> => (await pingStatus(host)) === 'Online'

/** Whether the agent was connected before and is not now. False without the permission to ask. */
export async function isLost(host: Host): Promise<boolean> {
  try {
    const status = await pingStatus(host)
    return status !== undefined && status !== 'Online'
  } catch (error) {
    if (isCode(error, 'AccessDeniedException')) return false
    throw error
  }
}

/** Online, ConnectionLost, Inactive; undefined if the agent never connected, or the call was throttled. */
async function pingStatus(host: Host): Promise<string | undefined> {
  try {
    const { InstanceInformationList } = await host.ssm.send(
      new DescribeInstanceInformationCommand({
        Filters: [{ Key: 'InstanceIds', Values: [host.instanceId] }],
      }),
      { abortSignal: host.signal },
    )
    return InstanceInformationList?.find((instance) => instance.InstanceId === host.instanceId)?.PingStatus
  } catch (error) {
    if (isPassing(error)) return undefined
    throw error
  }
}

function offline(host: Host, last: string | undefined, waitedMs: number): LabError {
  const minutes = Math.max(1, Math.round(waitedMs / 60_000))
  const reboot = `aws ec2 reboot-instances --region ${host.region} --instance-ids ${host.instanceId}`
  return new LabError({
    code: 'host-offline',
    what: `The instance ${host.instanceId} didn't come online in Systems Manager within ${minutes} minutes.`,
    why:
      last === undefined
        ? 'Its agent has never reported: it has no role or no outbound network access, or it is still starting.'
        : `Its agent reported earlier and is now "${last}": it lost its role or its outbound network access, or the instance is stopped.`,
    fix: [
      {
        command: { path: 'status' },
        text: 'shows whether the profile is attached and the address associated',
      },
      'Check that the subnet has a route to an internet gateway and that the security group allows all outbound traffic.',
      {
        run: reboot,
        text: 'restarts the agent, which sleeps for 30 to 60 minutes after it has lost its role',
      },
      'Then run the same command again.',
    ],
    fault: 'aws',
  })
}
