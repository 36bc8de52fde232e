import type { Backup } from '../app/backup/backup.js'
import type { Restored } from '../app/backup/restore.js'
import type { Verified } from '../app/backup/verify.js'
import type { Ui } from '../app/context.js'
import { bytesText } from '../core/bytes.js'
import { clean } from './style.js'
import { columns } from './table.js'

export const backupText = ({ file, bytes, stoppedSeconds }: Backup, { hint }: Pick<Ui, 'hint'>): string =>
  [
    `Backed up to ${clean(file)} (${bytesText(bytes)}), and read back.`,
    `  LibreChat was stopped for ${Math.ceil(stoppedSeconds)} s. Without the passphrase nobody can read the file.`,
    `  To check it later: ${hint({ command: { path: 'backup verify', args: [file] } })}`,
    `  To restore it:     ${hint({ command: { path: 'restore', args: [file] } })}`,
  ].join('\n')

export const verifiedText = (file: string, { header, librechat, mongodb }: Verified): string =>
  [
    `${clean(file)} is complete and unchanged.`,
    `  lab ${clean(header.lab)} in ${clean(header.region)}, ${clean(header.at)}`,
    `  LibreChat ${clean(librechat)}, MongoDB ${clean(mongodb)}`,
  ].join('\n')

export const verifiedJson = (file: string, { header, bytes, librechat, mongodb }: Verified) => ({
  file,
  bytes,
  lab: header.lab,
  region: header.region,
  at: header.at,
  librechat,
  mongodb,
})

interface Listed {
  id: string
  at: string
  bytes: number
  librechat: string
}

export function dumpsText(dumps: readonly Listed[], { hint }: Pick<Ui, 'hint'>): string {
  const last = dumps.at(-1)
  if (!last)
    return `There are no dumps on the host yet. To make a backup: ${hint({ command: { path: 'backup' } })}`
  const rows = dumps.map(({ id, bytes, librechat }) => [
    clean(id),
    bytesText(bytes),
    `LibreChat ${clean(librechat)}`,
  ])
  const restore = hint({ command: { path: 'restore', args: [last.id] } })
  return [
    ...columns([['DUMP ON THE HOST', 'SIZE', ''], ...rows]),
    '',
    `To restore the newest: ${restore}`,
  ].join('\n')
}

export const restoredText = ({ lab, id, before, search }: Restored, { hint }: Pick<Ui, 'hint'>): string =>
  [
    `Restored ${clean(id)} into the lab "${lab}".`,
    '  Users sign in with the passwords of that time.',
    ...(search ? [] : ['  The search in old conversations could not be rebuilt; new ones are found.']),
    `  The data from before is kept on the host. To go back: ${hint({ command: { path: 'restore', args: [before] } })}`,
  ].join('\n')
