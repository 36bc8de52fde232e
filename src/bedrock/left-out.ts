import { type Prose, prose } from '../core/error.js'
import type { Model } from './model.js'

/** Models that one step would add to the menu. */
export interface LeftOut {
  names: string[]
  why: string
  fix: Prose
}

/** The step that gives a lab without models its first ones. */
export const ADD_MODELS: Prose = [
  'To add the models that a new lab gets: ',
  { path: 'up', flags: { models: 'default' } },
]

/** One entry for each step, with all models that need it. */
export function leftOutOf(blocked: readonly Model[]): LeftOut[] {
  const bySteps = new Map<string, Model[]>()
  for (const model of blocked) {
    const step = JSON.stringify([model.problem?.reason, model.problem?.fix])
    bySteps.set(step, [...(bySteps.get(step) ?? []), model])
  }
  return [...bySteps.values()].map((models) => ({
    names: models.map(({ name }) => name),
    why: models[0]?.problem?.what ?? '',
    fix: models[0]?.problem?.fix ?? '',
  }))
}

export const leftOutText = ({ names, why, fix }: LeftOut): Prose =>
  prose(`Not in the menu: ${names.join(', ')}. ${why} `, fix, '.')
