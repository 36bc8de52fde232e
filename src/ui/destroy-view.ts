import type { DestroyView } from '../app/destroy.js'
import type { Destroyed, DestroyPlan } from '../app/destruction.js'
import { keptText } from './status-view.js'
import { strangerLines } from './strangers-view.js'
import { clean } from './style.js'
import type { Paint, Ui } from './ui.js'

const apart = (lines: readonly string[]) => (lines.length > 0 ? ['', ...lines] : [])

/** What will be deleted, with every id, what is kept, and what is left alone. */
function planText({ lab, going, kept, strangers }: DestroyPlan, { style }: Paint): string {
  return [
    style('bold', `This destroys the lab "${lab.name}" in ${lab.region}:`),
    '',
    ...going.flatMap(({ text, notes }) => [
      `  ${style('red', '-')} ${clean(text)}`,
      ...notes.map((note) => `      ${note}`),
    ]),
    ...kept.map(({ text, why }) => `  = ${clean(text)}  kept: ${clean(why)}`),
    ...apart(strangerLines(strangers, lab, style)),
  ].join('\n')
}

/** There is nothing, or only what is kept. */
function nothingText(
  { lab, kept, strangers, address, elsewhere }: DestroyPlan,
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
    ...apart(strangerLines(strangers, lab, style)),
  ].join('\n')
}

function destroyedText(
  { lab, left, keptAddress, addressCost, strangers }: Destroyed,
  { style, hint }: Paint,
): string {
  const others = apart(strangerLines(strangers, lab, style))
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
      : `${style('green', '✔')} The lab "${lab.name}" in ${lab.region} is deleted. None of its resources are left, and it costs nothing now.`
  return [end, ...others].join('\n')
}

const destroyedJson = ({ lab, removed, left, keptAddress, strangers }: Omit<Destroyed, 'addressCost'>) => ({
  lab: lab.name,
  region: lab.region,
  account: lab.account,
  removed,
  left,
  keptAddress: keptAddress ?? null,
  strangers,
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
      dryRun: true,
    })
  },
  outcome: (outcome) => ui.result(destroyedText(outcome, ui), destroyedJson(outcome)),
})

const untouchedJson = (
  { lab, strangers }: DestroyPlan,
  left: readonly string[],
  keptAddress: string | undefined,
) => destroyedJson({ lab, removed: [], left, strangers, keptAddress })
