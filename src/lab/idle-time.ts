const perUnit = { m: 1, h: 60, d: 24 * 60 } as const

/** "30m", "2h", "1d" as minutes; NaN for anything else. */
export function minutesIn(text: string): number {
  const [, count, unit = ''] = /^(\d{1,5})\s*([mhd])$/i.exec(text.trim()) ?? []
  return Number(count) * perUnit[unit.toLowerCase() as keyof typeof perUnit]
}

/** "90m", "2h", "1d": as it is typed. */
export function idleText(minutes: number): string {
  if (minutes % perUnit.d === 0) return `${minutes / perUnit.d}d`
  return minutes % perUnit.h === 0 ? `${minutes / perUnit.h}h` : `${minutes}m`
}
