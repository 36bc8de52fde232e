import { problemWith } from '../host/users.js'
import type { Context } from './context.js'

/** Asks a person for a LibreChat password until it is one that LibreChat takes. */
export async function askPassword(email: string, { ui }: Context): Promise<string> {
  return await ui.password({
    otherwise: 'Leave --ask-password out: the host generates a password then.',
    message: `Password for ${email}:`,
    hint: 'At least 8 characters. It is sent encrypted and stored only as a hash, in LibreChat’s database.',
    validate: (password) => {
      const problem = problemWith('password', password)
      return problem === undefined || `It is ${problem}.`
    },
  })
}
