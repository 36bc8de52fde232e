/** Milliseconds, except where it says otherwise. */
const limit = {
  /** How much later than the fastest a message may come and still be in time. */
  late: 2000,
  window: 2500,
  /** Messages a second. The agent repeats its oldest one every 100 ms and no other (config.go, ResendSleepInterval). */
  slowest: 15,
} as const

/**
 * Tells a session that only crawls from one that is slow or quiet. When much of what the agent sent was lost, it
 * repeats one message every 100 ms, which takes minutes for a megabyte. Such messages come late, by their own
 * date, and few at a time; a burst after a reconnection is late and fast, and a quiet server's is in time.
 */
export class Progress {
  /** The agent's clock against ours, with the fastest message's time on its way. */
  private offset = Number.POSITIVE_INFINITY
  private since: number | undefined
  private windowAt = 0
  private taken = 0

  /** A message that the agent made at `created` was taken in its turn. */
  took(created: number, now: number): void {
    this.offset = Math.min(this.offset, now - created)
    if (now - created - this.offset <= limit.late) this.reset()
    else this.begin(now)
    this.taken++
  }

  /** A message came while an earlier one is missing. */
  missed(now: number): void {
    this.begin(now)
  }

  /** What is late now is late for a reason of ours. */
  reset(): void {
    this.since = undefined
  }

  /** For how long it has been crawling. */
  crawling(now: number): number {
    if (this.since === undefined) return 0
    const elapsed = now - this.windowAt
    if (elapsed >= limit.window) {
      if (this.taken > (limit.slowest * elapsed) / 1000) this.since = now
      this.windowAt = now
      this.taken = 0
    }
    return now - this.since
  }

  private begin(now: number): void {
    if (this.since !== undefined) return
    this.since = now
    this.windowAt = now
    this.taken = 0
  }
}
