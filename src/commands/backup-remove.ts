import { defineCommand } from '../app/define-command.js'

export const backupRemove = defineCommand({
  name: 'backup remove',
  summary: 'Delete an EBS snapshot of the lab',
  examples: [
    ['backup remove 20261126T101500Z-snapshot', 'deletes a snapshot'],
    ['backup remove 20261126T101500Z-snapshot --confirm default', 'without a prompt'],
  ],
  args: [{ name: '<snapshot>', text: 'its name from backup list, or its id' }],
  options: {
    confirm: {
      kind: 'word',
      value: '<name>',
      text: 'the lab’s name, to confirm that the snapshot is deleted',
    },
  },
  exits: { 3: 'no such lab' },
  callsAws: true,
  changes: true,
  async run(options, context, [snapshot]): Promise<number> {
    const { removeSnapshot } = await import('../app/backup/snapshot.js')
    const { snapshotJson, snapshotRemovedText } = await import('../ui/backup-view.js')
    const removed = await removeSnapshot(snapshot, options, context)
    context.ui.result(snapshotRemovedText(removed), { removed: snapshotJson(removed) })
    return 0
  },
})
