import type { PricedSnapshot } from '../app/backup/snapshot.js'
import type { DestroyView } from '../app/destroy.js'
import type { Destroyed, DestroyPlan } from '../app/destruction.js'
import { snapshotJson } from './backup-view.js'
import { keptText } from './status-view.js'
import { strangerLines } from './strangers-view.js'
import { clean } from './style.js'
import type { Paint, Ui } from './ui.js'

const snapshotLine = ({ name, snapshotId, mostMonthlyUsd }: PricedSnapshot) =>
  `snapshot ${clean(name)} (${clean(snapshotId)})  kept: ${
    mostMonthlyUsd === undefined
      ? 'it costs until it is removed'
      : `at most $${mostMonthlyUsd.toFixed(2)} a month`
  }`

/** Data that stays, and how to remove it. */
function snapshotLines(snapshots: readonly PricedSnapshot[], { hint }: Pick<Ui, 'hint'>): string[] {
  const [first] = snapshots
  if (!first) return []
  return [
    ...snapshots.map((one) => `  = ${snapshotLine(one)}`),
    `  To remove one: ${hint({ command: { path: 'backup remove', args: [first.name] } })}`,
  ]
}

const apart = (lines: readonly string[]) => (lines.length > 0 ? ['', ...lines] : [])

/** What is deleted, with every id, what is kept, and what is not changed. */
function planText({ lab, going, kept, strangers, snapshots }: DestroyPlan, { style, hint }: Paint): string {
  return [
    style('bold', `This destroys the lab "${lab.name}" in ${lab.region}:`),
    '',
    ...going.flatMap(({ text, notes }) => [
      `  ${style('red', '-')} ${clean(text)}`,
      ...notes.map((note) => `      ${note}`),
    ]),
    ...kept.map(({ text, why }) => `  = ${clean(text)}  kept: ${clean(why)}`),
    ...snapshots.map((one) => `  = ${snapshotLine(one)}`),
    ...apart(strangerLines(strangers, lab, { style, hint })),
  ].join('\n')
}

/** Nothing to delete, or only kept resources. */
function nothingText(
  { lab, kept, strangers, address, elsewhere, snapshots }: DestroyPlan,
  { style, hint }: Paint,
): string {
  const isOnlyAddress = address !== undefined && kept.length === 1
  return [
    ...(isOnlyAddress && address.canGo
      ? ['Nothing to destroy.', keptText(lab, address.publicIp, address.cost, { hint })]
      : [
          `Nothing to destroy: there is no lab "${lab.name}" in ${lab.region}.`,
          ...kept.map(({ text, why }) => `  = ${clean(text)}  kept: ${clean(why)}`),
        ]),
    ...elsewhere.map(
      (region) => `It is in ${region}: ${hint({ command: { path: 'destroy', flags: { region } } })}`,
    ),
    ...snapshotLines(snapshots, { hint }),
    ...apart(strangerLines(strangers, lab, { style, hint })),
  ].join('\n')
}

function destroyedText(
  {
    lab,
    left,
    keptAddress,
    addressCost,
    strangers,
    snapshots,
    backup,
  }: Parameters<DestroyView['outcome']>[0],
  { style, hint }: Paint,
): string {
  const others = apart(strangerLines(strangers, lab, { style, hint }))
  if (left.length > 0) {
    return [
      style('bold', `These resources of the lab "${lab.name}" still exist:`),
      ...left.map((what) => `  ${style('red', '✖')} ${clean(what)}`),
      `  ${hint({ command: { path: 'destroy', flags: { confirm: lab.name } }, text: 'continues' })}`,
      ...others,
    ].join('\n')
  }
  const end =
    keptAddress !== undefined
      ? keptText(lab, keptAddress, addressCost, { hint })
      : `${style('green', '✔')} The lab "${lab.name}" in ${lab.region} is deleted. ${snapshots.length > 0 ? 'Only its snapshots are left.' : 'None of its resources are left, and it costs nothing now.'}`
  const saved =
    backup === undefined
      ? []
      : [
          `Its data is in ${clean(backup)}. To put it into a new lab, run up and then:`,
          `  ${hint({ command: { path: 'restore', args: [backup] } })}`,
        ]
  return [end, ...saved, ...snapshotLines(snapshots, { hint }), ...others].join('\n')
}

const destroyedJson = ({
  lab,
  removed,
  left,
  keptAddress,
  strangers,
  snapshots,
  backup,
}: Omit<Destroyed, 'addressCost'> & { backup?: string | undefined }) => ({
  lab: lab.name,
  region: lab.region,
  account: lab.account,
  removed,
  left,
  keptAddress: keptAddress ?? null,
  strangers,
  keptSnapshots: snapshots.map(snapshotJson),
  backup: backup ?? null,
})

/** Shows the plan and the result of `destroy`. */
export const destroyView = (ui: Ui): DestroyView => ({
  nothing: (plan) => ui.result(nothingText(plan, ui), untouchedJson(plan, [], plan.address?.publicIp)),
  plan: (plan) => ui.show((paint) => planText(plan, paint)),
  dryRun(plan) {
    const going = plan.going.map(({ text }) => text)
    ui.result(planText(plan, ui), {
      ...untouchedJson(plan, going, undefined),
      going,
      kept: plan.kept,
      lastBackup: plan.lastBackup
        ? { kind: plan.lastBackup.kind, at: new Date(plan.lastBackup.at).toISOString() }
        : null,
      dryRun: true,
    })
  },
  outcome: (outcome) => ui.result(destroyedText(outcome, ui), destroyedJson(outcome)),
})

const untouchedJson = (
  { lab, strangers, snapshots }: DestroyPlan,
  left: readonly string[],
  keptAddress: string | undefined,
) => destroyedJson({ lab, removed: [], left, strangers, keptAddress, snapshots })
