import { defineCommand, type Only } from '../app/define-command.js'
import type { UpdateOptions } from '../app/update.js'

export const update = defineCommand({
  name: 'update',
  summary: 'Update LibreChat and its databases; roll back if anything fails',
  examples: [
    ['update --check', 'shows the versions and what would change'],
    ['update', 'dumps the data, updates, and proves that chat works'],
    ['update --yes', 'without a prompt'],
  ],
  options: {
    check: { kind: 'flag', text: 'only show what would change' },
    yes: { kind: 'flag', short: 'y', text: 'skip the prompt' },
  },
  exits: { 2: 'updated, but no model answers', 3: 'no such lab' },
  callsAws: true,
  changes: true,
  async run(options, context): Promise<number> {
    const { update } = await import('../app/update.js')
    const { updateView } = await import('../ui/update-view.js')
    return await update(
      options satisfies Only<UpdateOptions, typeof options>,
      context,
      updateView(context.ui),
    )
  },
})
