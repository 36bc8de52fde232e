import type { Context, Run } from '../app/context.js'
import { askHealth } from '../app/host-work.js'
import { type OpenLab, openLab } from '../app/open-lab.js'
import { LabError } from '../core/error.js'
import { findInstance } from '../lab/find.js'
import { openBrowser } from '../ui/browser.js'
import { urlsOf } from '../ui/lab-view.js'

/** Opens LibreChat, or Portainer, in the browser. */
export const run: Run = async (options, context, [target = 'librechat']) => {
  const open = await openLab(options, context)
  const { clients, lab, stored } = open
  const { instanceId, publicIp, state } = await findInstance(clients, lab, stored)
  if (!publicIp) {
    throw new LabError({
      code: 'not-running',
      what: `The lab's instance is ${state}, and has no address now.`,
      fix: ['librechat-lab up   starts it'],
    })
  }
  const urls = urlsOf(lab, publicIp, instanceId, await servedDomain(open, { instanceId, state }, context))
  const url = target === 'portainer' ? urls.portainer : urls.librechat
  // Behind a rehearsed address stands nothing; the tunnel's page shows what would.
  const opened = !options.rehearse && (await openBrowser(url))
  context.ui.result(opened ? `Opened ${url}` : url, { url, opened })
  return 0
}

/** The settings' domain, where the host serves it: anybody who may write the settings could send the user elsewhere. */
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
    text: `The settings name ${domain}, but the host does not serve it now: this is its address.`,
  })
  return undefined
}
