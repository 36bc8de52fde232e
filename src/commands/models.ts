import type { Run } from '../app/context.js'
import { identityLine, signIn } from '../app/sign-in.js'
import { findModels } from '../bedrock/models.js'
import { pick } from '../bedrock/pick.js'
import { modelsJson, modelsText } from '../ui/models-view.js'

/** Lists what can be called here, and why the rest cannot. Reads only. */
export const run: Run = async (options, context) => {
  const { ui, clock, signal } = context
  const connection = await signIn(options, context)
  const { clients, account, region } = connection
  ui.emit({ type: 'note', text: identityLine(connection, region) })
  const models = await findModels(clients.bedrock, { region, clock, signal, home: clients.bedrockHome })
  const shown = { region, account, models, choice: pick(models) }
  ui.result(modelsText(shown, ui), modelsJson(shown))
  return 0
}
