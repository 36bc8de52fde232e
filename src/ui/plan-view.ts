import type { Change, Cost, Plan, SettingRow } from '../app/up/run.js'
import { strangerLines } from './strangers-view.js'
import { clean } from './style.js'
import { columns, usd } from './table.js'
import type { Paint, Ui } from './ui.js'

const signs = { create: '+', change: '~', keep: '=', remove: '-' } as const
const colors = { create: 'green', change: 'yellow', keep: 'dim', remove: 'red' } as const

const say = ({ what, from, to, byHand }: Change, hint: Ui['hint']): string =>
  `${what}: ${from === undefined ? '' : `${from} → `}${to ?? ''}${byHand ? `  (${hint(byHand)})` : ''}`

/** Each resource with its action, each setting, and the lab's monthly cost. */
export function planText(plan: Plan, { style, hint }: Paint): string {
  const { items, replaces, movesData, cost, lab, rows, strangers, leftSecrets, createsVpc } = plan
  const lines = [style('bold', `Plan for the lab "${lab.name}" in ${lab.region}`), '']
  if (createsVpc)
    lines.push(`  ${style('green', '+')} default VPC of ${lab.region}  create`, '      destroy keeps it')
  for (const { resource, action, id, changes } of items) {
    const replaced = replaces !== undefined && id === replaces
    const sign = style(replaced ? 'red' : colors[action], replaced ? '±' : signs[action])
    const lost = movesData ? 'its data moves to the new one' : 'all its data is lost'
    const word = replaced ? `will be replaced; ${lost}` : action
    lines.push(
      `  ${sign} ${clean(resource.name)}${id && !resource.name.endsWith(id) ? `  ${style('dim', clean(id))}` : ''}  ${word}`,
    )
    for (const change of changes) lines.push(`      ${clean(say(change, hint))}`)
  }
  for (const name of leftSecrets)
    lines.push(`  ${style('red', '-')} parameter ${clean(name)}  left by an older run: will be removed`)
  lines.push('', ...rowsText(rows, style), '', ...costText(cost, style))
  if (strangers.length > 0) lines.push('', ...strangerLines(strangers, lab, { style, hint }))
  return lines.join('\n')
}

/** Each setting; changed ones with the old value. */
function rowsText(rows: readonly SettingRow[], style: Ui['style']): string[] {
  const cells = rows.map(({ what, from, to }) => [
    `  ${from === undefined ? ' ' : style('yellow', '~')} ${what}`,
    from === undefined ? clean(to) : `${clean(from)} → ${clean(to)}`,
  ])
  return [style('bold', 'Settings'), ...columns(cells)]
}

/** The bill by line, and the source of its prices. */
export function costText(cost: Cost, style: Ui['style']): string[] {
  const rows = cost.lines.map(({ item, unit, monthlyUsd }) => [`  ${item}`, unit, usd(monthlyUsd)])
  const total = ['  Total', 'a month, before tax', usd(cost.monthlyUsd)]
  return [style('bold', 'Cost'), ...columns([...rows, total]), style('dim', `  ${cost.source}`)]
}

export const costJson = ({ lines, monthlyUsd, modelsMostUsd, source }: Cost) => ({
  lines: lines.map((line) => ({ ...line, monthlyUsd: line.monthlyUsd ?? null })),
  monthlyUsd: monthlyUsd ?? null,
  modelsMostUsd: modelsMostUsd ?? null,
  source,
})

/** The changes with their texts as strings. */
export const changesJson = (changes: readonly Change[], { hint }: Pick<Ui, 'hint'>) =>
  changes.map(({ byHand, ...change }) => (byHand ? { ...change, byHand: hint(byHand) } : change))

/** The work on the host; null: nothing. */
function hostText(items: Plan['items'], { hint }: Pick<Ui, 'hint'>): string | null {
  const changes = items.find(({ resource }) => resource.name === 'host')?.changes ?? []
  return changes.map((change) => say(change, hint)).join('; ') || null
}

export const planJson = (
  { items, cost, lab, settings, replaces, movesData, rows, strangers, leftSecrets, createsVpc }: Plan,
  paint: Pick<Ui, 'hint'>,
) => ({
  lab: lab.name,
  region: lab.region,
  account: lab.account,
  resources: items.map(({ resource, action, id, changes }) => ({
    name: resource.name,
    action,
    id: id ?? null,
    changes: changesJson(changes, paint),
  })),
  host: hostText(items, paint),
  replaces: replaces ?? null,
  movesData,
  spec: settings,
  settings: rows,
  strangers,
  leftSecrets,
  createsDefaultVpc: createsVpc,
  cost: costJson(cost),
})
