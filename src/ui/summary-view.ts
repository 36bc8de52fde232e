import type { Summary } from '../app/up/run.js'
import type { CommandLine } from '../core/error.js'
import { certificateLines, certificateWarnings } from './certificate-view.js'
import {
  chatJson,
  chatLines,
  chatWarnings,
  healthJson,
  healthLines,
  openToMany,
  reachText,
  silentPort,
} from './lab-view.js'
import { costJson, planJson } from './plan-view.js'
import { strangerLines } from './strangers-view.js'
import { clean, duration } from './style.js'
import { columns, usd } from './table.js'
import type { Paint, Ui } from './ui.js'

function warningsOf(summary: Summary, { hint }: Pick<Ui, 'hint'>): string[] {
  const { settings, answers, health, refusal, judged, leftOut, chat } = summary
  return [
    ...chatWarnings(judged, chat, { hint }),
    ...leftOut.map(({ names, why, fix }) => `Not in the menu: ${names.join(', ')}. ${why} ${hint(fix)}.`),
    ...openToMany(settings, { hint }),
    ...certificateWarnings(health, { hint }),
    ...(health?.healthy && !answers.https ? [silentPort(443, settings, { hint })] : []),
    ...(health?.healthy && answers.https && !answers.portainer ? [silentPort(9443, settings, { hint })] : []),
    ...(refusal === 'nothing'
      ? [
          `No policy prevents releasing the Elastic IP; only destroy itself keeps it. To add one: ${hint({ command: { path: 'address policy' } })}`,
        ]
      : []),
  ]
}

function headOf({ changed, judged, settings }: Summary, style: Ui['style']): string {
  if (judged.verdict === 'notReady')
    return `${style('red', '✖')} ${style('bold', 'Your LibreChat is not ready: no model answers.')}`
  if (judged.silent.length > 0) {
    const some = `${judged.answering.length} of ${settings.models.length} models`
    const head = changed ? `Your LibreChat is ready with ${some}.` : `No changes: ${some} answer.`
    return `${style('yellow', '!')} ${style('bold', head)}`
  }
  if (judged.verdict === 'without' && changed)
    return `${style('yellow', '!')} ${style('bold', 'Your LibreChat is set up, without models.')}`
  const head = changed ? 'Your LibreChat is ready.' : 'No changes: everything is as it should be.'
  return `${style('green', '✔')} ${style('bold', head)}`
}

/** The lab's address, who can reach it, its cost, and the next steps. */
export function summaryText(summary: Summary, paint: Paint): string {
  const { style, hint } = paint
  const { settings, cost, chat, firstUser, health, urls } = summary
  const facts = columns([
    ['  LibreChat', style('cyan', urls.librechat)],
    ['  Portainer', style('cyan', urls.portainer)],
    ['  Allowed from', reachText(settings)],
    [
      '  Costs',
      `${usd(cost.monthlyUsd)} a month before tax, plus the models by use${cost.modelsMostUsd === undefined ? '' : `, at most about ${usd(cost.modelsMostUsd)}`} (${cost.dated})`,
    ],
    ...(summary.tookMs === undefined ? [] : [['  Took', duration(summary.tookMs)]]),
    ['  AWS console', urls.sessionManager],
  ])
  const browser = certificateLines(settings, health)
  const first = firstUser?.password
    ? [
        '',
        style('bold', 'First user'),
        ...columns([
          ['  E-mail', clean(firstUser.email)],
          ['  Password', firstUser.password],
        ]),
        `  ${style('dim', `Shown only once. To set a new one: ${hint({ command: { path: 'user reset-password', args: [clean(firstUser.email)] } })}`)}`,
      ]
    : []
  const needsUser = !settings.email && !health?.users
  const warnings = warningsOf(summary, paint).map((text) => `${style('yellow', '!')} ${text}`)
  return [
    headOf(summary, style),
    '',
    ...facts,
    ...browser,
    ...first,
    ...(chat ? ['', style('bold', 'Chat'), ...chatLines(chat, paint)] : []),
    ...(health && !health.healthy ? ['', style('bold', 'Host'), ...healthLines(health, paint)] : []),
    '',
    style('bold', 'Next'),
    ...columns(nextSteps(needsUser).map(([command, why]) => [`  ${style('cyan', hint({ command }))}`, why])),
    ...(warnings.length > 0 ? ['', ...warnings] : []),
    ...(summary.strangers.length > 0 ? ['', ...strangerLines(summary.strangers, summary.lab, paint)] : []),
  ].join('\n')
}

const nextSteps = (needsUser: boolean): (readonly [CommandLine, string])[] => [
  ...(needsUser
    ? [[{ path: 'user add', args: ['<email>'] }, 'Create the first user; nobody can sign up'] as const]
    : []),
  [{ path: 'status' }, 'Show its health, who can reach it and what it costs'],
  [{ path: 'tunnel' }, 'Reach it on http://localhost:8080 from anywhere'],
  [{ path: 'portainer password' }, 'Show the password of Portainer’s admin'],
  [{ path: 'destroy' }, 'Delete it and all its data'],
]

export const summaryJson = (summary: Summary, { hint }: Pick<Ui, 'hint'>) => ({
  ...planJson(summary, { hint }),
  changed: summary.changed,
  tookMs: summary.tookMs ?? null,
  address: summary.address,
  instanceId: summary.instanceId,
  urls: summary.urls,
  health: healthJson(summary.health, { hint }),
  chatVerdict: summary.judged.verdict,
  chatTitle: summary.chat?.title ?? null,
  leftOut: summary.leftOut.map((one) => ({ ...one, fix: hint(one.fix) })),
  chat: chatJson(summary.chat, { hint }),
  answers: summary.answers,
  addressRelease: { refusedBy: summary.refusal },
  // A password is never part of JSON, which a script may store.
  firstUser: summary.firstUser ? { email: summary.firstUser.email, made: summary.firstUser.made } : null,
  cost: costJson(summary.cost),
  warnings: warningsOf(summary, { hint }),
})
