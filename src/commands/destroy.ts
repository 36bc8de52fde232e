import { defineCommand, type Only } from '../app/define-command.js'
import type { DestroyOptions } from '../app/destroy.js'
import { passphraseOptions } from '../app/shared-options.js'

export const destroy = defineCommand({
  name: 'destroy',
  summary: 'Delete the lab and all its data; keep its protected address',
  examples: [
    ['destroy', 'shows what will be deleted and asks for the lab’s name'],
    ['destroy --confirm default --no-backup', 'without a prompt'],
    ['destroy --backup lab.backup', 'saves everything to a file first'],
    ['destroy --release-address 198.51.100.7', 'releases the address too'],
  ],
  options: {
    confirm: { kind: 'word', value: '<name>', text: 'the lab’s name, to confirm that its data is deleted' },
    backup: {
      kind: 'word',
      value: '<file>',
      text: 'back up to this file first; nothing is deleted when that fails',
      off: 'don’t back up first',
    },
    ...passphraseOptions,
    'release-address': { kind: 'word', value: '<address>', text: 'also release the protected Elastic IP' },
    'dry-run': { kind: 'flag', text: 'show what would be deleted and change nothing' },
  },
  exits: { 2: 'partly done; run it again to finish' },
  callsAws: true,
  changes: true,
  async run(options, context): Promise<number> {
    const { destroy } = await import('../app/destroy.js')
    const { destroyView } = await import('../ui/destroy-view.js')
    return await destroy(
      options satisfies Only<DestroyOptions, typeof options>,
      context,
      destroyView(context.ui),
    )
  },
})
