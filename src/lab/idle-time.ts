import { LabError } from '../core/error.js'
import { facts } from './facts.js'

const perUnit = { m: 1, h: 60, d: 24 * 60 } as const

/** "30m", "2h", "1d" as minutes; LabError `bad-idle-stop`. */
export function checkedIdleStop(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,5})\s*([mhd])$/i.exec(text.trim()) ?? []
  const minutes = Number(count) * perUnit[unit.toLowerCase() as keyof typeof perUnit]
  const { leastMinutes, mostMinutes } = facts.idleStop
  if (count !== '' && minutes >= leastMinutes && minutes <= mostMinutes) return minutes
  throw new LabError({
    code: 'bad-idle-stop',
    what: `${JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)} is not a time for idle stop.`,
    why: `It takes minutes, hours or days, from ${idleText(leastMinutes)} to ${idleText(mostMinutes)}.`,
    fix: ['For example: --idle-stop 2h'],
  })
}

/** "90m", "2h", "1d": as it is typed. */
export function idleText(minutes: number): string {
  if (minutes % perUnit.d === 0) return `${minutes / perUnit.d}d`
  return minutes % perUnit.h === 0 ? `${minutes / perUnit.h}h` : `${minutes}m`
}
