import { defineCommand } from '../app/define-command.js'

export const backupList = defineCommand({
  name: 'backup list',
  summary: 'List the dumps on the host',
  examples: [['backup list', 'the nightly dumps, and those made before a restore']],
  exits: { 3: 'no such lab' },
  callsAws: true,
  async run(options, context): Promise<number> {
    const { labDumps } = await import('../app/backup/restore.js')
    const { dumpsText } = await import('../ui/backup-view.js')
    const dumps = await labDumps(options, context)
    context.ui.result(dumpsText(dumps, context.ui), { dumps })
    return 0
  },
})
