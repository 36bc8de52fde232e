import { LabError } from '../core/error.js'
import { nearest } from '../core/nearest.js'
import type { Settings } from './settings.js'
import { isZone } from './zone.js'

/** When the lab runs: from `start` to `stop` on these days, both in the zone's local time. */
export type Schedule = NonNullable<Settings['schedule']>

/** In the order of a week. */
const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
type Day = (typeof days)[number]

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
const minute = 60_000
const dayMs = 24 * 60 * minute

/** A stop at or before the start's time is on the next day. */
const stopsNextDay = ({ start, stop }: Schedule): boolean => minutesOf(stop) < minutesOf(start)

const following = (day: Day): Day => days[(days.indexOf(day) + 1) % days.length] ?? day

/** Checks the flags of `schedule set`; LabError `bad-schedule` names the invalid one. */
export function checkedSchedule(given: {
  start: string
  stop: string
  days: string
  timezone: string
}): Schedule {
  const [start, stop] = [checkedTime(given.start, 'start'), checkedTime(given.stop, 'stop')]
  if (start === stop)
    throw bad(`The lab can't start and stop at the same time, ${start}.`, 'Give two different times.')
  return { start, stop, days: checkedDays(given.days), timezone: checkedZone(given.timezone) }
}

export function checkedTime(text: string, flag: 'start' | 'stop'): string {
  const [, hour = '', minutes = ''] = /^(\d{1,2}):(\d{2})$/.exec(text.trim()) ?? []
  if (hour !== '' && Number(hour) < 24 && Number(minutes) < 60) return `${hour.padStart(2, '0')}:${minutes}`
  throw bad(
    `${quoted(text)} is not a time of day.`,
    `Write hours and minutes, from 00:00 to 23:59. For example: --${flag} 08:00`,
  )
}

/** "mon-fri", "mon,wed,sat-sun", "daily"; in the order of a week, each once. */
export function checkedDays(text: string): Day[] {
  const words = text
    .trim()
    .toLowerCase()
    .split(/[\s,]+/)
  const chosen = new Set<Day>()
  for (const word of words) {
    const range = word === 'daily' ? 'mon-sun' : word
    const [from, to = from, ...more] = range.split('-').map((name) => days.indexOf(name as Day))
    if (from === undefined || to === undefined || from < 0 || to < 0 || more.length > 0)
      throw bad(
        `${quoted(text)} does not name days of the week.`,
        'For example: --days mon-fri, --days mon,wed,fri or --days daily',
      )
    // "sat-mon" passes the end of the week.
    for (let i = from; ; i = (i + 1) % days.length) {
      chosen.add(days[i] as Day)
      if (i === to) break
    }
  }
  return days.filter((day) => chosen.has(day))
}

/** A name of the IANA time zone database, as Scheduler takes it; offsets such as "+01:00" are none. */
export function checkedZone(text: string): string {
  const known = Intl.supportedValuesOf('timeZone')
  const typed = text.trim()
  const found = ['UTC', ...known].find((zone) => zone.toLowerCase() === typed.toLowerCase())
  if (found) return found
  // Older names, such as Asia/Calcutta, are in the database too.
  if (/^[A-Z][A-Za-z]+(\/[A-Za-z_+-]+\d*)+$/.test(typed) && isZone(typed)) return typed
  const meant = nearest(typed, known, (zone) => [zone, zone.split('/').at(-1) ?? ''], 1)
  throw bad(
    `${quoted(text)} is not a time zone.`,
    meant.length > 0
      ? `Did you mean --timezone ${meant[0]}?`
      : 'Use a name of the IANA database. For example: --timezone Europe/Berlin',
  )
}

const quoted = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)

const bad = (what: string, fix: string) => new LabError({ code: 'bad-schedule', what, fix: [fix] })

/**
 * The expressions of the two schedules: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html.
 * The days are those of each event, so a stop after midnight is on the days after.
 */
export function expressionsOf(schedule: Schedule): { start: string; stop: string } {
  const of = (time: string, on: readonly Day[]) =>
    `cron(${Number(time.slice(3))} ${Number(time.slice(0, 2))} ? * ${on.join(',').toUpperCase()} *)`
  return {
    start: of(schedule.start, schedule.days as Day[]),
    stop: of(schedule.stop, stopDays(schedule)),
  }
}

const stopDays = (schedule: Schedule): Day[] => {
  const on = schedule.days as Day[]
  return stopsNextDay(schedule) ? days.filter((day) => on.some((other) => following(other) === day)) : on
}

