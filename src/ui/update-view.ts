import type { Updated, UpdatePlan, UpdateView } from '../app/update.js'
import { clean } from './style.js'
import { columns } from './table.js'
import type { Paint, Ui } from './ui.js'

/** The version changes, the steps before them, and the duration. */
function planLines({ moves, migrations, pending, again, last }: UpdatePlan, { style }: Paint): string[] {
  return [
    ...columns(
      moves.map(({ name, from, to }) => [
        `  ${style('yellow', '~')} ${name}`,
        `${clean(from)} → ${clean(to)}`,
      ]),
    ),
    ...(pending ? [`  ${style('yellow', '!')} An update was interrupted. This one finishes it.`] : []),
    ...(again && last
      ? [
          `  ${style('yellow', '!')} This update was rolled back on ${clean(last.at)}: ${clean(last.detail ?? '')}`,
        ]
      : []),
    '',
    '  1. The host closes the lab and dumps all data.',
    ...(migrations.length > 0
      ? migrations.map(
          ({ name, source }) => `  2. LibreChat migrates ${name}, after a dry run: ${style('dim', source)}`,
        )
      : ['  2. No migration is needed.']),
    '  3. The new version starts, and a model has to answer.',
    '  4. The lab opens. If anything fails, the version and the data from before come back.',
    '',
    '  This usually takes 5 to 10 minutes, and longer with much data. Nobody can use LibreChat meanwhile.',
  ]
}

function checkText(plan: UpdatePlan, { style, hint }: Paint): string {
  const { lab, available, versions } = plan
  const name = `the lab "${lab.name}" in ${lab.region}`
  if (!available) {
    const shown = versions.librechat ? `LibreChat ${clean(versions.librechat)}` : 'LibreChat'
    return [
      `${style('green', '✔')} Nothing to update: ${name} runs ${shown}, which this version installs.`,
      `  Newer versions come with a newer librechat-lab: ${hint({ run: 'npx librechat-lab@latest' })}`,
    ].join('\n')
  }
  return [
    style('bold', `Update of ${name}`),
    '',
    ...planLines(plan, { style, hint }),
    '',
    hint({ command: { path: 'update' }, text: 'updates' }),
  ].join('\n')
}

function updatedText({ lab, moves, judged }: Updated, { style, hint }: Paint): string {
  const text = moves.map(({ name, to }) => `${name} ${clean(to)}`).join(', ')
  const done = text ? `runs ${text}` : 'has finished its update'
  const lines = [
    `${style('green', '✔')} ${style('bold', `The lab "${lab.name}" ${done}, with all its data.`)}`,
  ]
  if (judged.verdict === 'notReady')
    lines.push(
      `${style('red', '✖')} No model answers, as before the update: ${hint({ command: { path: 'status', flags: { chat: true } } })}`,
    )
  else if (judged.silent.length > 0)
    lines.push(
      `${style('yellow', '!')} These models do not answer: ${judged.silent.map(({ label }) => clean(label)).join(', ')}. ${hint({ command: { path: 'up' }, text: 'shows why' })}`,
    )
  return lines.join('\n')
}

const planJson = ({ lab, available, pinned, versions, moves, migrations, last, pending }: UpdatePlan) => ({
  lab: lab.name,
  region: lab.region,
  account: lab.account,
  available,
  versions,
  pinned,
  changes: moves,
  migrations,
  last,
  pending,
})

export const updateView = (ui: Ui): UpdateView => ({
  check: (plan) => ui.result(checkText(plan, ui), { ...planJson(plan), updated: false }),
  plan: (plan) =>
    ui.show((paint) =>
      [
        paint.style('bold', `Update of the lab "${plan.lab.name}" in ${plan.lab.region}`),
        '',
        ...planLines(plan, paint),
      ].join('\n'),
    ),
  outcome: (updated) =>
    ui.result(updatedText(updated, ui), {
      ...planJson(updated),
      updated: true,
      chatVerdict: updated.judged.verdict,
    }),
})
