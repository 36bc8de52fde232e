import { defineCommand } from '../app/define-command.js'

export const backupList = defineCommand({
  name: 'backup list',
  summary: 'List the dumps on the host and the EBS snapshots',
  examples: [['backup list', 'the nightly dumps, those made before a restore, and snapshots']],
  exits: { 3: 'no such lab' },
  callsAws: true,
  async run(options, context): Promise<number> {
    const { listBackups } = await import('../app/backup/snapshot.js')
    const { backupsText, snapshotJson } = await import('../ui/backup-view.js')
    const { dumps, snapshots, ...more } = await listBackups(options, context)
    context.ui.result(backupsText({ dumps, snapshots, ...more }, context.ui), {
      dumps,
      snapshots: snapshots.map(snapshotJson),
    })
    return 0
  },
})
