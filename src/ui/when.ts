/** "2026-11-26 20:00 (Europe/Berlin)"; in UTC without a zone. */
export function zoned(at: number, timeZone = 'UTC'): string {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  })
  return `${format.format(at)} (${timeZone})`
}
