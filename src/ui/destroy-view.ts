import type { Destroyed, DestroyPlan } from '../app/destroy.js'
import { keptText } from './status-view.js'
import { strangerLines } from './strangers-view.js'
import { clean } from './style.js'
import type { Ui } from './ui.js'

type Paint = Pick<Ui, 'style'>

const apart = (lines: readonly string[]) => (lines.length > 0 ? ['', ...lines] : [])

/** What will go, with every id, what stays, and what is left alone. */
export function planText({ lab, going, kept, strangers }: DestroyPlan, { style }: Paint): string {
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

/** Nothing there, or nothing but what is kept. */
export function nothingText(
  { lab, kept, strangers, address, elsewhere }: DestroyPlan,
  { style }: Paint,
): string {
  const isOnlyAddress = address !== undefined && kept.length === 1
  return [
    ...(isOnlyAddress && address.canGo
      ? ['Nothing to destroy.', keptText(lab, address.publicIp)]
      : [
          `Nothing to destroy: there is no lab "${lab.name}" in ${lab.region}.`,
          ...kept.map(({ text, why }) => `  = ${clean(text)}  kept: ${clean(why)}`),
        ]),
    ...elsewhere.map((region) => `It is in ${region}: librechat-lab destroy --region ${region}`),
    ...apart(strangerLines(strangers, lab, style)),
  ].join('\n')
}

export function destroyedText({ lab, left, keptAddress, strangers }: Destroyed, { style }: Paint): string {
  const others = apart(strangerLines(strangers, lab, style))
  if (left.length > 0) {
    return [
      style('bold', `Of the lab "${lab.name}" this is still there:`),
      ...left.map((what) => `  ${style('red', '✖')} ${clean(what)}`),
      `  librechat-lab destroy --confirm ${lab.name}   goes on`,
      ...others,
    ].join('\n')
  }
  const end =
    keptAddress !== undefined
      ? keptText(lab, keptAddress)
      : `${style('green', '✔')} The lab "${lab.name}" in ${lab.region} is gone. Nothing of it is left, and nothing of it costs any more.`
  return [end, ...others].join('\n')
}

export const destroyedJson = ({ lab, removed, left, keptAddress, strangers }: Destroyed) => ({
  lab: lab.name,
  region: lab.region,
  account: lab.account,
  removed,
  left,
  keptAddress: keptAddress ?? null,
  strangers,
})
