import type { Run } from '../app/context.js'
import { openLab } from '../app/open-lab.js'
import { LabError } from '../core/error.js'
import { findInstance } from '../lab/find.js'
import { openBrowser } from '../ui/browser.js'
import { urlsOf } from '../ui/lab-view.js'

/** Opens LibreChat, or Portainer, in the browser. */
export const run: Run = async (options, context, [target = 'librechat']) => {
  const { clients, lab, stored } = await openLab(options, context)
  const { instanceId, publicIp, state } = await findInstance(clients, lab, stored)
  if (!publicIp) {
    throw new LabError({
      code: 'not-running',
      what: `The lab's instance is ${state}, and has no address now.`,
      fix: ['librechat-lab up   starts it'],
    })
  }
  const urls = urlsOf(lab, publicIp, instanceId, stored?.domain)
  const url = target === 'portainer' ? urls.portainer : urls.librechat
  // Behind a rehearsed address stands nothing; the tunnel's page shows what would.
  const opened = !options.rehearse && (await openBrowser(url))
  context.ui.result(opened ? `Opened ${url}` : url, { url, opened })
  return 0
}
