import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Amounts, Usage } from '../app/usage.js'
import { openBrowser } from './browser.js'
import { usd } from './table.js'
import type { Ui } from './ui.js'
import {
  countedName,
  countedText,
  modelName,
  monthName,
  paceOf,
  short,
  sourceText,
  tokensText,
  uncountedText,
  userName,
} from './usage-view.js'

/**
 * Writes the page into a new directory that only the user can read, and opens it at a terminal.
 * @returns its path, and whether a browser was opened
 */
export async function openUsagePage(
  usage: Usage,
  { interactive }: Pick<Ui, 'interactive'>,
): Promise<{ path: string; opened: boolean }> {
  // The build puts it beside the program.
  const script = await readFile(new URL('./usage-page.js', import.meta.url), 'utf8')
  const folder = await mkdtemp(join(tmpdir(), 'librechat-lab-'))
  const path = join(folder, `usage-${usage.month}.html`)
  await writeFile(path, usagePage(usage, script), { mode: 0o600 })
  return { path, opened: interactive && (await openBrowser(path)) }
}

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`).replace(/[\p{Cc}\p{Bidi_Control}]/gu, ' ')

/** One self-contained page with style, script and figures; its content security policy forbids everything else. */
export function usagePage(usage: Usage, script: string): string {
  const { lab, month, today, total, cost, days, models, users, months } = usage
  const pace = paceOf(usage)
  const until = today === undefined ? '' : ` until ${days.at(-1)?.day}`
  // Within a script element, only the end tag has to be escaped.
  const figures = JSON.stringify({
    days: days.map(({ day, usd }) => [day.slice(8), usd]),
    months: months.map(({ month, usd }) => [month, usd]),
  }).replaceAll('<', '\\u003c')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Usage of ${escaped(lab.name)}, ${monthName(month)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${monthName(month)}</h1>
<p>Lab “${escaped(lab.name)}” in ${escaped(lab.region)}${until}. Days and months are in UTC.</p>
<ul class="sums">
<li><span>Models</span><strong>${usd(total.usd)}</strong><small>${tokensText(total)}</small></li>
${pace === undefined ? '' : `<li><span>At this pace</span><strong>${usd(pace)}</strong><small>by the end of the month</small></li>`}
<li><span>Host</span><strong>${usd(cost.monthlyUsd)}</strong><small>instance, disk and address for a whole month, before tax</small></li>
</ul>
${chart(
  'days',
  'By day',
  `Dollars for models on each day of ${monthName(month)}`,
  details('Each day', days, (one) => one.day),
)}
${table('By model', models, (one) => modelName(one, usage))}
${table('By user', users, userName)}
${countedSection(usage)}
${chart(
  'months',
  'By month',
  'Dollars for models in each of the last twelve months',
  details('Each month', months, (one) => one.month),
)}
<p class="source">${sourceText}</p>
</main>
<script type="application/json" id="figures">${figures}</script>
<script>${script.replaceAll('</script', '<\\/script')}</script>
</body>
</html>
`
}

const chart = (id: string, title: string, label: string, table: string): string =>
  `<section><h2>${title}</h2><div class="chart" data-chart="${id}" role="img" aria-label="${label}; the figures are in the table below"></div>${table}</section>`

const details = <Row extends Amounts>(title: string, rows: readonly Row[], name: (row: Row) => string) =>
  `<details><summary>${title}</summary>${tableOf(rows, name, title)}</details>`

const table = <Row extends Amounts>(title: string, rows: readonly Row[], name: (row: Row) => string) =>
  `<section><h2>${title}</h2>${rows.length > 0 ? tableOf(rows, name, title) : '<p>Nobody has used a model in this month.</p>'}</section>`

function tableOf<Row extends Amounts>(
  rows: readonly Row[],
  name: (row: Row) => string,
  title: string,
): string {
  const most = Math.max(...rows.map((one) => one.usd), 1e-9)
  const cells = (one: Row) =>
    [one.inputTokens, one.outputTokens, one.cacheReadTokens + one.cacheWriteTokens]
      .map((tokens) => `<td class="tokens">${tokens.toLocaleString('en')}</td>`)
      .join('')
  const lines = rows.map(
    (one) =>
      `<tr><th scope="row">${escaped(name(one))}<i style="width:${((one.usd / most) * 100).toFixed(1)}%"></i></th><td>${usd(one.usd)}</td>${cells(one)}</tr>`,
  )
  return `<table><caption>${title}</caption><thead><tr><th scope="col">Name</th><th scope="col">Dollars</th><th scope="col" class="tokens">Tokens in</th><th scope="col" class="tokens">Tokens out</th><th scope="col" class="tokens">Cached</th></tr></thead><tbody>${lines.join('\n')}</tbody></table>`
}

/** Bedrock's token counts, without dollars. */
function countedSection(usage: Usage): string {
  if (!usage.counted) return `<p class="source">${uncountedText}</p>`
  if (usage.counted.length === 0) return ''
  const lines = usage.counted.map(
    (one) =>
      `<tr><th scope="row">${escaped(countedName(one, usage))}</th>${[one.inputTokens, one.outputTokens, one.cacheReadTokens + one.cacheWriteTokens].map((tokens) => `<td>${short(tokens)}</td>`).join('')}</tr>`,
  )
  return `<section><h2>Counted by AWS</h2><table><caption>Tokens that AWS has counted</caption><thead><tr><th scope="col">Model</th><th scope="col">In</th><th scope="col">Out</th><th scope="col">Cached</th></tr></thead><tbody>${lines.join('\n')}</tbody></table><p class="source">${countedText}</p></section>`
}

const style = `
:root { color-scheme: light dark; --text: #1b1f24; --soft: #57606a; --line: #d8dee4; --back: #fff; --card: #f6f8fa; --bar: #2f6feb }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --soft: #9aa4af; --line: #30363d; --back: #0d1117; --card: #161b22; --bar: #6ea8fe } }
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem }
h1, h2 { line-height: 1.2; margin: 0 0 .5rem } h1 { font-size: 1.8rem } h2 { font-size: 1.1rem }
p, small, .source { color: var(--soft) } section { margin: 2rem 0 0 }
.sums { list-style: none; display: flex; flex-wrap: wrap; gap: .75rem; padding: 0; margin: 1rem 0 }
.sums li { flex: 1 1 12rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; display: flex; flex-direction: column }
.sums span { color: var(--soft) } .sums strong { font-size: 1.6rem; line-height: 1.3 }
.chart { min-height: 200px; overflow: hidden }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums } caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
th, td { text-align: right; padding: .35rem .5rem; border-bottom: 1px solid var(--line); vertical-align: top } th:first-child { text-align: left; font-weight: 400; width: 45%; overflow-wrap: anywhere } thead th { color: var(--soft); font-weight: 400; font-size: .85rem }
th i { display: block; height: .35rem; margin-top: .25rem; background: var(--bar); border-radius: .2rem; min-width: 1px }
details { margin: .5rem 0 0 } summary { cursor: pointer; color: var(--soft); padding: .25rem 0 } .source { margin-top: 2rem; font-size: .9rem }
@media (max-width: 40rem) { .tokens { display: none } }
`
