import { defineCommand } from '../app/define-command.js'
import { passphraseOptions } from '../app/shared-options.js'

export const backupVerify = defineCommand({
  name: 'backup verify',
  summary: 'Read a backup to its end and check every part of it',
  examples: [['backup verify lab.backup', 'asks for its passphrase']],
  args: [{ name: '<file>', text: 'the backup' }],
  options: passphraseOptions,
  startsOver: true,
  async run(options, context, [file]): Promise<number> {
    const { verifyBackup } = await import('../app/backup/restore.js')
    const { verifiedJson, verifiedText } = await import('../ui/backup-view.js')
    const verified = await verifyBackup(file, options, context)
    context.ui.result(verifiedText(file, verified), verifiedJson(file, verified))
    return 0
  },
})
