/**
 * Lets `work` run without anyone waiting for it. Once `over` is aborted, an error is how it ends; any other error is a
 * bug, and is thrown where nothing catches it.
 */
export function inBackground(work: Promise<void>, over?: AbortSignal): void {
  work.catch((error: unknown) => {
    if (over?.aborted) return
    setImmediate(() => {
      throw error
    })
  })
}
