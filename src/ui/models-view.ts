import type { AccountModels, Model, Route } from '../app/models.js'
import { clean } from './style.js'
import { columns } from './table.js'
import type { Paint, Ui } from './ui.js'

/** By provider, newest first; then models that can't be called, with the reason; at the end what to do. */
export function modelsText(found: AccountModels, { style, hint }: Paint): string {
  const { region, models, choice } = found
  const picked = new Set(choice.chosen.map(({ id }) => id))
  const callable = models.filter((model) => model.callable)
  const rows = columns(
    callable.map((model) => [
      picked.has(model.id) ? '●' : ' ',
      clean(model.name),
      clean(model.id),
      whereOf(model, region),
    ]),
  )
  const lines = [style('bold', `Chat models that can be called in ${region}`)]
  if (callable.length === 0) lines.push('', '  none')
  callable.forEach((model, index) => {
    if (model.provider !== callable[index - 1]?.provider)
      lines.push('', `  ${style('bold', clean(model.provider))}`)
    lines.push(`  ${rows[index]}`)
  })
  const doubtful = callable.filter(({ doubt }) => doubt !== undefined)
  if (doubtful.length > 0)
    lines.push(
      '',
      style('bold', 'Not in the default menu'),
      '',
      ...doubtful.map(({ doubt }) => `  ! ${clean(doubt ?? '')}`),
    )
  const others = models.filter((model) => !model.callable)
  if (others.length > 0) lines.push('', style('bold', 'Not callable'), '', ...others.map(whyText))
  return [...lines, '', ...nextText(found, hint)].join('\n')
}

const whyText = ({ name, problem }: Model): string => `  ✖ ${clean(problem?.what ?? name)}`

function nextText({ choice, leftOut }: AccountModels, hint: Ui['hint']): string[] {
  return [
    ...leftOut.map(({ names, fix }) => `For ${clean(names.join(', '))}: ${clean(hint(fix))}`),
    ...(choice.chosen.length > 0
      ? [
          `● is in a new lab's default menu. To choose others: ${hint({ command: { path: 'up', flags: { models: '<id>,<id>' } } })}`,
        ]
      : [`No model can be called. To find out why: ${hint({ command: { path: 'doctor' } })}`]),
  ]
}

/** The regions that can answer a request. */
function whereOf({ profile }: Route, region: string): string {
  if (!profile) return region
  return profile.kind === 'global' ? 'any region' : regionsOf({ profile }, region).join(', ')
}

const regionsOf = ({ profile }: Pick<Route, 'profile'>, region: string): string[] =>
  profile ? profile.models.flatMap((arn) => arn.split(':')[3] || []).sort() : [region]

export const modelsJson = (
  { region, account, models, choice }: AccountModels,
  { hint }: Pick<Ui, 'hint'>,
) => ({
  region,
  account,
  default: choice.default?.id ?? null,
  title: choice.title?.id ?? null,
  models: models.map((model) => ({
    id: model.id,
    modelId: model.modelId,
    name: model.name,
    provider: model.provider,
    callable: model.callable,
    doubt: model.doubt ?? null,
    picked: choice.chosen.some(({ id }) => id === model.id),
    problem: model.problem ? { ...model.problem, fix: hint(model.problem.fix) } : null,
    released: model.releasedAt?.toISOString().slice(0, 10) ?? null,
    routes: model.routes.map((route) => ({
      id: route.id,
      kind: route.profile?.kind ?? 'region',
      regions: route.profile?.kind === 'global' ? null : regionsOf(route, region),
    })),
  })),
})
