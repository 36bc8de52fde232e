import { bytesText } from '../../core/bytes.js'
import type { Context } from '../context.js'

const showEvery = 500

/** Work as one line that a user follows, from its start to its end; `detail` says what came of it. */
export async function followed<T>(
  { usualMs, ...line }: { id: string; name: string; usualMs?: number },
  { ui }: Pick<Context, 'ui'>,
  work: () => Promise<T>,
  detail?: (result: T) => string,
): Promise<T> {
  const task = { type: 'task', ...line } as const
  ui.emit({ ...task, state: 'started', ...(usualMs === undefined ? {} : { usualMs }) })
  try {
    const result = await work()
    ui.emit({ ...task, state: 'done', ...(detail ? { detail: detail(result) } : {}) })
    return result
  } catch (error) {
    ui.emit({ ...task, state: 'failed' })
    throw error
  }
}

/** Work on so many bytes as such a line; the work says how far it is, by steps or altogether. */
export function transferTask<T>(
  name: 'download' | 'upload' | 'verification' | 'data',
  total: number,
  { ui, clock }: Pick<Context, 'ui' | 'clock'>,
  work: (moved: (bytes: number) => void, at: (bytes: number) => void) => Promise<T>,
): Promise<T> {
  const task = { type: 'task', id: name, name } as const
  let done = 0
  let shown = clock.now()
  const at = (bytes: number) => {
    done = bytes
    if (clock.now() - shown < showEvery) return
    shown = clock.now()
    ui.emit({ ...task, state: 'progress', detail: `${bytesText(done)} of ${bytesText(total)}` })
  }
  return followed(
    { id: name, name },
    { ui },
    () => work((bytes) => at(done + bytes), at),
    () => bytesText(total),
  )
}
