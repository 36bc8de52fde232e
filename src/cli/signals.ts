import { setMaxListeners } from 'node:events'
import type { Emit } from '../core/event.js'

const leaveCode = 130

/**
 * The first signal asks the work to stop cleanly, the second leaves. A reader that has gone, such as `head`, or a
 * terminal that was closed, is no reason to leave work half done; what prints for as long as somebody reads ends.
 * @param emit asked when a signal comes; undefined while nothing runs
 */
export function listenToSignals(emit: () => Emit | undefined): AbortSignal {
  const interruption = new AbortController()
  // Every call under way listens to it, and there are many at once.
  setMaxListeners(0, interruption.signal)
  const onSignal = () => {
    if (interruption.signal.aborted) process.exit(leaveCode)
    emit()?.({
      type: 'warning',
      text: 'Stopping after the AWS calls under way. Press Ctrl-C again to leave at once.',
    })
    interruption.abort()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  const isGone = ({ code }: NodeJS.ErrnoException) => code === 'EPIPE' || code === 'EIO'
  process.stderr.on('error', (error) => {
    if (!isGone(error)) throw error
  })
  process.stdout.on('error', (error) => {
    if (!isGone(error)) throw error
    interruption.abort()
  })
  return interruption.signal
}
