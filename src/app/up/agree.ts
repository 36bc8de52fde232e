import { LabError } from '../../core/error.js'
import { refuseUnsaidAdoption } from '../../lab/adoption.js'
import { refuseUnsaid, unsaidChanges } from '../../lab/opening.js'
import type { Now } from './observe.js'
import type { Plan, Run } from './run.js'

/**
 * Shows the plan and asks for consent: `--yes` covers only what the command itself says; what starts to cost money
 * needs a typed `yes`; everything else a confirmation. LabError `declined`, `opened-by-settings`, `not-proven`.
 */
export async function agree(run: Run, now: Now, plan: Plan): Promise<void> {
  if (run.options.yes) refuseUnread(run, now, plan)
  run.view.plan(plan)
  if (run.options.yes) return
  const agreed = launches(now, plan) ? await typesYes(run, plan) : await confirms(run)
  if (agreed) return
  throw new LabError({
    code: 'declined',
    what: 'Nothing was changed.',
    fix: [{ command: { path: 'up' }, text: 'when you are ready' }],
  })
}

const launches = ({ observation, graph }: Now, { replaces }: Plan): boolean =>
  observation.of(graph.instance) === undefined || replaces !== undefined

/** With `--yes` nobody reads the plan, so what only the stored settings or the account's tags say is refused. */
function refuseUnread({ options, choices, open }: Run, now: Now, plan: Plan): void {
  const models = options.models !== undefined || options.withoutChat === true
  refuseUnsaid(
    unsaidChanges(now.settings, now.actual, {
      choices,
      models,
      stored: now.stored?.models ?? [],
      launches: launches(now, plan),
    }),
  )
  if (!options.adopt) refuseUnsaidAdoption(open.lab, now.observation.of(now.graph.identity))
}

/** Pressing Enter alone must not start to cost money. */
async function typesYes({ context: { ui } }: Run, { cost }: Plan): Promise<boolean> {
  const price = cost.monthlyUsd === undefined ? '' : `, for about $${cost.monthlyUsd.toFixed(0)} a month`
  const answer = await ui.input({
    flag: '--yes',
    message: `Type yes to create it${price}:`,
    validate: (text) => /^(yes|no)$/i.test(text.trim()) || 'Type yes or no.',
  })
  return /^yes$/i.test(answer.trim())
}

const confirms = ({ context: { ui } }: Run): Promise<boolean> =>
  ui.confirm({ flag: '--yes', message: 'Make these changes?', default: true })
