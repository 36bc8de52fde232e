/** "12 KB", "4.2 MB", "1.3 GB" */
export function bytesText(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000
  return `${unit > 1 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}
