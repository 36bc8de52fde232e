/** Milliseconds, except where it says otherwise. */
const limit = {
  /** The delay, compared with the fastest message, up to which a message is in time. */
  late: 2000,
  window: 2500,
  /** Messages a second. The agent repeats its oldest one every 100 ms and no other (config.go, ResendSleepInterval). */
  slowest: 15,
} as const

/**
 * Distinguishes a session that makes almost no progress from one that is slow or quiet. When much of what the agent
 * sent was lost, it repeats one message every 100 ms, which takes minutes for a megabyte. Such messages come late, by
 * their own date, few at a time and without a long pause; a burst after a reconnection is late and fast, and a quiet
 * server's messages are in time, or late and far apart. A monotonic clock is no help: it stands still while a laptop
 * sleeps.
 */
export class Progress {
  /** The agent's clock minus ours, plus the transit time of the fastest message. */
  private offset = Number.POSITIVE_INFINITY
  private since: number | undefined
  /** When a message was last late or missing. */
  private lateAt = 0
  private windowAt = 0
  private taken = 0
  /** When the agent made the newest message, and the newest at the window's begin. */
  private created = 0
  private windowCreated = 0

  /** A message that the agent made at `created` was taken in its turn. `gap`: one after it is still missing. */
  took(created: number, now: number, gap: boolean): void {
    this.offset = Math.min(this.offset, now - created)
    const inTime = now - created - this.offset <= limit.late
    if (inTime || (!gap && now - this.lateAt > limit.window)) this.reset()
    this.created = created
    if (!inTime) this.late(now)
    this.taken++
  }

  /** A message came while an earlier one is missing. */
  missed(now: number): void {
    this.late(now)
  }

  /** Resets lateness, because this side caused it. */
  reset(): void {
    this.since = undefined
  }

  /**
   * How long it has made almost no progress, until the last late message or, while one is missing (`gap`), until now.
   */
  crawling(now: number, gap: boolean): number {
    if (this.since === undefined) return 0
    const elapsed = now - this.windowAt
    if (elapsed >= limit.window) {
      const isFast = this.taken > (limit.slowest * elapsed) / 1000
      // Messages that arrive as fast as they were sent are not delayed; one of the clocks was set.
      const keepsPace = !gap && this.created - this.windowCreated > elapsed / 2
      if (isFast || keepsPace) this.since = now
      this.begin(now)
    }
    return Math.max(0, (gap ? now : this.lateAt) - this.since)
  }

  private late(now: number): void {
    this.lateAt = now
    if (this.since !== undefined) return
    this.since = now
    this.begin(now)
  }

  private begin(now: number): void {
    this.windowAt = now
    this.windowCreated = this.created
    this.taken = 0
  }
}
