import type { Ui } from '../app/context.js'
import type { PortainerLogin } from '../app/portainer-login.js'

/** Shows the admin's password; never as JSON. */
export function showLogin({ username, password, works }: PortainerLogin, ui: Ui): void {
  if (ui.json)
    ui.emit({
      type: 'warning',
      text: 'The JSON does not contain the password. Run this command without --json to see it.',
    })
  if (works === false)
    ui.emit({
      type: 'warning',
      text: 'Portainer rejects this password, because it was changed in Portainer. To set a new one:',
      command: { path: 'portainer password', flags: { reset: true } },
    })
  ui.result(`User      ${username}\nPassword  ${password}`, { username, works })
}
