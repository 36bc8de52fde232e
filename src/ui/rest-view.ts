import type { Started } from '../app/start.js'
import type { StoppedLab } from '../app/stop.js'
import { certificateLines, certificateWarnings } from './certificate-view.js'
import { healthJson, healthLines } from './lab-view.js'
import { costJson } from './plan-view.js'
import { duration } from './style.js'
import { columns, usd } from './table.js'
import type { Paint } from './ui.js'
import { zoned } from './when.js'

/** The result of `stop`: what it costs and saves, and what other users see. */
export function stoppedText(stopped: StoppedLab, { style, hint }: Paint): string {
  const { lab, changed, cost, nextStart, timezone, since } = stopped
  const head = changed
    ? `The lab "${lab.name}" in ${lab.region} is stopped.`
    : `No changes: the lab "${lab.name}" in ${lab.region} is stopped${since === undefined ? '' : ` since ${zoned(since)}`}.`
  const [rests, runs] = [cost.stopped.monthlyUsd, cost.running.monthlyUsd]
  const saved = rests === undefined || runs === undefined ? undefined : runs - rests
  return [
    `${style('green', '✔')} ${style('bold', head)}`,
    '',
    ...columns([
      ['  Costs', `${usd(rests)} a month before tax while it is stopped: its disk and its Elastic IP`],
      ['  Saves', `${usd(saved)} a month, compared with ${usd(runs)}${timezone ? ' with its schedule' : ''}`],
      ...(nextStart === undefined
        ? []
        : [['  Next start', `${zoned(nextStart, timezone)}, by its schedule`]]),
    ]),
    '',
    'Until it is started, its page does not answer: browsers report that they can’t connect. Scheduled chats that are due meanwhile are missed.',
    '',
    style('bold', 'Next'),
    ...columns([
      [
        `  ${style('cyan', hint({ command: { path: 'start' } }))}`,
        'Start it again, with its data and address',
      ],
    ]),
  ].join('\n')
}

export const stoppedJson = ({ lab, instanceId, changed, since, cost, nextStart }: StoppedLab) => ({
  lab: lab.name,
  region: lab.region,
  account: lab.account,
  instanceId,
  changed,
  stopped: true,
  since: iso(since),
  nextStart: iso(nextStart),
  cost: costJson(cost.stopped),
  runningCost: costJson(cost.running),
})

/** The result of `start`: its duration, whether the lab is healthy, and of which certificates the browser warns. */
export function startedText(started: Started, { style, hint }: Paint): string {
  const { lab, settings, changed, health, tookMs, urls, nextStop, timezone } = started
  const head = !changed
    ? `No changes: the lab "${lab.name}" in ${lab.region} runs already.`
    : `The lab "${lab.name}" in ${lab.region} runs again, after ${duration(tookMs)}.`
  const mark = health.healthy ? style('green', '✔') : style('yellow', '!')
  const unhealthy = health.healthy
    ? []
    : ['', style('bold', 'Host'), ...healthLines(health, { style, hint }), '', repair({ style, hint })]
  const warnings = certificateWarnings(health, { hint }).map((text) => `${style('yellow', '!')} ${text}`)
  return [
    `${mark} ${style('bold', health.healthy ? head : `${head.slice(0, -1)}, and is not healthy yet.`)}`,
    '',
    ...columns([
      ['  LibreChat', style('cyan', urls.librechat)],
      ...(nextStop === undefined ? [] : [['  Next stop', `${zoned(nextStop, timezone)}, by its schedule`]]),
    ]),
    ...certificateLines(settings, health),
    ...unhealthy,
    ...(warnings.length > 0 ? ['', ...warnings] : []),
  ].join('\n')
}

const repair = ({ hint }: Paint) => hint({ command: { path: 'up' }, text: 'repairs what can be repaired' })

export const startedJson = (
  { lab, instanceId, changed, tookMs, health, urls, nextStop }: Started,
  paint: Pick<Paint, 'hint'>,
) => ({
  lab: lab.name,
  region: lab.region,
  account: lab.account,
  instanceId,
  changed,
  tookMs,
  healthy: health.healthy,
  health: healthJson(health, paint),
  urls,
  nextStop: iso(nextStop),
})

const iso = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString())
