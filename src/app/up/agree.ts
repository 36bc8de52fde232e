import { LabError } from '../../core/error.js'
import { refuseUnsaidAdoption } from '../../lab/adoption.js'
import { refuseUnsaid, unsaidChanges } from '../../lab/opening.js'
import { monthlyCost } from '../../lab/prices.js'
import { hoursOf } from '../../lab/schedule.js'
import { allowancePreview } from '../allowances.js'
import { type Now, withoutUser } from './observe.js'
import type { Plan, Run } from './run.js'

/**
 * Shows the plan and asks for consent: `--yes` covers only what the command line contains; new or higher costs need a
 * typed `yes`, everything else a confirmation. LabError `declined`, `opened-by-settings`, `not-proven`.
 */
export async function agree(run: Run, now: Now, plan: Plan): Promise<void> {
  if (run.options.yes) refuseUnread(run, now, plan)
  run.view.plan(plan)
  await tellOfBalances(run, now)
  if (run.options.yes) return
  const spends = launches(now, plan) || raisesCost(now, plan)
  const agreed = spends ? await typesYes(run, now, plan) : await confirms(run)
  if (agreed) return
  throw new LabError({
    code: 'declined',
    what: 'Nothing was changed.',
    fix: [{ command: { keeps: true, path: 'up' }, text: 'when you are ready' }],
  })
}

/** A changed allowance changes users' balances. */
async function tellOfBalances({ open, context }: Run, now: Now): Promise<void> {
  const { settings, actual, graph, observation, host } = now
  const { allowance } = settings
  const instance = observation.of(graph.instance)
  const isNew = allowance !== undefined && actual.allowance !== allowance
  if (!isNew || !actual.users || !instance || !observation.of(host)?.health?.healthy) return
  const lines = await allowancePreview(open, instance.instanceId, allowance, context)
  context.ui.emit({
    type: 'note',
    text: ['The balances in LibreChat will change:', ...lines.map((line) => `  ${line}`)].join('\n'),
  })
}

const launches = ({ observation, graph }: Now, { replaces }: Plan): boolean =>
  observation.of(graph.instance) === undefined || replaces !== undefined

/**
 * With `--yes` nobody reads the plan, so changes that come only from the stored settings or from tags are refused.
 */
function refuseUnread({ options, choices, open }: Run, now: Now, plan: Plan): void {
  const models = options.models !== undefined || options.withoutChat === true
  refuseUnsaid(
    // If data moves, its users move too, and none is created.
    unsaidChanges(plan.movesData ? withoutUser(now.settings) : now.settings, now.actual, {
      choices,
      models,
      stored: now.stored?.models ?? [],
      launches: launches(now, plan),
      region: open.lab.region,
    }),
  )
  if (!options.adopt) refuseUnsaidAdoption(open.lab, now.observation.of(now.graph.identity))
}

/** The lab's current cost; undefined without an instance or a known price. */
function costBefore(
  { actual: { instanceType, diskGb } }: Now,
  { lab: { region }, settings }: Plan,
): number | undefined {
  if (instanceType === undefined || diskGb === undefined) return undefined
  return monthlyCost({ region, instanceType, diskGb, addresses: 1, hours: hoursOf(settings) }).monthlyUsd
}

const raisesCost = (now: Now, plan: Plan): boolean => {
  const [before, after] = [costBefore(now, plan), plan.cost.monthlyUsd]
  return before !== undefined && after !== undefined && after > before
}

/** Pressing Enter must not cause new or higher costs. */
async function typesYes({ context: { ui } }: Run, now: Now, plan: Plan): Promise<boolean> {
  const [before, after] = [costBefore(now, plan), plan.cost.monthlyUsd]
  const what = launches(now, plan) ? 'create' : 'change'
  const instead = before !== undefined && what === 'change' ? ` instead of $${before.toFixed(0)}` : ''
  const price = after === undefined ? '' : `, for about $${after.toFixed(0)}${instead} a month`
  const answer = await ui.input({
    flag: '--yes',
    message: `Type yes to ${what} it${price}:`,
    validate: (text) => /^(yes|no)$/i.test(text.trim()) || 'Type yes or no.',
  })
  return /^yes$/i.test(answer.trim())
}

const confirms = ({ context: { ui } }: Run): Promise<boolean> =>
  ui.confirm({ flag: '--yes', message: 'Make these changes?', default: true })
