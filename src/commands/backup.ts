import type { BackupOptions } from '../app/backup/backup.js'
import type { CommandContext, GlobalOptions } from '../app/context.js'
import { defineCommand, type Only } from '../app/define-command.js'
import { passphraseOptions } from '../app/shared-options.js'

export const backup = defineCommand({
  name: 'backup',
  summary: 'Save everything in the lab to one encrypted file',
  examples: [
    ['backup', 'writes a file here and reads it back'],
    ['backup lab.backup --passphrase-file pass.txt', 'without a prompt'],
    ['backup verify lab.backup', 'checks a file, without a lab'],
    ['backup list', 'lists the nightly dumps and snapshots'],
    ['backup --snapshot', 'takes an EBS snapshot; LibreChat goes on'],
    ['backup --to s3://bucket/prefix', 'uploads it from the host'],
  ],
  args: [{ name: '[file]', text: 'the file to write; default: a new one in this folder' }],
  options: {
    ...passphraseOptions,
    snapshot: { kind: 'flag', text: 'make an EBS snapshot of the disk in AWS instead of a file' },
    to: {
      kind: 'word',
      value: '<url>',
      text: 'upload from the host to s3://bucket/prefix instead; your account must own the bucket',
    },
  },
  exits: { 2: 'a snapshot is not complete yet, or the result could not be printed', 3: 'no such lab' },
  callsAws: true,
  changes: true,
  startsOver: true,
  async run(options, context, [file]): Promise<number> {
    if (options.snapshot) return await snapshotOf(file, options, context)
    if (options.to !== undefined) return await s3Of(file, options.to, options, context)
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

async function snapshotOf(
  file: string | undefined,
  options: { passphraseFile?: string; to?: string } & GlobalOptions,
  context: CommandContext,
): Promise<number> {
  const { refuseBoth, snapshotLab } = await import('../app/backup/snapshot.js')
  const { snapshotJson, snapshotText } = await import('../ui/backup-view.js')
  refuseBoth({ file, ...options })
  const made = await snapshotLab(options, context)
  context.ui.result(snapshotText(made, context.ui), { snapshot: snapshotJson(made) })
  return 0
}

async function s3Of(
  file: string | undefined,
  url: string,
  options: { passphraseFile?: string } & GlobalOptions,
  context: CommandContext,
): Promise<number> {
  const { backUpToS3, refuseFile } = await import('../app/backup/to-s3.js')
  const { s3Text } = await import('../ui/backup-view.js')
  refuseFile(file, url)
  const made = await backUpToS3(url, options, context)
  context.ui.result(s3Text(made, context.ui), made)
  return 0
}
