import type { Observation } from '../engine/converge.js'
import type { LabGraph } from '../lab/graph.js'
import type { Leftovers } from '../lab/leftovers.js'
import type { LabId } from '../resources/ownership.js'
import { keptText } from './status-view.js'
import { clean } from './style.js'
import type { Ui } from './ui.js'

interface Going {
  lab: LabId
  graph: LabGraph
  observation: Observation
  leftovers: Leftovers
  /** Whether the address goes too. */
  releases: boolean
}

/** What will go, and what it holds. */
export function goingText(
  { lab, graph, observation, leftovers, releases }: Going,
  { style }: Pick<Ui, 'style'>,
): string {
  const lines = [style('bold', `This destroys the lab "${lab.name}" in ${lab.region}:`), '']
  for (const resource of observation.present) {
    const id = clean(resource.id(observation.of(resource)))
    const shown = resource.name.endsWith(id) ? '' : `  ${style('dim', id)}`
    if (resource === graph.address && !releases) {
      lines.push(`  = ${resource.name}${shown}  kept: it is protected`)
      continue
    }
    lines.push(`  ${style('red', '-')} ${clean(resource.name)}${shown}`)
    const volume = resource === graph.instance ? observation.of(graph.instance)?.volume : undefined
    if (volume) {
      lines.push(
        `      with its disk ${volume.volumeId} (${volume.sizeGb} GB): every user, conversation and file`,
      )
    }
  }
  for (const id of leftovers.volumes) lines.push(`  ${style('red', '-')} disk ${id}, which no instance has`)
  for (const name of leftovers.parameters) lines.push(`  ${style('red', '-')} parameter ${clean(name)}`)
  return lines.join('\n')
}

export interface Destroyed {
  lab: LabId
  removed: readonly string[]
  /** What is still there and should not be. */
  left: readonly string[]
  keptAddress: string | undefined
}

export function destroyedText({ lab, left, keptAddress }: Destroyed, { style }: Pick<Ui, 'style'>): string {
  if (left.length > 0) {
    return [
      style('bold', `Of the lab "${lab.name}" this is still there:`),
      ...left.map((what) => `  ${style('red', '✖')} ${clean(what)}`),
      `  librechat-lab destroy --confirm ${lab.name}   goes on`,
    ].join('\n')
  }
  if (keptAddress !== undefined) return keptText(lab, keptAddress)
  return `${style('green', '✔')} The lab "${lab.name}" in ${lab.region} is gone. Nothing of it is left, and nothing of it costs any more.`
}

export const destroyedJson = ({ lab, removed, left, keptAddress }: Destroyed) => ({
  lab: lab.name,
  region: lab.region,
  account: lab.account,
  removed,
  left,
  keptAddress: keptAddress ?? null,
})
