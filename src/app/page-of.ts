import { LabError } from '../core/error.js'
import { urlsOf } from '../lab/urls.js'
import type { Context, GlobalOptions } from './context.js'
import { askHealth } from './host-work.js'
import { type OpenLab, openLab } from './open-lab.js'
import { findRunning } from './running-instance.js'

/** The address of LibreChat's or Portainer's page; LabError `not-running` for an instance without an address. */
export async function pageOf(
  target: 'librechat' | 'portainer',
  options: GlobalOptions,
  context: Context,
): Promise<string> {
  const open = await openLab(options, context)
  const { lab } = open
  const { instanceId, publicIp, state } = await findRunning(open, context)
  if (!publicIp) {
    throw new LabError({
      code: 'not-running',
      what: `The lab's instance is ${state} and has no public address.`,
      fix: [{ command: { path: 'up' }, text: 'gives it its Elastic IP again' }],
    })
  }
  const domain = target === 'librechat' ? await servedDomain(open, { instanceId, state }, context) : undefined
  return urlsOf(lab, publicIp, instanceId, domain)[target]
}

/** The settings' domain, only if the host serves it: anyone who can write the settings could redirect the user. */
async function servedDomain(
  open: OpenLab,
  instance: { instanceId: string; state: string },
  context: Context,
): Promise<string | undefined> {
  const domain = open.stored?.domain
  if (domain === undefined) return undefined
  const health = await askHealth(open, instance, context)
  if (health?.site === domain) return domain
  context.ui.emit({
    type: 'warning',
    text: `The settings contain ${domain}, but the host does not serve it now. This is the host's address:`,
  })
  return undefined
}
