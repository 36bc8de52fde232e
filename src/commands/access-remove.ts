import type { AccessOptions } from '../app/change-access.js'
import { defineCommand, type Only } from '../app/define-command.js'

export const accessRemove = defineCommand({
  name: 'access remove',
  summary: 'No longer let a range in',
  examples: [['access remove 198.50.100.7', 'shows the change and asks']],
  args: [{ name: '<range>', text: 'one of the ranges that access list shows' }],
  options: {
    yes: { kind: 'flag', short: 'y', text: 'skip the prompt' },
    'dry-run': { kind: 'flag', text: 'show the change and make none' },
    'allow-nobody': { kind: 'flag', text: 'required to remove the last range' },
  },
  exits: { 2: 'partly done; run it again to finish', 3: 'no such lab' },
  callsAws: true,
  changes: true,
  async run(options, context, [range]): Promise<number> {
    const { removeAccess } = await import('../app/change-access.js')
    const { accessView } = await import('../ui/access-view.js')
    return await removeAccess(
      range,
      options satisfies Only<AccessOptions, typeof options>,
      context,
      accessView(context.ui),
    )
  },
})
