import type { Summary } from '../app/up/run.js'
import { leftOutText } from '../bedrock/left-out.js'
import { urlsOf } from '../lab/urls.js'
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
import { clean } from './style.js'
import { columns, usd } from './table.js'
import type { Ui } from './ui.js'

function warningsOf({
  settings,
  answers,
  health,
  refusal,
  judged,
  leftOut,
  lab,
}: Pick<Summary, 'settings' | 'answers' | 'health' | 'refusal' | 'judged' | 'leftOut' | 'lab'>): string[] {
  return [
    ...chatWarnings(judged, lab.region),
    ...leftOut.map(leftOutText),
    ...openToMany(settings),
    ...(health?.healthy && !answers.https ? [silentPort(443, settings)] : []),
    ...(health?.healthy && answers.https && !answers.portainer ? [silentPort(9443, settings)] : []),
    ...(refusal === 'nothing'
      ? [
          'Nothing at AWS would refuse a release of the Elastic IP: only destroy’s own guard protects it. librechat-lab address policy prints a policy that refuses.',
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

const urlsFor = ({ lab, address, instanceId, settings }: Summary) =>
  urlsOf(lab, address, instanceId, settings.domain)

/** What one would want to photograph: where it is, who can reach it, what it costs, how to go on and to stop. */
export function summaryText(summary: Summary, { style }: Pick<Ui, 'style'>): string {
  const { settings, cost, chat, firstUser, health } = summary
  const urls = urlsFor(summary)
  const facts = columns([
    ['  LibreChat', style('cyan', urls.librechat)],
    ['  Portainer', style('cyan', urls.portainer)],
    ['  Allowed from', reachText(settings)],
    ['  Costs', `${usd(cost.monthlyUsd)} a month before tax, and the models by use`],
    ['  AWS console', urls.sessionManager],
  ])
  const browser = settings.domain
    ? []
    : ['  The browser warns once: the certificate is the lab’s own. Go on to the page.']
  const first = firstUser?.password
    ? [
        '',
        style('bold', 'First user'),
        ...columns([
          ['  E-mail', clean(firstUser.email)],
          ['  Password', firstUser.password],
        ]),
        `  ${style('dim', `Shown this once. Another one: librechat-lab user reset-password ${clean(firstUser.email)}`)}`,
      ]
    : []
  const next = [
    ...(settings.email || health?.users
      ? []
      : [['librechat-lab user add <your e-mail>', 'create the first user: nobody can sign up']]),
    ['librechat-lab status', 'how it is'],
    ['librechat-lab tunnel', 'reach it on http://localhost:8080, from anywhere'],
    ['librechat-lab portainer password', 'Portainer’s admin'],
    ['librechat-lab destroy', 'stop paying'],
  ]
  const warnings = warningsOf(summary).map((text) => `${style('yellow', '!')} ${text}`)
  return [
    headOf(summary, style),
    '',
    ...facts,
    ...browser,
    ...first,
    ...(chat
      ? ['', style('bold', 'Chat'), ...chatLines(chat, { ...summary, kept: !summary.changed }, style)]
      : []),
    ...(health && !health.healthy ? ['', style('bold', 'Host'), ...healthLines(health, style)] : []),
    '',
    style('bold', 'Next'),
    ...columns(next.map(([line = '', why = '']) => [`  ${style('cyan', line)}`, why])),
    ...(warnings.length > 0 ? ['', ...warnings] : []),
    ...(summary.strangers.length > 0 ? ['', ...strangerLines(summary.strangers, summary.lab, style)] : []),
  ].join('\n')
}

export const summaryJson = (summary: Summary) => ({
  ...planJson(summary),
  changed: summary.changed,
  address: summary.address,
  instanceId: summary.instanceId,
  urls: urlsFor(summary),
  health: healthJson(summary.health),
  chatVerdict: summary.judged.verdict,
  chatTitle: summary.chat?.title ?? null,
  leftOut: summary.leftOut,
  chat: chatJson(summary.chat, summary.lab.region, summary.now),
  answers: summary.answers,
  addressRelease: { refusedBy: summary.refusal },
  // A password is a person's: it is never part of a document that a script may keep.
  firstUser: summary.firstUser ? { email: summary.firstUser.email, made: summary.firstUser.made } : null,
  cost: costJson(summary.cost),
  warnings: warningsOf(summary),
})
