import { LabError } from '../core/error.js'
import type { Host } from './host.js'
import { runCommand } from './run-command.js'

/** Stops the proxy, and Docker doesn't start it again. LibreChat goes on: a dump stops and starts it. */
export const closeScript = 'docker compose -p librechat-lab stop proxy'

/** Nobody gets in any more, neither from outside nor through a tunnel. LabError `not-closed`. */
export async function closeLab(host: Host): Promise<void> {
  const { code, stderr } = await runCommand(host, {
    stage: 'close',
    script: closeScript,
    timeoutSeconds: 300,
  })
  if (code === 0) return
  throw new LabError({
    code: 'not-closed',
    what: 'The old instance’s proxy could not be stopped, so its data was not moved.',
    why: stderr.trim().slice(-300) || `The command ended with code ${code}.`,
    fix: ['Run the same command again.'],
  })
}
