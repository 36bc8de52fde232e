import { readFile } from 'node:fs/promises'
import { LabError } from '../../core/error.js'
import type { Context } from '../context.js'
import { isPathError, shortPath } from './file.js'

const shortest = 12

/** The passphrase of a backup, from a file or from the terminal. LabErrors `no-such-file`, `weak-passphrase`, `missing-flag`. */
export async function passphraseFor(
  options: { passphraseFile?: string },
  { ui }: Context,
  { isNew }: { isNew: boolean },
): Promise<string> {
  if (options.passphraseFile !== undefined) {
    const given = await firstLine(options.passphraseFile)
    if (isNew && given.length < shortest) throw tooShort()
    return given
  }
  const otherwise = 'Use the flag: --passphrase-file <path>'
  if (!isNew)
    return await ui.password({
      otherwise,
      message: 'Passphrase of the backup:',
      validate: (text) => text !== '' || 'Type the passphrase.',
    })
  const typed = await ui.password({
    otherwise,
    message: 'Passphrase for this backup:',
    hint: `At least ${shortest} characters. It never leaves this computer. Without it nobody can read the backup, so keep it well.`,
    validate: (text) => text.length >= shortest || `The passphrase is shorter than ${shortest} characters.`,
  })
  await ui.password({
    otherwise,
    message: 'The same again:',
    validate: (text) => text === typed || 'The two differ.',
  })
  return typed
}

async function firstLine(path: string): Promise<string> {
  try {
    return ((await readFile(path, 'utf8')).split('\n')[0] ?? '').replace(/\r$/, '')
  } catch (error) {
    if (!isPathError(error)) throw error
    throw new LabError({
      code: 'no-such-file',
      what: `Can't read the passphrase from ${shortPath(path)}.`,
      why: 'Its first line is the passphrase.',
    })
  }
}

const tooShort = () =>
  new LabError({
    code: 'weak-passphrase',
    what: `The passphrase is shorter than ${shortest} characters.`,
    why: 'Anyone who has the file can try passphrases without limit.',
    fix: ['Use a longer one, for example four random words.'],
  })
