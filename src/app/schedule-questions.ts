import { LabError } from '../core/error.js'
import { checkedDays, checkedSchedule, checkedTime, checkedZone, type Schedule } from '../lab/schedule.js'
import type { Context } from './context.js'

/** The schedule from the flags; asks for missing values. LabError `bad-schedule`, `missing-flag`. */
export async function askSchedule(
  flags: {
    start: string | undefined
    stop: string | undefined
    days: string | undefined
    timezone: string | undefined
  },
  { ui }: Context,
): Promise<Schedule> {
  // Checks the given flags before it asks for others.
  if (flags.start !== undefined) checkedTime(flags.start, 'start')
  if (flags.stop !== undefined) checkedTime(flags.stop, 'stop')
  if (flags.days !== undefined) checkedDays(flags.days)
  if (flags.timezone !== undefined) checkedZone(flags.timezone)
  const start =
    flags.start ??
    (await ui.input({
      flag: '--start <time>',
      message: 'When does the lab start?',
      default: '08:00',
      validate: (text) => judged(() => checkedTime(text, 'start')),
    }))
  const stop =
    flags.stop ??
    (await ui.input({
      flag: '--stop <time>',
      message: 'When does it stop?',
      hint: 'At or before the start: on the next day.',
      default: '20:00',
      validate: (text) =>
        judged(() => checkedSchedule({ start, stop: text, days: 'daily', timezone: 'UTC' })),
    }))
  const timezone =
    flags.timezone ??
    (await ui.input({
      flag: '--timezone <zone>',
      message: 'In which time zone?',
      default: Intl.DateTimeFormat().resolvedOptions().timeZone,
      validate: (text) => judged(() => checkedZone(text)),
    }))
  return checkedSchedule({ start, stop, days: flags.days ?? 'mon-fri', timezone })
}

function judged(check: () => unknown): true | string {
  try {
    check()
    return true
  } catch (error) {
    if (error instanceof LabError) return error.message
    throw error
  }
}
