import { LabError } from '../core/error.js'
import type { Host } from '../host/host.js'
import {
  addUser,
  type ListedUser,
  listUsers,
  type MadeUser,
  problemWith,
  removeUser,
  resetPassword,
} from '../host/users.js'
import type { Context, GlobalOptions } from './context.js'
import { hostOf } from './host-work.js'
import { type OpenLab, openLab, type Settings } from './open-lab.js'
import { givenPassword, type PasswordOptions } from './password.js'
import { findRunning } from './running-instance.js'

export type { ListedUser, MadeUser } from '../host/users.js'

export async function hostFor(options: GlobalOptions, context: Context): Promise<Host> {
  return (await labFor(options, context)).host
}

async function labFor(options: GlobalOptions, context: Context): Promise<{ open: OpenLab; host: Host }> {
  const open = await openLab(options, context)
  const { instanceId } = await findRunning(open, context)
  return { open, host: hostOf(open, instanceId, context) }
}

async function passwordFor(email: string, options: PasswordOptions, context: Context) {
  const password = await givenPassword(email, options, context)
  return password === undefined ? {} : { password }
}

/** LabError `bad-email`, before anything is asked or sent. */
export function checkEmail(email: string): void {
  const problem = problemWith('email', email)
  if (problem)
    throw new LabError({ code: 'bad-email', what: `${JSON.stringify(email.slice(0, 60))} is ${problem}.` })
}

/** Creates the user; `allow`: the addresses that can reach the lab. */
export async function addLabUser(
  email: string,
  options: GlobalOptions & PasswordOptions & { displayName?: string },
  context: Context,
): Promise<MadeUser & { allow: Settings['allow'] | undefined }> {
  checkEmail(email)
  const given = await passwordFor(email, options, context)
  const { displayName: name } = options
  const { open, host } = await labFor(options, context)
  const made = await addUser(host, { email, ...given, ...(name === undefined ? {} : { name }) })
  return { ...made, allow: open.stored?.allow }
}

export async function resetLabPassword(
  email: string,
  options: GlobalOptions & PasswordOptions,
  context: Context,
): Promise<MadeUser> {
  checkEmail(email)
  const given = await passwordFor(email, options, context)
  return await resetPassword(await hostFor(options, context), { email, ...given })
}

export const labUsers = async (options: GlobalOptions, context: Context): Promise<ListedUser[]> =>
  await listUsers(await hostFor(options, context))

/** Requires the address again, at the terminal or with `--confirm`; LabError `not-confirmed`. */
export async function removeLabUser(
  email: string,
  options: GlobalOptions & { confirm?: string },
  context: Context,
): Promise<void> {
  const typed =
    options.confirm ??
    (await context.ui.input({
      flag: `--confirm ${email}`,
      message: `Type the address again to delete ${email}:`,
      hint: 'Deletes all their conversations. LibreChat restarts, which takes about half a minute.',
    }))
  if (typed.trim() !== email)
    throw new LabError({ code: 'not-confirmed', what: 'The addresses differ. Nothing was deleted.' })
  await removeUser(await hostFor(options, context), email)
}
