/**
 * Runs `work` in the background. An error after `over` is aborted is its normal end; any other error is a bug, and is
 * thrown as uncaught.
 */
export function inBackground(work: Promise<void>, over?: AbortSignal): void {
  work.catch((error: unknown) => {
    if (over?.aborted) return
    setImmediate(() => {
      throw error
    })
  })
}
