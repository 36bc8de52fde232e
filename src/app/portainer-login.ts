import { type PortainerLogin, portainerPassword } from '../host/portainer.js'
import type { Context, GlobalOptions } from './context.js'
import { hostOf } from './host-work.js'
import { openLab } from './open-lab.js'
import { findRunning } from './running-instance.js'

export type { PortainerLogin } from '../host/portainer.js'

/** Portainer's admin and password: the one stored on the host, or a new one. */
export async function portainerLogin(
  options: GlobalOptions & { reset?: boolean },
  context: Context,
): Promise<PortainerLogin> {
  const open = await openLab(options, context)
  const { instanceId } = await findRunning(open, context)
  return await portainerPassword(hostOf(open, instanceId, context), options.reset ? 'reset' : 'show')
}
