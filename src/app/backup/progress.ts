import { bytesText } from '../../core/bytes.js'
import type { Context } from '../context.js'

const showEvery = 500

/** Work on so many bytes as one line that a user follows; the work says how far it is, by steps or altogether. */
export async function transferTask<T>(
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
  ui.emit({ ...task, state: 'started' })
  try {
    const result = await work((bytes) => at(done + bytes), at)
    ui.emit({ ...task, state: 'done', detail: bytesText(total) })
    return result
  } catch (error) {
    ui.emit({ ...task, state: 'failed' })
    throw error
  }
}
