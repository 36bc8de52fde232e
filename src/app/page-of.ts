import { LabError } from '../core/error.js'
import { findInstance } from '../lab/find.js'
import { urlsOf } from '../lab/urls.js'
import type { Context, GlobalOptions } from './context.js'
import { openLab } from './open-lab.js'

/** The address of LibreChat's or Portainer's page; LabError `not-running` for an instance without an address. */
export async function pageOf(
  target: 'librechat' | 'portainer',
  options: GlobalOptions,
  context: Context,
): Promise<string> {
  const { clients, lab, stored } = await openLab(options, context)
  const { instanceId, publicIp, state } = await findInstance(clients, lab, stored)
  if (!publicIp) {
    throw new LabError({
      code: 'not-running',
      what: `The lab's instance is ${state} and has no public address.`,
      fix: [{ command: { path: 'up' }, text: 'starts it' }],
    })
  }
  return urlsOf(lab, publicIp, instanceId, stored?.domain)[target]
}
