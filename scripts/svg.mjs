// Draws a terminal's text, with its colours, as SVG: a window on a dark ground, every cell in its place.

const cell = { width: 8.4, height: 19, size: 14 }
const margin = { left: 18, top: 50, bottom: 18 }
const ground = '#10141c'
const ink = '#d7dde8'
const palette = {
  30: '#4b5565',
  31: '#ff7b72',
  32: '#56d364',
  33: '#e3b341',
  34: '#79b8ff',
  35: '#d2a8ff',
  36: '#56d4dd',
  37: ink,
  90: '#8b949e',
}
const dim = '#7d8899'

/** One screen. */
export function draw(screen, { columns, title }) {
  const lines = screen.split('\n')
  return picture(linesOf(lines), { columns, rows: lines.length, title })
}

/** Screens one after another, each at its time in milliseconds; the last stays for a while. */
export function drawFrames(frames, { columns, rows, title }) {
  const rest = 6000
  const total = (frames.at(-1)?.at ?? 0) + rest
  const percent = (ms) => ((ms / total) * 100).toFixed(2)
  const styles = frames.map(({ at }, i) => {
    const until = frames[i + 1]?.at ?? total
    const [from, to] = [percent(at), percent(until)]
    const before = i === 0 ? '' : `0%{visibility:hidden}`
    const after = i === frames.length - 1 ? '100%{visibility:visible}' : `${to}%,100%{visibility:hidden}`
    return `@keyframes f${i}{${before}${i === 0 ? '0' : from}%{visibility:visible}${after}}.f${i}{animation:f${i} ${total}ms step-end infinite}`
  })
  const still = frames.length - 1
  const quiet = `@media (prefers-reduced-motion:reduce){g[class^=f]{animation:none;visibility:hidden}g.f${still}{visibility:visible}}`
  const groups = frames.map(({ screen }, i) => `<g class="f${i}">${linesOf(screen.split('\n'))}</g>`)
  return picture(groups.join('\n'), { columns, rows, title, style: `${styles.join('')}${quiet}` })
}

function picture(body, { columns, rows, title, style = '' }) {
  const width = Math.ceil(columns * cell.width + 2 * margin.left)
  const height = margin.top + rows * cell.height + margin.bottom
  const lights = ['#ff5f57', '#febc2e', '#28c840'].map(
    (color, i) => `<circle cx="${20 + i * 20}" cy="20" r="6" fill="${color}"/>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>text{font:${cell.size}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:${ink};white-space:pre}.b{font-weight:700}${style}</style>
<rect width="${width}" height="${height}" rx="10" fill="${ground}" stroke="#2b3240"/>
${lights.join('')}
<text x="${width / 2}" y="25" text-anchor="middle" style="fill:${dim}">${escaped(title)}</text>
${body}
</svg>
`
}

/** A style lasts until it is changed, over the ends of lines. */
function linesOf(lines) {
  const style = {}
  return lines.map((line, row) => lineOf(line, margin.top + (row + 0.75) * cell.height, style)).join('')
}

/** A line's runs of one style, each nailed to its column and stretched to its cells, whatever the font. */
function lineOf(line, y, style) {
  let column = 0
  return runs(line, style)
    .map(({ text, style }) => {
      const start = column
      column += [...text].length
      if (text.trim() === '') return ''
      const lead = text.length - text.trimStart().length
      const word = text.trim()
      const x = (margin.left + (start + lead) * cell.width).toFixed(1)
      const length = ([...word].length * cell.width).toFixed(1)
      const color = style.dim ? dim : style.color
      const look = `${color ? ` style="fill:${color}"` : ''}${style.bold ? ' class="b"' : ''}`
      return `<text x="${x}" y="${y}" textLength="${length}"${look}>${escaped(word)}</text>`
    })
    .join('')
}

/** Cuts a line at its colour codes: https://en.wikipedia.org/wiki/ANSI_escape_code#SGR */
function runs(line, style) {
  return line.split(/(\u001b\[[\d;]*m)/).flatMap((part) => {
    const codes = /^\u001b\[([\d;]*)m$/.exec(part)?.[1]
    if (codes === undefined) return part ? [{ text: part, style: { ...style } }] : []
    for (const code of codes.split(';').map(Number)) {
      if (code === 0) Object.assign(style, { bold: false, dim: false, color: undefined })
      if (code === 1) style.bold = true
      if (code === 2) style.dim = true
      if (code === 22) Object.assign(style, { bold: false, dim: false })
      if (code === 39) style.color = undefined
      if (palette[code]) style.color = palette[code]
    }
    return []
  })
}

const escaped = (text) =>
  text.replace(/[&<>"]/g, (letter) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[letter])
