import { resolve } from 'node:path'
import { type Hint, LabError } from '../core/error.js'
import { agoText } from '../lab/last-backup.js'
import { isTaken, shortPath } from './backup/file.js'
import type { Context, GlobalOptions } from './context.js'
import type { DestroyPlan } from './destruction.js'
import type { OpenLab } from './open-lab.js'

export interface FirstBackupOptions {
  /** The file; false: none. */
  backup?: string | false
  passphraseFile?: string
}

interface DestroyFlags {
  confirm?: string
  releaseAddress?: string
}

/** "" is a new file in this folder. */
type Wanted = string | undefined

/**
 * Shows the age of the last backup, and decides from the flags or by asking whether to make one first. LabError
 * `backup-needs-host` if the lab isn't running, `file-exists`.
 */
export async function chooseBackup(
  plan: DestroyPlan,
  options: FirstBackupOptions & DestroyFlags,
  { ui, clock }: Context,
): Promise<Wanted> {
  const { lab, host, lastBackup } = plan
  if (options.backup === false) return undefined
  if (options.backup !== undefined) {
    if (await isTaken(resolve(options.backup))) throw existsAlready(options.backup, options)
    if (host !== 'running') throw needsHost(plan, options)
    return options.backup
  }
  if (host === undefined) return undefined
  const age = lastBackup
    ? `The last ${lastBackup.kind === 'file' ? 'backup file' : 'snapshot'} of this lab was made ${agoText(lastBackup.at, clock.now())}.`
    : 'No backup of this lab is known. The nightly dumps on its disk are deleted with it.'
  if (options.confirm === lab.name) {
    // Scripts of 0.1.0 go on: docs/decisions/confirm-and-backup.md.
    ui.emit({
      type: 'warning',
      text: [
        `${age} Say whether to back up first: add --backup <file> or --no-backup. A later version will require one of them.`,
      ],
    })
    return undefined
  }
  ui.emit({ type: 'note', text: age })
  if (!ui.interactive || ui.json || options.confirm !== undefined) return undefined
  if (host !== 'running') {
    ui.emit({
      type: 'note',
      text: `The instance is ${host}. A backup file can be made when it runs.`,
      command: { path: 'start' },
    })
    return undefined
  }
  const agrees = await ui.confirm({
    flag: '--backup <file>',
    message: 'Back up to a file in this folder first?',
    hint: 'Nothing is deleted if the backup fails.',
    default: true,
  })
  return agrees ? '' : undefined
}

/** Makes the wanted backup and returns the file. If it fails, nothing is deleted. */
export async function backUpFirst(
  open: OpenLab,
  wanted: Wanted,
  options: FirstBackupOptions & GlobalOptions,
  context: Context,
): Promise<string | undefined> {
  if (wanted === undefined) return undefined
  const { backUpLab } = await import('./backup/backup.js')
  try {
    const { passphraseFile } = options
    const how = passphraseFile === undefined ? {} : { passphraseFile }
    return (await backUpLab(open, wanted || undefined, how, context)).file
  } catch (error) {
    context.ui.emit({ type: 'warning', text: `The backup was not made. ${deletedNothing}` })
    throw error
  }
}

/** What a run says that stops before it deletes: an earlier one may have deleted something. */
const deletedNothing = 'This run deleted nothing.'

const withoutBackup = ({ confirm, releaseAddress }: DestroyFlags, text: string): Hint => ({
  command: { path: 'destroy', flags: { confirm, 'no-backup': true, 'release-address': releaseAddress } },
  text,
})

const needsHost = ({ lab, host }: DestroyPlan, flags: DestroyFlags) =>
  new LabError({
    code: 'backup-needs-host',
    what: host
      ? `The lab "${lab.name}" can't be backed up: its instance is ${host}.`
      : `The lab "${lab.name}" has no instance to back up.`,
    why: `Only a running host can make a backup file. ${deletedNothing}`,
    fix: [
      ...(host ? [{ command: { path: 'start' as const }, text: 'starts it' }] : []),
      withoutBackup(flags, host ? 'deletes it without a backup' : 'deletes what is left of the lab'),
    ],
  })

/** An earlier run of the same command may have made it. */
const existsAlready = (file: string, flags: DestroyFlags) =>
  new LabError({
    code: 'file-exists',
    what: `${shortPath(resolve(file))} exists already.`,
    why: `A backup never replaces a file. ${deletedNothing}`,
    fix: [
      { command: { path: 'backup verify', args: [file] }, text: 'checks it, if it is a backup of the lab' },
      withoutBackup(flags, 'deletes the lab without another backup'),
    ],
  })
