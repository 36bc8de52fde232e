import { problemWith } from '../host/users.js'
import type { Context } from './context.js'

/** Asks for a LibreChat password until LibreChat accepts it. */
export async function askPassword(email: string, { ui }: Context): Promise<string> {
  return await ui.password({
    otherwise: 'Run the command without --ask-password; the host then generates a password.',
    message: `Password for ${email}:`,
    hint: 'At least 8 characters. It is sent encrypted and stored only as a hash, in LibreChat’s database.',
    validate: (password) => {
      const problem = problemWith('password', password)
      return problem === undefined || `The password is ${problem}.`
    },
  })
}
