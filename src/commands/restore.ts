import type { RestoreOptions } from '../app/backup/restore.js'
import { defineCommand, type Only } from '../app/define-command.js'
import { passphraseOptions } from '../app/shared-options.js'

export const restore = defineCommand({
  name: 'restore',
  summary: 'Replace the lab’s data with that of a backup',
  examples: [
    ['restore lab.backup', 'asks for its passphrase'],
    ['restore lab.backup --confirm default --passphrase-file pass.txt', 'without a prompt'],
    ['restore 20261126T021500Z-nightly', 'a dump from backup list'],
  ],
  args: [{ name: '<backup>', text: 'a backup file, or a dump from backup list' }],
  options: {
    confirm: { kind: 'word', value: '<name>', text: 'the lab’s name, to confirm that its data is replaced' },
    ...passphraseOptions,
  },
  exits: { 2: 'the host goes on without a connection, or the result could not be printed', 3: 'no such lab' },
  callsAws: true,
  changes: true,
  startsOver: true,
  async run(options, context, [source]): Promise<number> {
    const { restore } = await import('../app/backup/restore.js')
    const { restoredText } = await import('../ui/backup-view.js')
    const done = await restore(source, options satisfies Only<RestoreOptions, typeof options>, context)
    context.ui.result(restoredText(done, context.ui), done)
    return 0
  },
})
