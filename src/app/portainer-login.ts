import { type PortainerLogin, portainerPassword } from '../host/portainer.js'
import { findInstance } from '../lab/find.js'
import type { Context, GlobalOptions } from './context.js'
import { hostOf } from './host-work.js'
import { openLab } from './open-lab.js'

export type { PortainerLogin } from '../host/portainer.js'

/** Portainer's admin and its password: the one that the host knows, or a new one. */
export async function portainerLogin(
  options: GlobalOptions & { reset?: boolean },
  context: Context,
): Promise<PortainerLogin> {
  const open = await openLab(options, context)
  const { instanceId } = await findInstance(open.clients, open.lab, open.stored)
  return await portainerPassword(hostOf(open, instanceId, context), options.reset ? 'reset' : 'show')
}
