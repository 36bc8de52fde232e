import type { Run } from '../app/context.js'
import { resolveInstance } from '../app/resolve-instance.js'
import { explainStart } from '../tunnel/advice.js'
import { endingOf } from '../tunnel/ending.js'
import { kmsOf } from '../tunnel/kms.js'
import { runTerminal } from '../tunnel/terminal.js'

export const run: Run = async (options, context) => {
  const { ui, env, signal } = context
  const { connection, instanceId, surroundings, reason } = await resolveInstance(options, context)
  ui.emit({ type: 'note', text: `A shell on ${instanceId}; exit leaves it.` })
  ui.pause()
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
