import type { Executor } from './gateway/runcommand.js'

/** A host in good health, told by what was really sent to it. */
export function host(): Executor {
  return async ({ commands }) => {
    if (!commands.join('\n').trim()) return { code: 1, stdout: '', stderr: 'nothing to run' }
    return { code: 0, stdout: '' }
  }
}
