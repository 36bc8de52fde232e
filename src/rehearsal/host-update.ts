import { pinnedVersions } from '../host/versions.js'
import type { Host } from './account.js'
import type { World } from './world.js'

const olderLibreChat = 'v0.8.7'

/** How the stack stage handles LibreChat's version: the new state, or the error with which it rolls back. */
export function updating(
  files: ReadonlyMap<string, string>,
  host: Host,
  { scenario, now }: World,
): { leaves: Partial<Host>; error?: string } {
  const { librechat } = pinnedVersions()
  if (host.release === undefined)
    return { leaves: scenario === 'older-librechat' ? { librechat: olderLibreChat } : {} }
  const isHeld = host.update?.result === 'rolled-back' && !files.has('input/try-again')
  if (host.librechat === undefined || host.librechat === librechat || isHeld) return { leaves: {} }
  const change = `LibreChat ${host.librechat} to ${librechat}`
  const update = { at: new Date(now).toISOString(), to: { librechat } }
  if (scenario !== 'update-failing')
    return { leaves: { librechat, update: { ...update, result: 'updated', detail: change } } }
  const reason =
    'The migration of the indexes of tenants failed: npm run migrate:tenant-indexes. E11000 duplicate key error (played)'
  const error = {
    code: 'update-rolled-back',
    what: `The update was rolled back: ${change}.`,
    why: `${reason} The lab runs LibreChat ${host.librechat} again, with its data from before.`,
    fix: ['Fix the cause first.', { code: 'update' }],
  }
  return {
    leaves: { update: { ...update, result: 'rolled-back', detail: reason } },
    error: `${JSON.stringify({ error })}\n`,
  }
}