/** "mon-fri 08:00 to 20:00 (Europe/Berlin)" */
export function scheduleText(schedule: Schedule): string {
  const { start, stop, timezone } = schedule
  const next = stopsNextDay(schedule) ? ' the next day' : ''
  return `${daysText(schedule.days as Day[])} ${start} to ${stop}${next} (${timezone})`
}

/** Neighbouring days as a range: "mon-fri, sun". */
function daysText(on: readonly Day[]): string {
  if (on.length === days.length) return 'daily'
  const runs: Day[][] = []
  for (const day of days.filter((one) => on.includes(one))) {
    const last = runs.at(-1)
    if (last?.length && following(last.at(-1) as Day) === day) last.push(day)
    else runs.push([day])
  }
  return runs.map((run) => (run.length > 2 ? `${run[0]}-${run.at(-1)}` : run.join(','))).join(',')
}

/** Hours a month that the lab runs, with AWS's 730 hours in a month; daylight saving time is ignored. */
function hoursPerMonth(schedule: Schedule): number {
  const span = minutesOf(schedule.stop) - minutesOf(schedule.start)
  const perDay = (span > 0 ? span : span + 24 * 60) / 60
  return (perDay * schedule.days.length * 730) / 168
}

/** The same for a lab; undefined without a schedule. */
export const hoursOf = ({ schedule }: Pick<Settings, 'schedule'>): number | undefined =>
  schedule && hoursPerMonth(schedule)

type Event = 'start' | 'stop'

/** The times of an event from `from` on, over `overDays`; those within a skipped hour are in `skipped`. */
function occurrences(schedule: Schedule, event: Event, from: number, overDays: number) {
  const on = event === 'start' ? (schedule.days as Day[]) : stopDays(schedule)
  const found: { at: number; date: string; skipped: boolean }[] = []
  // A day earlier, because the zone's date may be behind UTC's.
  for (let day = -1; day <= overDays; day += 1) {
    const { date, weekday } = localDay(from + day * dayMs, schedule.timezone)
    if (!on.includes(weekday) || found.some((one) => one.date === date)) continue
    const at = instantOf(date, schedule[event], schedule.timezone)
    // Scheduler skips times in the hour that the clock skips, and runs once in the hour that occurs twice.
    const skipped = at === undefined
    found.push({ at: at ?? Date.parse(`${date}T${schedule[event]}Z`), date, skipped })
  }
  return found
}

/** The next start or stop after `now`, in milliseconds since the epoch. */
export const nextOf = (schedule: Schedule, event: Event, now: number): number | undefined =>
  occurrences(schedule, event, now, 15).find(({ at, skipped }) => !skipped && at > now)?.at

/** The last start or stop at or before `now`. */
export const lastOf = (schedule: Schedule, event: Event, now: number): number | undefined =>
  occurrences(schedule, event, now - 9 * dayMs, 10).findLast(({ at, skipped }) => !skipped && at <= now)?.at

/** The dates within a year on which the clock skips an event's time, so that the event doesn't happen. */
export function skippedDates(schedule: Schedule, now: number): { event: Event; date: string }[] {
  const of = (event: Event) =>
    occurrences(schedule, event, now, 366).flatMap(({ skipped, date }) => (skipped ? [{ event, date }] : []))
  return [...of('start'), ...of('stop')]
}

/** Creating a formatter takes longer than a year of calls to it. */
const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      weekday: 'short',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    })
  formats.set(timeZone, format)
  return format
}

const partsOf = (at: number, timeZone: string) =>
  Object.fromEntries(
    formatOf(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  )

function localDay(at: number, timeZone: string): { date: string; weekday: Day } {
  const { year, month, day, weekday = '' } = partsOf(at, timeZone)
  return { date: `${year}-${month}-${day}`, weekday: weekday.toLowerCase() as Day }
}

/** "2026-11-26 20:00" in a zone. */
function localTime(at: number, timeZone: string): string {
  const { year, month, day, hour, minute } = partsOf(at, timeZone)
  return `${year}-${month}-${day} ${hour}:${minute}`
}

/** The first moment at which a zone's clock shows this date and time; undefined if the clock skips it. */
function instantOf(date: string, time: string, timeZone: string): number | undefined {
  const asUtc = Date.parse(`${date}T${time}Z`)
  // Every zone is within 14 hours of UTC, and its offset is a multiple of 15 minutes.
  const guesses = [asUtc - dayMs, asUtc + dayMs].map(
    (near) => asUtc - (Date.parse(`${localTime(near, timeZone).replace(' ', 'T')}Z`) - near),
  )
  return guesses.sort((a, b) => a - b).find((at) => localTime(at, timeZone) === `${date} ${time}`)
}
