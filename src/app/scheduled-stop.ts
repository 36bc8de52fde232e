import { nextOf } from '../lab/schedule.js'
import type { Context } from './context.js'
import type { OpenLab } from './open-lab.js'

const soonMs = 30 * 60_000

/** Warns before a long task that the schedule may stop the lab during it. */
export function warnOfStop({ stored, connection }: OpenLab, { clock, ui }: Context): void {
  const { schedule } = stored ?? {}
  const now = clock.now() + connection.clock.ms
  const at = schedule && nextOf(schedule, 'stop', now)
  if (at === undefined || at - now > soonMs) return
  const minutes = Math.max(1, Math.round((at - now) / 60_000))
  ui.emit({
    type: 'warning',
    text: `The schedule stops this lab in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}. The shutdown waits up to 150 seconds for what is running. To see the schedule:`,
    command: { path: 'schedule show' },
  })
}
