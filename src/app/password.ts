import { problemWith } from '../host/users.js'
import type { Context } from './context.js'

/** Asks a person for a LibreChat password until it is one that LibreChat takes. */
export async function askPassword(email: string, { ui }: Context): Promise<string> {
  return await ui.password({
    flag: 'leave --ask-password out: the host makes a password then',
    message: `A password for ${email}:`,
    hint: 'At least 8 characters. It travels encrypted and is kept nowhere but in LibreChat’s database, hashed.',
    validate: (password) => {
      const problem = problemWith('password', password)
      return problem === undefined || `It is ${problem}.`
    },
  })
}
