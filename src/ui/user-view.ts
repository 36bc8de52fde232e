import type { Allowances } from '../app/allowances.js'
import type { Ui } from '../app/context.js'
import type { ListedUser, MadeUser } from '../app/lab-users.js'
import type { Settings } from '../app/open-lab.js'
import { allowedText } from './lab-view.js'
import { clean } from './style.js'
import { columns, usd } from './table.js'

export const usersText = (users: readonly ListedUser[], { hint }: Pick<Ui, 'hint'>): string =>
  users.length === 0
    ? `There are no users yet. To create one: ${hint({ command: { path: 'user add', args: ['<email>'] } })}`
    : columns([
        ['E-MAIL', 'NAME', 'CREATED'],
        ...users.map(({ email, name, created }) => [clean(email), clean(name), clean(created)]),
      ]).join('\n')

/** A new user, and whether they can reach the page, because their address must be allowed. */
export function showNewUser(
  { allow, ...made }: MadeUser & { allow: Settings['allow'] | undefined },
  ui: Ui,
): void {
  const command = { path: 'access add', args: ['<range>'] } as const
  const text = allow && [
    `  The page can be reached from ${allowedText(allow)}.`,
    `  To let them in from elsewhere: ${ui.hint({ command })}`,
  ]
  showUser('Created the user', made, ui, { text: text ?? [], json: { allowedFrom: allow?.cidrs ?? [] } })
}

export const allowancesText = (
  { usd: usual, users, more }: Allowances,
  { style }: Pick<Ui, 'style'>,
): string =>
  [
    `Each user may spend ${usd(usual)} on models in a calendar month (UTC).`,
    '',
    ...columns([
      ['  User', 'Allowance', 'Spent', 'Left'].map((title) => style('dim', title)),
      ...users.map(({ email, usd: allowance, own, used, left }) => [
        `  ${clean(email)}`,
        `${usd(allowance)}${own ? ' (own)' : ''}`,
        usd(used),
        usd(left),
      ]),
    ]),
    ...(more > 0 ? [`  and ${more} more users`] : []),
  ].join('\n')

/** Shows a password that the host generated: at the terminal only, never as JSON. */
export function showUser(
  done: string,
  { email, made, password }: MadeUser,
  ui: Ui,
  more: { text: readonly string[]; json: object } = { text: [], json: {} },
): void {
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
  ui.result([`${done} ${email}.`, ...secret, ...more.text].join('\n'), { email, made, ...more.json })
}
