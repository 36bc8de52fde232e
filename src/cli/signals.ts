import { setMaxListeners } from 'node:events'
import type { Emit } from '../core/event.js'

const exitCode = 130

/**
 * The first signal stops the work cleanly, the second exits. A closed pipe, such as to `head`, or a closed terminal
 * doesn't interrupt the work, but ends a command that prints until it is stopped.
 * @param emit called when a signal arrives; returns undefined while nothing runs
 * @param stopping what happens now, as a sentence
 * @param unwritable called with the error's code when standard output can't be written for another reason
 */
export function listenToSignals(
  emit: () => Emit | undefined,
  stopping: () => string,
  unwritable: (errno: string) => void,
): AbortSignal {
  const interruption = new AbortController()
  // Every running call adds a listener.
  setMaxListeners(0, interruption.signal)
  const onSignal = () => {
    if (interruption.signal.aborted) process.exit(exitCode)
    emit()?.({
      type: 'warning',
      text: `${stopping()} Press Ctrl-C again to exit immediately.`,
    })
    interruption.abort()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  const isGone = ({ code }: NodeJS.ErrnoException) => code === 'EPIPE' || code === 'EIO'
  process.stderr.on('error', (error) => {
    if (!isGone(error)) throw error
  })
  process.stdout.on('error', (error) => {
    if (isGone(error)) interruption.abort()
    else unwritable((error as NodeJS.ErrnoException).code ?? error.message)
  })
  return interruption.signal
}
