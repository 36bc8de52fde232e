import displayWidth from 'fast-string-width'

/** Columns as wide as their widest cell, except the last. */
export function columns(rows: readonly (readonly string[])[], gap = '  '): string[] {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, displayWidth(cell))
    })
  }
  return rows.map((row) =>
    row
      .map((cell, i) =>
        i === row.length - 1 ? cell : cell + ' '.repeat((widths[i] ?? 0) - displayWidth(cell)),
      )
      .join(gap)
      .trimEnd(),
  )
}

/** "$30.37", or a dash where it isn't known. */
export const usd = (amount: number | undefined): string =>
  amount === undefined ? '—' : `$${amount.toFixed(2)}`
