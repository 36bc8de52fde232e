import type { PlanItem } from '../engine/converge.js'
import type { Change } from '../engine/resource.js'
import type { Cost } from '../lab/prices.js'
import type { Settings } from '../lab/settings.js'
import type { Stranger } from '../resources/identity.js'
import type { LabId } from '../resources/ownership.js'
import { strangerLines } from './strangers-view.js'
import { clean } from './style.js'
import { columns, usd } from './table.js'
import type { Ui } from './ui.js'

export interface Plan {
  items: readonly PlanItem[]
  /** What would be done on the host; undefined: nothing. */
  host: string | undefined
  /** The instance that would be ended first. */
  replaces: string | undefined
  cost: Cost
  lab: LabId
  settings: Settings
  /** What bears the lab's tags and is left alone. */
  strangers: readonly Stranger[]
}

const signs = { create: '+', change: '~', keep: '=' } as const
const colors = { create: 'green', change: 'yellow', keep: 'dim' } as const

const say = ({ what, from, to, byHand }: Change): string =>
  `${what}: ${from === undefined ? '' : `${from} → `}${to ?? ''}${byHand ? `  (${byHand})` : ''}`

/** Each resource with what becomes of it, and what the lab costs a month. */
export function planText(
  { items, host, replaces, cost, lab, strangers }: Plan,
  { style }: Pick<Ui, 'style'>,
): string {
  const lines = [style('bold', `Plan for the lab "${lab.name}" in ${lab.region}`), '']
  for (const { resource, action, id, changes } of items) {
    const replaced = replaces !== undefined && id === replaces
    const sign = style(replaced ? 'red' : colors[action], replaced ? '±' : signs[action])
    const word = replaced ? 'ends with all that is on it, and is made anew' : action
    lines.push(
      `  ${sign} ${clean(resource.name)}${id && !resource.name.endsWith(id) ? `  ${style('dim', clean(id))}` : ''}  ${word}`,
    )
    for (const change of changes) lines.push(`      ${clean(say(change))}`)
  }
  const sign = style(host ? 'yellow' : 'dim', host ? '~' : '=')
  lines.push(`  ${sign} host  ${host ?? 'keep'}`, '', ...costText(cost, style))
  if (strangers.length > 0) lines.push('', ...strangerLines(strangers, lab, style))
  return lines.join('\n')
}

/** The bill by line, and where its prices are from. */
export function costText(cost: Cost, style: Ui['style']): string[] {
  const rows = cost.lines.map(({ item, unit, monthlyUsd }) => [`  ${item}`, unit, usd(monthlyUsd)])
  const total = [`  together`, 'a month, before tax', usd(cost.monthlyUsd)]
  return [style('bold', 'Cost'), ...columns([...rows, total]), style('dim', `  ${cost.source}`)]
}

export const costJson = ({ lines, monthlyUsd, source }: Cost) => ({
  lines: lines.map((line) => ({ ...line, monthlyUsd: line.monthlyUsd ?? null })),
  monthlyUsd: monthlyUsd ?? null,
  source,
})

export const planJson = ({ items, host, cost, lab, settings, replaces, strangers }: Plan) => ({
  lab: lab.name,
  region: lab.region,
  account: lab.account,
  resources: items.map(({ resource, action, id, changes }) => ({
    name: resource.name,
    action,
    id: id ?? null,
    changes,
  })),
  host: host ?? null,
  replaces: replaces ?? null,
  spec: settings,
  strangers,
  cost: costJson(cost),
})
