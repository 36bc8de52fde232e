import { LabError } from '../core/error.js'
import type { Host } from './host.js'
import { runCommand } from './run-command.js'

/**
 * Stops the proxy, so that Docker doesn't start it again, and leaves a mark on the disk with which the next dump
 * (templates/bin/dump) leaves LibreChat stopped. The stack stage removes the mark and starts both.
 */
export const closeScript =
  'docker compose -p librechat-lab stop proxy && touch /opt/librechat-lab/state/closed && sync'

/** Blocks all access, from outside and through tunnels, and after the next dump all writes. LabError `not-closed`. */
export async function closeLab(host: Host): Promise<void> {
  const { code, stderr } = await runCommand(host, {
    stage: 'close',
    script: closeScript,
    timeoutSeconds: 300,
  })
  if (code === 0) return
  throw new LabError({
    code: 'not-closed',
    what: 'The old instance could not be closed, so its data was not moved.',
    why: stderr.trim().slice(-300) || `The command ended with code ${code}.`,
    fix: ['Run the same command again.'],
  })
}
