import { LabError } from '../core/error.js'
import { problemWith } from '../host/users.js'
import type { Context } from './context.js'
import { utf8 } from './given-file.js'

export interface PasswordOptions {
  askPassword?: boolean
  passwordStdin?: boolean
}

/** Whether the user gives the password; the host generates one otherwise. */
export const givesPassword = ({ askPassword, passwordStdin }: PasswordOptions): boolean =>
  Boolean(askPassword || passwordStdin)

/**
 * The password of `--ask-password` or `--password-stdin`; undefined without either.
 * LabErrors `bad-option`, `bad-password`, `missing-flag`
 */
export async function givenPassword(
  email: string,
  options: PasswordOptions,
  context: Context,
): Promise<string | undefined> {
  if (options.passwordStdin && options.askPassword) {
    throw new LabError({
      code: 'bad-option',
      what: "--password-stdin can't be combined with --ask-password.",
    })
  }
  if (options.passwordStdin) return await readPassword(context)
  return options.askPassword ? await askPassword(email, context) : undefined
}

const complaint = (password: string): string | undefined => {
  const problem = problemWith('password', password)
  return problem && `The password is ${problem}.`
}

/** Asks twice, because the input is hidden, and until LibreChat accepts it. */
async function askPassword(email: string, { ui }: Context): Promise<string> {
  const otherwise = 'Use --password-stdin, or leave --ask-password out: the host then generates a password.'
  for (;;) {
    const password = await ui.password({
      otherwise,
      message: `Password for ${email}:`,
      hint: 'At least 8 characters. It is sent encrypted and stored only as a hash, in LibreChat’s database.',
      validate: (typed) => complaint(typed) ?? true,
    })
    const message = 'The same password again:'
    if ((await ui.password({ otherwise, message, validate: () => true })) === password) return password
    ui.emit({ type: 'warning', text: 'The two passwords differ.' })
  }
}

/** Standard input without the line end behind it. */
async function readPassword({ stdin }: Context): Promise<string> {
  if (stdin.isTTY) {
    throw new LabError({
      code: 'bad-option',
      what: '--password-stdin reads the password from standard input, which is a terminal.',
      fix: ['Pipe the password in, or use --ask-password to type it.'],
    })
  }
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stdin) {
    chunks.push(Buffer.from(chunk))
    length += chunk.length
    if (length > mostRead) break
  }
  const password = utf8(Buffer.concat(chunks))?.replace(/\r?\n$/, '')
  if (password === undefined)
    throw new LabError({ code: 'bad-password', what: 'The password is not UTF-8 text.' })
  const problem = complaint(password)
  if (problem) throw new LabError({ code: 'bad-password', what: problem })
  return password
}

/** Longer than any valid password. */
const mostRead = 4096
