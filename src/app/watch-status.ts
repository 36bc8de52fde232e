import { Interrupted, LabError } from '../core/error.js'
import type { Context, GlobalOptions } from './context.js'
import { connectLab, openLab } from './open-lab.js'
import { lookAtStatus, type Status } from './status.js'

const everyMs = 10_000

/** Shows a lab's status repeatedly until the user stops it, with exit code 130. LabErrors as of `status`. */
export async function watchStatus(
  options: GlobalOptions & { chat?: boolean },
  context: Context,
  show: (status: Status) => void,
): Promise<number> {
  if (context.ui.json) throw refused('--json', 'The looks never end, so they are not one JSON object.')
  if (options.chat) throw refused('--chat', 'Each look would send a request to each model, and cost money.')
  // The first line shows the identity; the other events are not shown.
  let open = await openLab(options, context, { readsPath: true })
  try {
    for (;;) {
      show(await lookAtStatus(open, { chat: false }, context))
      await context.clock.sleep(everyMs, context.signal)
      open = await connectLab(options, context, { readsPath: true })
    }
  } catch (error) {
    if (error instanceof Interrupted || context.signal.aborted) return 130
    throw error
  }
}

const refused = (flag: '--json' | '--chat', why: string): LabError =>
  new LabError({
    code: 'bad-option',
    what: `--watch can't be combined with ${flag}.`,
    why,
    fix: [
      { command: { path: 'status', flags: { watch: true } } },
      { command: { path: 'status', flags: flag === '--json' ? { json: true } : { chat: true } } },
    ],
  })
