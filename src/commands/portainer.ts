import type { Run } from '../app/context.js'
import { hostOf } from '../app/host-work.js'
import { openLab } from '../app/open-lab.js'
import { portainerPassword } from '../host/portainer.js'
import { findInstance } from '../lab/find.js'

/** Shows Portainer's admin password, or makes a new one. Never in JSON. */
export const password: Run<{ reset?: boolean }> = async (options, context) => {
  const { ui } = context
  const open = await openLab(options, context)
  const { instanceId } = await findInstance(open.clients, open.lab, open.stored)
  const login = await portainerPassword(hostOf(open, instanceId, context), options.reset ? 'reset' : 'show')
  if (ui.json) {
    ui.emit({
      type: 'warning',
      text: 'The password is not part of the JSON. Run this without --json to see it.',
    })
  }
  if (login.works === false) {
    ui.emit({
      type: 'warning',
      text: 'Portainer refuses this password: it was changed there. librechat-lab portainer password --reset makes a new one.',
    })
  }
  ui.result(`User      ${login.username}\nPassword  ${login.password}`, {
    username: login.username,
    works: login.works,
  })
  return 0
}
