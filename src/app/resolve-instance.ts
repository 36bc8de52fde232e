import { hostname } from 'node:os'
import type { Connection } from '../aws/connect.js'
import { proxyAgents } from '../aws/proxy.js'
import { systemClock } from '../core/clock.js'
import { requireRunning } from '../tunnel/advice.js'
import { reasonFor } from '../tunnel/leftovers.js'
import type { SessionSurroundings } from '../tunnel/session.js'
import type { Context, GlobalOptions } from './context.js'
import { connectLab } from './open-lab.js'
import { findRunning } from './running-instance.js'

/** What a command needs to talk to the instance over a session. */
export interface ReachedInstance {
  connection: Connection
  instanceId: string
  surroundings: SessionSurroundings
  /** Shown with the sessions in the AWS console. */
  reason: string
}

/** Finds the lab's running instance. LabErrors, and the SDK's errors. */
export async function resolveInstance(options: GlobalOptions, context: Context): Promise<ReachedInstance> {
  const open = await connectLab(options, context)
  const { connection } = open
  const { clients, region, credentials, clock } = connection
  const { instanceId, state } = await findRunning(open, context)
  requireRunning(state)
  return {
    connection,
    instanceId,
    // Real time: a session is real even where a rehearsal runs faster.
    surroundings: {
      clock: systemClock,
      ssm: clients.ssm,
      signer: { region, credentials, clockOffset: () => clock.ms },
      agent: (await proxyAgents(context.env))?.httpsAgent,
    },
    reason: reasonFor({ machine: hostname(), pid: process.pid }),
  }
}
