import { describe, expect, it } from 'vitest'
import { checkedSetting } from '../../src/lab/choices.js'
import { idleText } from '../../src/lab/idle-time.js'
import {
  checkedDays,
  checkedSchedule,
  checkedZone,
  expressionsOf,
  hoursOf,
  lastOf,
  nextOf,
  type Schedule,
  scheduleText,
  skippedDates,
} from '../../src/lab/schedule.js'

const given = { start: '08:00', stop: '20:00', days: 'mon-fri', timezone: 'Europe/Berlin' }
const of = (more: Partial<typeof given> = {}): Schedule => checkedSchedule({ ...given, ...more })
const utc = (text: string) => Date.parse(`${text}Z`)
const iso = (at: number | undefined) =>
  at === undefined ? undefined : new Date(at).toISOString().slice(0, 16)
const refused = (more: Partial<typeof given>) => {
  try {
    of(more)
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

describe('a schedule as it is typed', () => {
  it.each([
    ['mon-fri', ['mon', 'tue', 'wed', 'thu', 'fri']],
    ['SAT-MON', ['mon', 'sat', 'sun']],
    ['fri,mon, wed', ['mon', 'wed', 'fri']],
    ['daily', ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']],
    ['sun', ['sun']],
  ])('takes the days %s', (text, days) => {
    expect(checkedDays(text)).toEqual(days)
  })

  it.each(['', 'monday', 'mon-', 'mon-tue-wed', '1-5', 'mon;rm', '-', 'mon,,'])(
    'refuses the days %j',
    (days) => {
      expect(refused({ days })).toMatch(/does not name days/)
    },
  )

  it.each(['24:00', '8', '08:60', '8h', '08:00:00', '-1:00', '$(id)', ''])('refuses the time %j', (start) => {
    expect(refused({ start })).toMatch(/is not a time of day/)
  })

  it('takes a time without its zero, and refuses two equal ones', () => {
    expect(of({ start: '8:05' }).start).toBe('08:05')
    expect(refused({ start: '20:00' })).toMatch(/can't start and stop at the same time/)
  })

  it('takes every zone of the database in any case, and no offset or invention', () => {
    expect(checkedZone('europe/berlin')).toBe('Europe/Berlin')
    expect(checkedZone('utc')).toBe('UTC')
    expect(checkedZone('America/Argentina/Buenos_Aires')).toBe('America/Argentina/Buenos_Aires')
    for (const timezone of [
      '+01:00',
      'Mars/Base',
      'Europe/Berln',
      '',
      'Europe/Berlin\n',
      `A/${'x'.repeat(500)}`,
    ])
      if (timezone.trim() !== 'Europe/Berlin')
        expect(refused({ timezone }), timezone).toMatch(/is not a time zone/)
    expect(() => checkedZone('Europe/Berln')).toThrow(
      expect.objectContaining({ fix: ['Did you mean --timezone Europe/Berlin?'] }),
    )
  })
})

describe('the two expressions', () => {
  it('name the minute, the hour and the days', () => {
    expect(expressionsOf(of({ start: '08:05' }))).toEqual({
      start: 'cron(5 8 ? * MON,TUE,WED,THU,FRI *)',
      stop: 'cron(0 20 ? * MON,TUE,WED,THU,FRI *)',
    })
  })

  it('stop on the days after where the stop is before the start', () => {
    const night = of({ start: '22:00', stop: '06:00', days: 'fri,sun' })
    expect(expressionsOf(night)).toEqual({
      start: 'cron(0 22 ? * FRI,SUN *)',
      stop: 'cron(0 6 ? * MON,SAT *)',
    })
    expect(scheduleText(night)).toBe('fri,sun 22:00 to 06:00 the next day (Europe/Berlin)')
  })

  it('are told in few words', () => {
    expect(scheduleText(of())).toBe('mon-fri 08:00 to 20:00 (Europe/Berlin)')
    expect(scheduleText(of({ days: 'daily' }))).toBe('daily 08:00 to 20:00 (Europe/Berlin)')
    expect(scheduleText(of({ days: 'mon,tue,thu-sun' }))).toBe(
      'mon,tue,thu-sun 08:00 to 20:00 (Europe/Berlin)',
    )
  })
})

describe('the next and the last time', () => {
  // Thursday
  const now = utc('2026-11-26T06:00')
  it('are in the zone’s time', () => {
    expect(iso(nextOf(of(), 'start', now))).toBe('2026-11-26T07:00')
    expect(iso(nextOf(of(), 'stop', now))).toBe('2026-11-26T19:00')
    expect(iso(lastOf(of(), 'stop', now))).toBe('2026-11-25T19:00')
    expect(iso(nextOf(of(), 'start', utc('2026-11-27T07:00')))).toBe('2026-11-30T07:00')
  })

  it('follow daylight saving time', () => {
    expect(iso(nextOf(of(), 'start', utc('2026-07-01T00:00')))).toBe('2026-07-01T06:00')
    // Sunday 2027-03-28: the clock goes from 02:00 to 03:00; before it is UTC+1, after it UTC+2.
    const sunday = of({ days: 'sun' })
    expect(iso(nextOf(sunday, 'start', utc('2027-03-27T00:00')))).toBe('2027-03-28T06:00')
    expect(iso(nextOf(sunday, 'start', utc('2027-03-20T00:00')))).toBe('2027-03-21T07:00')
  })

  it('leave out what falls into the hour that the clock skips, and say which day that is', () => {
    const early = of({ start: '02:30', stop: '20:00', days: 'sun' })
    expect(iso(nextOf(early, 'start', utc('2027-03-27T00:00')))).toBe('2027-04-04T00:30')
    expect(skippedDates(early, now)).toEqual([{ event: 'start', date: '2027-03-28' }])
    expect(skippedDates(of(), now)).toEqual([])
    expect(skippedDates(of({ start: '02:30', days: 'daily', timezone: 'UTC' }), now)).toEqual([])
  })

  it('occur once in the hour that occurs twice', () => {
    // 2026-10-25, 03:00 back to 02:00.
    const twice = of({ start: '02:30', stop: '20:00', days: 'sun' })
    expect(iso(nextOf(twice, 'start', utc('2026-10-24T12:00')))).toBe('2026-10-25T00:30')
    expect(iso(nextOf(twice, 'start', utc('2026-10-25T00:30')))).toBe('2026-11-01T01:30')
  })

  it('are right where a zone is far from UTC, or off by a quarter of an hour', () => {
    expect(iso(nextOf(of({ timezone: 'Pacific/Kiritimati', days: 'daily' }), 'start', now))).toBe(
      '2026-11-26T18:00',
    )
    expect(iso(nextOf(of({ timezone: 'Pacific/Pago_Pago', days: 'daily' }), 'start', now))).toBe(
      '2026-11-26T19:00',
    )
    expect(iso(nextOf(of({ timezone: 'Asia/Kathmandu', days: 'daily' }), 'start', now))).toBe(
      '2026-11-27T02:15',
    )
  })
})

it('the hours of a month are those of the week, as AWS counts a month', () => {
  expect(hoursOf({ schedule: of() })).toBeCloseTo((60 * 730) / 168)
  expect(hoursOf({ schedule: of({ start: '22:00', stop: '06:00', days: 'daily' }) })).toBeCloseTo(730 / 3)
  expect(hoursOf({})).toBeUndefined()
})

describe('the time of idle stop', () => {
  it.each([
    ['2h', 120, '2h'],
    ['90m', 90, '90m'],
    ['30 m', 30, '30m'],
    ['1d', 1440, '1d'],
    ['120m', 120, '2h'],
  ])('takes %s', (text, minutes, said) => {
    expect(checkedSetting('idleStop', text)).toBe(minutes)
    expect(idleText(minutes)).toBe(said)
  })

  it.each(['29m', '8d', '2', 'h', '0h', '-2h', '2hours', '1e3m', ''])('refuses %j', (text) => {
    expect(() => checkedSetting('idleStop', text)).toThrow(expect.objectContaining({ code: 'bad-idle-stop' }))
  })
})
