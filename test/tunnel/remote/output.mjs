/**
 * What a port's plugin sends to the client: messages of 1 KiB, with a pause of 1 ms after each, as WritePump does it in
 * agent/session/plugins/port/port_basic.go and port_mux.go (time.Sleep). Another `options.pace`, in milliseconds, is
 * for tests that move more than a megabyte or two; 0 is no pause.
 * @param {any} link
 */
export function openOutput(link) {
  const { pace = 1 } = link.options
  let pending = Buffer.alloc(0)
  let pausing = false

  function flush() {
    let at = 0
    while (at < pending.length && !pausing && !link.full()) {
      link.say(1, pending.subarray(at, at + 1024))
      at += 1024
      if (pace > 0) pause()
    }
    pending = pending.subarray(at)
    output.onFlush(pending.length > 256 * 1024)
  }

  function pause() {
    pausing = true
    setTimeout(() => {
      pausing = false
      flush()
    }, pace)
  }

  const output = {
    /** @param {Buffer[]} parts */
    write(...parts) {
      pending = Buffer.concat([pending, ...parts])
      flush()
    },
    /** Forgets what has not been sent. */
    clear: () => {
      pending = Buffer.alloc(0)
    },
    /** Set by the plugin: whether so much waits that nothing more is to be read from the port. @param {boolean} _ */
    onFlush: (_) => {},
  }
  link.onDrain = flush
  return output
}
