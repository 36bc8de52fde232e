import { hostname } from 'node:os'
import type { Connection } from '../aws/connect.js'
import { proxyAgents } from '../aws/proxy.js'
import { systemClock } from '../core/clock.js'
import { findInstance } from '../lab/find.js'
import type { Lock } from '../lab/lock.js'
import { requireRunning } from '../tunnel/advice.js'
import { reasonFor } from '../tunnel/leftovers.js'
import type { SessionSurroundings } from '../tunnel/session.js'
import type { Context, GlobalOptions } from './context.js'
import { connectLab, type OpenLab, reread } from './open-lab.js'
import { findRunning } from './running-instance.js'

/** What a command needs for a session to the instance. */
export interface ReachedInstance {
  connection: Connection
  instanceId: string
  surroundings: SessionSurroundings
  /** Shown with the sessions in the AWS console. */
  reason: string
}

/** Finds the lab's running instance. LabErrors, and the SDK's errors. */
export const resolveInstance = async (options: GlobalOptions, context: Context): Promise<ReachedInstance> =>
  reachInstance(await connectLab(options, context), context)

/** The same for a lab that is open. */
export async function reachInstance(open: OpenLab, context: Context): Promise<ReachedInstance> {
  const { instanceId, state } = await findRunning(open, context)
  requireRunning(state)
  return await sessionTo(open, instanceId, context)
}

/** The same for one of the lab's instances that is known to run. */
export async function sessionTo(
  { connection }: OpenLab,
  instanceId: string,
  context: Context,
): Promise<ReachedInstance> {
  const { clients, region, credentials, clock } = connection
  return {
    connection,
    instanceId,
    // Real time, because the session is real even in a rehearsal, which runs faster.
    surroundings: {
      clock: systemClock,
      ssm: clients.ssm,
      signer: { region, credentials, clockOffset: () => clock.ms },
      agent: (await proxyAgents(context.env))?.httpsAgent,
    },
    reason: reasonFor({ machine: hostname(), pid: process.pid }),
  }
}

/** The lab and its instance under the lock: the run that this one waited for may have replaced either. */
export async function underLock(
  open: OpenLab,
  instanceId: string,
  { waited }: Pick<Lock, 'waited'>,
): Promise<{ open: OpenLab; instanceId: string }> {
  if (!waited) return { open, instanceId }
  const now = await reread(open)
  const found = await findInstance(now.clients, now.lab, now.stored)
  requireRunning(found.state)
  return { open: now, instanceId: found.instanceId }
}
