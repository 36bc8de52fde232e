import type { Run } from '../app/context.js'
import { listModels } from '../app/models.js'
import { modelsJson, modelsText } from '../ui/models-view.js'

/** Lists what can be called here, and why the rest cannot. Reads only. */
export const run: Run = async (options, context) => {
  const listed = await listModels(options, context)
  context.ui.result(modelsText(listed, context.ui), modelsJson(listed))
  return 0
}
