import type { ScheduleReport } from '../app/schedule.js'
import { changesJson, costJson } from './plan-view.js'
import { clean } from './style.js'
import { columns, usd } from './table.js'
import type { Paint, Ui } from './ui.js'
import { zoned } from './when.js'

export function scheduleSetText(report: ScheduleReport, paint: Paint): string {
  const head = report.changed
    ? `The lab "${report.lab.name}" starts and stops by itself.`
    : 'No changes: the schedule is as it should be.'
  const { style, hint } = paint
  return [
    `${style('green', '✔')} ${style('bold', head)}`,
    '',
    ...factLines(report),
    ...skippedLines(report, paint),
    '',
    'While it is stopped, its page does not answer, and scheduled chats that are due are missed.',
    '',
    style('bold', 'Next'),
    ...columns([
      [`  ${style('cyan', hint({ command: { path: 'schedule show' } }))}`, 'Show the schedule'],
      [`  ${style('cyan', hint({ command: { path: 'schedule off' } }))}`, 'Remove it'],
    ]),
  ].join('\n')
}

export function scheduleShowText(report: ScheduleReport, paint: Paint): string {
  const { style, hint } = paint
  const drift = report.drift.flatMap(({ name, missing, changes }) => [
    `  ${style(missing ? 'red' : 'yellow', missing ? '✖' : '!')} ${clean(name)}${missing ? '  missing' : ''}`,
    ...changes.map(
      ({ what, from, to }) =>
        `      ${clean(`${what}: ${from === undefined ? '' : `is ${from}, `}should be ${to}`)}`,
    ),
  ])
  if (!report.schedule && drift.length === 0)
    return `The lab "${report.lab.name}" has no schedule. To set one: ${hint({ command: { path: 'schedule set' } })}`
  if (!report.schedule)
    return [
      style('bold', `The settings of the lab "${report.lab.name}" have no schedule, but AWS has one:`),
      '',
      ...drift,
      '',
      hint({ command: { path: 'schedule off' }, text: 'deletes it' }),
      hint({ command: { path: 'schedule set' }, text: 'stores one again' }),
    ].join('\n')
  return [
    style('bold', `Schedule of the lab "${report.lab.name}" in ${report.lab.region}`),
    '',
    ...factLines(report),
    ...skippedLines(report, paint),
    ...(drift.length > 0
      ? ['', ...drift, '', hint({ command: { path: 'up' }, text: 'repairs what can be repaired' })]
      : []),
  ].join('\n')
}

export function scheduleOffText({ lab, changed, cost }: ScheduleReport, { style, hint }: Paint): string {
  const head = changed
    ? `The schedule of the lab "${lab.name}" is removed.`
    : `No changes: the lab "${lab.name}" has no schedule.`
  return [
    `${style('green', '✔')} ${style('bold', head)}`,
    `  Nothing starts or stops the lab by itself now. Running all the time, it costs ${usd(cost.always.monthlyUsd)} a month before tax.`,
    `  ${hint({ command: { path: 'stop' }, text: 'stops it' })}`,
  ].join('\n')
}

function factLines({ schedule, text = '', nextStart, nextStop, cost }: ScheduleReport): string[] {
  const zone = schedule?.timezone
  const when = (at: number | undefined) => (at === undefined ? '—' : zoned(at, zone))
  return columns([
    ['  Runs', text],
    ['  Next start', when(nextStart)],
    ['  Next stop', when(nextStop)],
    [
      '  Costs',
      `${usd(cost.scheduled.monthlyUsd)} a month before tax, instead of ${usd(cost.always.monthlyUsd)} all the time; plus the models by use`,
    ],
  ])
}

/** When daylight saving time begins, the clock skips an hour, and Scheduler skips the events in it. */
const skippedLines = ({ skipped, schedule }: ScheduleReport, { style }: Pick<Paint, 'style'>): string[] =>
  skipped.map(
    ({ event, date }) =>
      `  ${style('yellow', '!')} On ${date} there is no ${event}: the clock skips ${schedule?.[event]} in ${schedule?.timezone} that day.`,
  )

export const scheduleJson = (report: ScheduleReport, { hint }: Pick<Ui, 'hint'>) => ({
  lab: report.lab.name,
  region: report.lab.region,
  account: report.lab.account,
  changed: report.changed,
  schedule: report.schedule ?? null,
  nextStart: iso(report.nextStart),
  nextStop: iso(report.nextStop),
  skipped: report.skipped,
  drift: report.drift.map(({ changes, ...one }) => ({ ...one, changes: changesJson(changes, { hint }) })),
  cost: costJson(report.cost.scheduled),
  alwaysCost: costJson(report.cost.always),
})

const iso = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString())
