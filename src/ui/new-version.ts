import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const day = 24 * 60 * 60 * 1000

/**
 * The newest version according to the last check, if it is newer than `current`. At most once a day, a detached
 * process asks npm for the next run. Never in CI, nor with NO_UPDATE_NOTIFIER or LIBRECHAT_LAB_NO_UPDATE_CHECK set.
 */
export function newVersion(current: string, env: NodeJS.ProcessEnv): string | undefined {
  if (env.CI || env.NO_UPDATE_NOTIFIER || env.LIBRECHAT_LAB_NO_UPDATE_CHECK) return undefined
  const folder = join(cacheFolder(env), 'librechat-lab')
  const file = join(folder, 'newest-version')
  try {
    const asked = statSync(file, { throwIfNoEntry: false })
    const newest = asked ? readFileSync(file, 'utf8').trim() : ''
    if (!asked || Math.abs(Date.now() - asked.mtimeMs) > day) ask(folder, file, env)
    return isNewer(newest, current) ? newest : undefined
  } catch {
    // No error of the check may fail the command.
    return undefined
  }
}

/** Empties the file first, so that a failing npm is not asked again on the same day. */
function ask(folder: string, file: string, env: NodeJS.ProcessEnv): void {
  mkdirSync(folder, { recursive: true })
  const answer = openSync(file, 'w')
  const npm = spawn('npm', ['view', 'librechat-lab', 'version'], {
    cwd: folder,
    env,
    detached: true,
    windowsHide: true,
    // On Windows npm is a script, which only a shell can start.
    shell: process.platform === 'win32',
    stdio: ['ignore', answer, 'ignore'],
  })
  npm.on('error', () => {})
  npm.unref()
  closeSync(answer)
}

function cacheFolder(env: NodeJS.ProcessEnv): string {
  if (env.XDG_CACHE_HOME) return env.XDG_CACHE_HOME
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches')
  if (process.platform === 'win32' && env.LOCALAPPDATA) return env.LOCALAPPDATA
  return join(homedir(), '.cache')
}

/** Compares two releases such as "1.10.0"; false for anything else. */
function isNewer(one: string, other: string): boolean {
  if (!/^\d{1,6}(\.\d{1,6}){2}$/.test(one)) return false
  const [a, b] = [one, other].map((version) => version.split(/[.-]/).map(Number))
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return false
}
