import type { Context, GlobalOptions, Run } from '../app/context.js'
import { hostOf } from '../app/host-work.js'
import { openLab } from '../app/open-lab.js'
import { askPassword } from '../app/password.js'
import { LabError } from '../core/error.js'
import {
  addUser,
  listUsers,
  type MadeUser,
  problemWith,
  removeUser,
  resetPassword as reset,
} from '../host/users.js'
import { findInstance } from '../lab/find.js'
import { columns } from '../ui/table.js'

/** The lab's host, to run something on. */
async function hostFor(options: GlobalOptions, context: Context) {
  const open = await openLab(options, context)
  const { instanceId } = await findInstance(open.clients, open.lab, open.stored)
  return hostOf(open, instanceId, context)
}

interface PasswordOptions {
  askPassword?: boolean
}

const passwordFor = async (email: string, { askPassword: asks }: PasswordOptions, context: Context) =>
  asks ? { password: await askPassword(email, context) } : {}

/** Shows a password that the host made: to the person alone, never in JSON. */
function tell(done: MadeUser, word: string, { ui }: Context): number {
  const secret = done.password
  const lines = [
    `${word} ${done.email}.`,
    ...(secret
      ? [
          `  Password  ${secret}`,
          `  Shown this once. Another one: librechat-lab user reset-password ${done.email}`,
        ]
      : []),
  ]
  if (ui.json && secret) {
    ui.emit(
      ui.interactive
        ? { type: 'note', text: `The password, shown this once: ${secret}` }
        : {
            type: 'warning',
            text: `The password is not part of the JSON: librechat-lab user reset-password ${done.email}   shows another`,
          },
    )
  }
  ui.result(lines.join('\n'), { email: done.email, made: done.made })
  return 0
}

export const add: Run<PasswordOptions & { displayName?: string }> = async (
  options,
  context,
  [email = ''],
) => {
  const problem = problemWith('email', email)
  if (problem)
    throw new LabError({ code: 'bad-email', what: `${JSON.stringify(email.slice(0, 60))} is ${problem}.` })
  const given = await passwordFor(email, options, context)
  const host = await hostFor(options, context)
  const name = options.displayName
  return tell(
    await addUser(host, { email, ...given, ...(name === undefined ? {} : { name }) }),
    'Made the user',
    context,
  )
}

export const resetPassword: Run<PasswordOptions> = async (options, context, [email = '']) => {
  const given = await passwordFor(email, options, context)
  const host = await hostFor(options, context)
  return tell(await reset(host, { email, ...given }), 'A new password for', context)
}

export const list: Run = async (options, context) => {
  const users = await listUsers(await hostFor(options, context))
  const rows = users.map(({ email, name, created }) => [email, name, created])
  const text =
    users.length === 0 ? 'There is no user yet: librechat-lab user add <email>' : columns(rows).join('\n')
  context.ui.result(text, { users })
  return 0
}

export const remove: Run<{ confirm?: string }> = async (options, context, [email = '']) => {
  const typed =
    options.confirm ??
    (await context.ui.input({
      flag: `--confirm ${email}`,
      message: `Type the address again to remove ${email}:`,
      hint: 'Their conversations go with them. LibreChat is away for about half a minute.',
    }))
  if (typed.trim() !== email) {
    throw new LabError({ code: 'not-confirmed', what: 'That is not the same address: nothing was done.' })
  }
  await removeUser(await hostFor(options, context), email)
  context.ui.result(`Removed ${email}.`, { removed: email })
  return 0
}
