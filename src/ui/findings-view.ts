import type { Finding } from '../app/doctor.js'
import { clean, unbroken } from './style.js'
import type { Paint, Ui } from './ui.js'

/** What to do, in order, and optional advice; or that there is nothing to do. */
export function findingsText(findings: readonly Finding[], { style, hint }: Paint): string {
  const problems = findings.flatMap(({ problem }) => problem ?? [])
  const advice = findings.flatMap((finding) => finding.advice)
  const lines = problems.flatMap(({ message, why, fix }, index) => [
    `${index + 1}. ${style('bold', clean(message))}`,
    ...(why ? [`   ${clean(why)}`] : []),
    ...fix.map((step) => `   ${style('cyan', '→')}${unbroken}${clean(hint(step))}`),
  ])
  return [
    ...(problems.length > 0
      ? [style('bold', 'What to do, in this order'), '', ...lines]
      : [`All checks passed. Next: ${hint({ command: { path: 'up' } })}`]),
    ...(advice.length > 0
      ? ['', style('bold', 'Optional'), '', ...advice.map((one) => `• ${clean(hint(one))}`)]
      : []),
  ].join('\n')
}

export const findingsJson = (findings: readonly Finding[], { hint }: Pick<Ui, 'hint'>) => ({
  ok: findings.every(({ problem }) => !problem),
  checks: findings.map(({ name, detail, problem, advice }) => ({
    name,
    ok: !problem,
    detail: detail ?? null,
    advice: advice.map(hint),
    problem: problem
      ? { code: problem.code, what: problem.message, why: problem.why ?? null, fix: problem.fix.map(hint) }
      : null,
  })),
})
