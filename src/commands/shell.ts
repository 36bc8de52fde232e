import { explainStart } from '../tunnel/advice.js'
import { endingOf } from '../tunnel/ending.js'
import { kmsOf } from '../tunnel/kms.js'
import { runTerminal } from '../tunnel/terminal.js'
import type { Run } from './context.js'
import { reachInstance } from './reach.js'

export const run: Run = async (options, context) => {
  const { face, env, signal } = context
  const { connection, instanceId, surroundings, reason } = await reachInstance(options, context)
  face.emit({ type: 'note', text: `A shell on ${instanceId}; exit leaves it.` })
  face.pause()
  const { stdin: input, stdout: output } = process
  try {
    const ending = await runTerminal(
      { instanceId, reason },
      {
        ...surroundings,
        generateDataKey: kmsOf(surroundings, env.AWS_ENDPOINT_URL_KMS ?? env.AWS_ENDPOINT_URL),
      },
      { input, output },
      signal,
    )
    return endingOf(ending)
  } catch (error) {
    throw await explainStart(error, connection.clients, instanceId)
  }
}
