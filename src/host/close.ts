import { LabError } from '../core/error.js'
import type { Host } from './host.js'
import { runCommand } from './run-command.js'

/** Stops the proxy, so that Docker doesn't start it again. LibreChat keeps running: a dump stops and starts it. */
export const closeScript = 'docker compose -p librechat-lab stop proxy'

/** Blocks all access, from outside and through tunnels. LabError `not-closed`. */
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
