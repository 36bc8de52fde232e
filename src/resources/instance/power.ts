import {
  type EC2Client,
  type Instance,
  StartInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2'
import { waitFor } from '../../core/wait.js'
import type { EnsureContext } from '../../engine/resource.js'
import { describe, polled, timeoutOptions } from './describe.js'

type Work = Pick<EnsureContext, 'clock' | 'signal' | 'progress'>

/** Stops an instance and waits until it is stopped. A stopped one stays stopped. */
export async function stopInstance(ec2: EC2Client, instanceId: string, work: Work): Promise<Instance> {
  await ec2.send(new StopInstancesCommand({ InstanceIds: [instanceId] }))
  return await untilStopped(ec2, instanceId, work)
}

/** Starts an instance and waits until it runs. If it is stopping, waits for that first. */
export async function startInstance(ec2: EC2Client, instanceId: string, work: Work): Promise<Instance> {
  await until(ec2, instanceId, work, ['stopped', 'running', 'pending'], 'stop')
  await ec2.send(new StartInstancesCommand({ InstanceIds: [instanceId] }))
  return await until(ec2, instanceId, work, ['running'], 'run')
}

export const untilStopped = (ec2: EC2Client, instanceId: string, work: Work): Promise<Instance> =>
  until(ec2, instanceId, work, ['stopped'], 'stop')

async function until(
  ec2: EC2Client,
  instanceId: string,
  work: Work,
  states: readonly string[],
  to: 'stop' | 'run',
): Promise<Instance> {
  const what = `the instance to ${to}`
  return await waitFor({ ...timeoutOptions(work, 10), for: what }, async () => {
    const seen = await polled(() => describe(ec2, { InstanceIds: [instanceId] }))
    const host = seen === 'later' ? undefined : seen[0]
    if (states.includes(host?.State?.Name ?? '')) return host
    work.progress(`waiting for ${what}`, to === 'stop' ? 40_000 : 15_000)
    return undefined
  })
}
