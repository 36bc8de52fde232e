import type { Run } from '../app/context.js'
import { openLab } from '../app/open-lab.js'
import { lookAtStatus } from '../app/status.js'
import { statusJson, statusText } from '../ui/status-view.js'

/** Shows the current state and how it differs from the settings. */
export const run: Run<{ chat?: boolean }> = async (options, context) => {
  const open = await openLab(options, context)
  const status = await lookAtStatus(open, { chat: options.chat ?? false }, context)
  context.ui.result(statusText(status, context.ui), statusJson(status))
  return status.exitCode
}
