import { LabError } from '../../core/error.js'
import type { Context } from '../context.js'
import { readGiven, UnusableFile, utf8 } from '../given-file.js'
import { shortPath } from './file.js'

const shortest = 12
/** In bytes: `openssl -passin file:` reads no more (apps/lib/apps.c, APP_PASS_LEN), and Node.js one more. */
const longest = 1023
/** Room for more lines behind the first. */
const largestFile = 65_536

/**
 * The passphrase of a backup, from a file or from the terminal. LabErrors `no-such-file`, `weak-passphrase`,
 * `bad-passphrase`, `missing-flag`.
 */
export async function passphraseFor(
  options: { passphraseFile?: string },
  context: Context,
  { isNew }: { isNew: boolean },
): Promise<string> {
  const { ui } = context
  if (options.passphraseFile !== undefined) {
    const given = await firstLine(options.passphraseFile, context)
    if (isNew && given.length < shortest) throw tooShort()
    const problem = problemOf(given)
    if (problem) throw unusable(problem)
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
    validate: (text) =>
      text.length < shortest
        ? `The passphrase is shorter than ${shortest} characters.`
        : (problemOf(text) ?? true),
  })
  await ui.password({
    otherwise,
    message: 'The same again:',
    validate: (text) => text === typed || 'The two differ.',
  })
  return typed
}

/** Why nothing could open what is locked with it; undefined if something can. */
function problemOf(text: string): string | undefined {
  if (text === '') return 'The passphrase is empty.'
  if (Buffer.byteLength(text) > longest) return `The passphrase is longer than ${longest} bytes.`
  return /\p{Cc}/u.test(text) ? 'The passphrase has a control character, such as a tab.' : undefined
}

/** The first line of the file. Its end may be that of Windows. */
async function firstLine(path: string, context: Context): Promise<string> {
  const data = await readGiven(path, largestFile, context).catch((error: unknown) => {
    if (!(error instanceof UnusableFile)) throw error
    throw new LabError({
      code: 'no-such-file',
      what: `Can't read the passphrase from ${shortPath(path)}.`,
      why: `${error.why} The first line of a text file is the passphrase.`,
      cause: error,
    })
  })
  const end = data.indexOf('\n')
  const text = utf8(end < 0 ? data : data.subarray(0, end))
  if (text === undefined) throw unusable('The passphrase is not UTF-8 text.')
  return text.replace(/\r$/, '')
}

const unusable = (what: string) =>
  new LabError({
    code: 'bad-passphrase',
    what,
    why: `A passphrase is one line of UTF-8 text with at most ${longest} bytes, so that OpenSSL opens the backup too.`,
    fix: ['Put the passphrase alone into the first line of the file.'],
  })

const tooShort = () =>
  new LabError({
    code: 'weak-passphrase',
    what: `The passphrase is shorter than ${shortest} characters.`,
    why: 'Anyone who has the file can try passphrases without limit.',
    fix: ['Use a longer one, for example four random words.'],
  })
