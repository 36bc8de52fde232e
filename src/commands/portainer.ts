import { portainerPassword } from '../host/portainer.js'
import { findInstance } from '../lab/find.js'
import type { Run } from './context.js'
import { hostOf } from './host-work.js'
import { openLab } from './open-lab.js'

/** Shows Portainer's admin password, or makes a new one. Never in JSON. */
export const password: Run<{ reset?: boolean }> = async (options, context) => {
  const { face } = context
  const open = await openLab(options, context)
  const { instanceId } = await findInstance(open.clients, open.lab.name)
  const login = await portainerPassword(hostOf(open, instanceId, context), options.reset ? 'reset' : 'show')
  if (face.json) {
    face.emit({
      type: 'warning',
      text: 'The password is not part of the JSON. Run this without --json to see it.',
    })
  }
  if (login.works === false) {
    face.emit({
      type: 'warning',
      text: 'Portainer refuses this password: it was changed there. librechat-lab portainer password --reset makes a new one.',
    })
  }
  face.result(`User      ${login.username}\nPassword  ${login.password}`, {
    username: login.username,
    works: login.works,
  })
  return 0
}
