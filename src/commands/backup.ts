import type { BackupOptions } from '../app/backup/backup.js'
import { defineCommand, type Only } from '../app/define-command.js'
import { passphraseOptions } from '../app/shared-options.js'

export const backup = defineCommand({
  name: 'backup',
  summary: 'Save everything in the lab to one encrypted file',
  examples: [
    ['backup', 'writes a file into this folder and reads it back'],
    ['backup lab.backup --passphrase-file pass.txt', 'without a prompt'],
    ['backup verify lab.backup', 'checks a file, without a lab'],
    ['backup list', 'lists the nightly dumps on the host'],
  ],
  args: [{ name: '[file]', text: 'the file to write; default: a new one in this folder' }],
  options: passphraseOptions,
  exits: { 3: 'no such lab' },
  callsAws: true,
  async run(options, context, [file]): Promise<number> {
    const { backUp } = await import('../app/backup/backup.js')
    const { backupText, verifiedJson } = await import('../ui/backup-view.js')
    const made = await backUp(file, options satisfies Only<BackupOptions, typeof options>, context)
    context.ui.result(backupText(made, context.ui), {
      ...verifiedJson(made.file, made),
      stoppedSeconds: made.stoppedSeconds,
    })
    return 0
  },
})
