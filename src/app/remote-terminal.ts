import { explainStart } from '../tunnel/advice.js'
import { endingOf } from '../tunnel/ending.js'
import { kmsOf } from '../tunnel/kms.js'
import type { SessionRequest } from '../tunnel/start.js'
import { runTerminal, type Terminal } from '../tunnel/terminal.js'
import type { Context } from './context.js'
import type { ReachedInstance } from './resolve-instance.js'

/**
 * Runs a shell or a command of the host in a terminal until it ends. The exit code is 0 when its program ended, 130
 * when the user stopped it; LabErrors if AWS or the agent ended it, or it could not start.
 */
export async function runOnHost(
  { connection, instanceId, surroundings, reason }: ReachedInstance,
  request: Pick<SessionRequest, 'document' | 'parameters'>,
  terminal: Terminal,
  { env, signal }: Pick<Context, 'env' | 'signal'>,
  show?: (chunk: Buffer) => void,
): Promise<number> {
  const generateDataKey = kmsOf(surroundings, env.AWS_ENDPOINT_URL_KMS ?? env.AWS_ENDPOINT_URL)
  try {
    const ending = await runTerminal(
      { instanceId, reason, ...request },
      { ...surroundings, generateDataKey },
      terminal,
      signal,
      show,
    )
    return endingOf(ending)
  } catch (error) {
    throw await explainStart(error, connection.clients, instanceId)
  }
}
