import { hostname } from 'node:os'
import { type Connection, connect } from '../aws/connect.js'
import { proxyAgents } from '../aws/proxy.js'
import { systemClock } from '../core/clock.js'
import { findInstance } from '../lab/find.js'
import { checkedName } from '../lab/names.js'
import { requireRunning } from '../tunnel/advice.js'
import { reasonFor } from '../tunnel/leftovers.js'
import type { SessionSurroundings } from '../tunnel/session.js'
import type { Context, GlobalOptions } from './context.js'

/** What every command needs that talks to the instance over a session. */
export interface ReachedInstance {
  connection: Connection
  instanceId: string
  surroundings: SessionSurroundings
  /** Stands beside the sessions at AWS. */
  reason: string
}

/** Finds the lab's instance and refuses one that does not run. LabErrors, and what the SDK throws. */
export async function resolveInstance(options: GlobalOptions, context: Context): Promise<ReachedInstance> {
  const connection = await connect(options, context)
  const { clients, region, credentials } = connection
  const { instanceId, state } = await findInstance(clients, checkedName(options.name))
  requireRunning(instanceId, state, region)
  return {
    connection,
    instanceId,
    // The network's own time: a session is real even where everything else is played faster.
    surroundings: {
      clock: systemClock,
      ssm: clients.ssm,
      signer: { region, credentials },
      agent: (await proxyAgents(context.env))?.httpsAgent,
    },
    reason: reasonFor({ machine: hostname(), pid: process.pid }),
  }
}
