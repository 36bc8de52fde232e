import type { Ui } from '../app/context.js'
import type { ListedUser, MadeUser } from '../app/lab-users.js'
import { clean } from './style.js'
import { columns } from './table.js'

export const usersText = (users: readonly ListedUser[], { hint }: Pick<Ui, 'hint'>): string =>
  users.length === 0
    ? `There are no users yet. To create one: ${hint({ command: { path: 'user add', args: ['<email>'] } })}`
    : columns(users.map(({ email, name, created }) => [clean(email), clean(name), clean(created)])).join('\n')

/** Shows a password that the host generated: at the terminal only, never as JSON. */
export function showUser(done: string, { email, made, password }: MadeUser, ui: Ui): void {
  const command = { path: 'user reset-password', args: [email] } as const
  if (ui.json && password)
    ui.emit(
      ui.interactive
        ? { type: 'note', text: `The password, shown only once: ${password}` }
        : { type: 'warning', text: 'The JSON does not contain the password. To set a new one:', command },
    )
  const secret = password
    ? [`  Password  ${password}`, `  It is shown only once. To set a new one: ${ui.hint({ command })}`]
    : []
  ui.result([`${done} ${email}.`, ...secret].join('\n'), { email, made })
}
