import type { Access, AccessPlan, Change } from '../app/access.js'
import type { AccessView } from '../app/change-access.js'
import { openToMany } from './lab-view.js'
import { changesJson } from './plan-view.js'
import { clean } from './style.js'
import { columns } from './table.js'
import type { Paint, Ui } from './ui.js'

const short = (cidr: string) => (cidr === '0.0.0.0/0' ? 'everywhere' : cidr.replace(/\/32$/, ''))
const counted = (count: number) => `${count.toLocaleString('en')} address${count === 1 ? '' : 'es'}`

/** Each range with notes, then the rules that differ from the list. */
export function accessText(access: Access, paint: Paint): string {
  const { lab, ranges } = access
  const { style } = paint
  const rows = ranges.map(({ cidr, addresses, open, here }) => {
    const notes = [
      ...(here ? ['you are here'] : []),
      ...(access.allow.from === 'detected' ? ['detected by the last up'] : []),
      ...(open ? [] : ['not open in the security group']),
    ]
    const mark = open ? style('green', '✔') : style('yellow', '!')
    return [`  ${mark} ${short(cidr)}`, counted(addresses), style('dim', notes.join(', '))]
  })
  const warnings = warningsOf(access, paint).map((text) => `${style('yellow', '!')} ${text}`)
  const { hint } = paint
  return [
    style('bold', `Allowed to reach the lab "${lab.name}" in ${lab.region}`),
    ...(rows.length > 0 ? columns(rows) : ['  nobody; tunnel still works']),
    ...(warnings.length > 0 ? ['', ...warnings] : []),
    '',
    ...columns([
      [hint({ command: { path: 'access add', args: ['<range>'] } }), 'lets in a person or a place'],
      [hint({ command: { path: 'access remove', args: ['<range>'] } }), 'no longer lets it in'],
    ]),
  ].join('\n')
}

function warningsOf(access: Access, { hint }: Pick<Ui, 'hint'>): string[] {
  const { allow, ranges, unlisted, here, openPort80 } = access
  const up = hint({ command: { path: 'up' } })
  const isClosed = ranges.some(({ open }) => !open)
  const add = hint({ command: { path: 'access add', args: ['detect'] } })
  return [
    ...(here !== undefined && !ranges.some((range) => range.here)
      ? [`Your own address ${here} is not allowed. To allow it: ${add}`]
      : []),
    ...(isClosed || unlisted.length > 0
      ? [
          ...unlisted.map((rule) => `The security group also allows ${ruleText(rule)}.`),
          `The security group differs from this list. To repair it: ${up}`,
        ]
      : []),
    ...(openPort80 ? ['Port 80 is open to everyone and redirects to HTTPS.'] : []),
    ...openToMany({ allow }, { hint }),
  ]
}

const ruleText = ({ protocol, fromPort, toPort, source }: Access['unlisted'][number]): string => {
  const ports =
    protocol === '-1' ? 'every port' : `port ${fromPort === toPort ? fromPort : `${fromPort}-${toPort}`}`
  return clean(`${ports} from ${source}`)
}

export const accessJson = ({ lab, allow, openPort80, ranges, unlisted, here }: Access) => ({
  lab: lab.name,
  region: lab.region,
  account: lab.account,
  from: allow.from,
  everyone: allow.everyone,
  openPort80,
  ranges,
  unlisted,
  here: here ?? null,
})

/** The changes and their consequences. */
function planText({ before, after, changes, locksOut }: AccessPlan, paint: Paint): string {
  const { style } = paint
  const { lab, allow, here } = after
  const listed = (cidrs: readonly string[]) => cidrs.map(short).join(', ') || 'nobody'
  const notes = [
    ...(locksOut
      ? [
          `Your own address ${here} will not be allowed: from here only ${paint.hint([{ path: 'tunnel' }])} will reach the lab.`,
        ]
      : []),
    ...(before.from === 'detected' && allow.from === 'given'
      ? ['From now on up keeps this list and does not replace your address with the one that it detects.']
      : []),
    ...openToMany({ allow }, paint),
  ]
  return [
    style('bold', `Change for the lab "${lab.name}" in ${lab.region}`),
    '',
    `  ${style('yellow', '~')} allowed from  ${listed(before.cidrs)} → ${listed(allow.cidrs)}`,
    ...changes.filter(isRule).map(({ what, from, to }) => `      ${clean(`${what}: ${from} → ${to}`)}`),
    ...(notes.length > 0 ? ['', ...notes.map((text) => `${style('yellow', '!')} ${text}`)] : []),
  ].join('\n')
}

/** The settings' own change is the line above. */
const isRule = ({ what }: Change): boolean => what !== 'allowed from'

const planJson = (plan: AccessPlan, { hint }: Pick<Ui, 'hint'>) => ({
  ...accessJson(plan.after),
  changes: changesJson(plan.changes, { hint }),
  locksOut: plan.locksOut,
})

/** Shows the plan and the result of a change. */
export const accessView = (ui: Ui): AccessView => ({
  plan: (plan) => ui.show((paint) => planText(plan, paint)),
  dryRun(plan) {
    const text = plan.changes.length > 0 ? planText(plan, ui) : accessText(plan.after, ui)
    ui.result(text, { ...planJson(plan, ui), changed: false, dryRun: true })
  },
  done(plan) {
    const changed = plan.changes.length > 0
    const head = changed ? [] : ['No changes: the list is as it should be.', '']
    ui.result([...head, accessText(plan.after, ui)].join('\n'), { ...planJson(plan, ui), changed })
  },
})
