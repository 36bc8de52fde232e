import type { Run } from '../app/context.js'
import { readLogs, serviceOf, writeLogs } from '../app/logs.js'
import { resolveInstance } from '../app/resolve-instance.js'
import { LabError } from '../core/error.js'

export const run: Run<{ follow?: boolean }, [service?: string]> = async (
  options,
  context,
  [name = 'librechat'],
) => {
  const { ui } = context
  const service = serviceOf(name)
  const follow = options.follow ?? false
  if (ui.json && follow) {
    throw new LabError({
      code: 'bad-option',
      what: "--follow can't be combined with --json.",
      why: 'The lines never end, so they are not one JSON object.',
      fix: [`librechat-lab logs ${service} --json`, `librechat-lab logs ${service} --follow`],
    })
  }
  const instance = await resolveInstance(options, context)
  ui.pause()
  if (!ui.json) return writeLogs(instance, { service, follow }, process.stdout, context)
  const { code, lines } = await readLogs(instance, service, process.stdout, context)
  ui.result('', { service, lines })
  return code
}
