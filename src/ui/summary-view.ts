import type { Proof } from '../bedrock/proof.js'
import type { HostHealth } from '../host/health.js'
import type { MadeUser } from '../host/users.js'
import type { Face } from './face.js'
import { chatJson, chatLines, healthLines, reachText, silentPort, type Urls } from './lab-view.js'
import { costJson, type Plan, planJson } from './plan-view.js'
import { clean } from './style.js'
import { columns, usd } from './table.js'

/** A finished run. */
export interface Summary extends Plan {
  changed: boolean
  address: string
  instanceId: string
  urls: Urls
  health?: HostHealth | undefined
  chat?: Proof | undefined
  firstUser?: MadeUser | undefined
  /** Whether 443 and 9443 answer from here. */
  answers: { https: boolean; portainer: boolean }
  /** What at AWS would refuse a release of the address. */
  refusal: 'nothing' | 'policy' | 'reverse-dns'
  now: number
}

const command = (lab: string, name: string) =>
  `librechat-lab ${name}${lab === 'default' ? '' : ` --name ${lab}`}`

export function warningsOf({
  answers,
  health,
  refusal,
}: Pick<Summary, 'answers' | 'health' | 'refusal'>): string[] {
  return [
    ...(health?.healthy && !answers.https ? [silentPort(443)] : []),
    ...(health?.healthy && answers.https && !answers.portainer ? [silentPort(9443)] : []),
    ...(refusal === 'nothing'
      ? [
          'Nothing at AWS would refuse a release of the Elastic IP: only destroy’s own guard protects it. librechat-lab address policy prints a policy that refuses.',
        ]
      : []),
  ]
}

/** What one would want to photograph: where it is, who can reach it, what it costs, how to go on and to stop. */
export function summaryText(summary: Summary, { style }: Pick<Face, 'style'>): string {
  const { lab, spec, urls, cost, chat, firstUser, health } = summary
  const head = summary.changed ? 'Your LibreChat is ready.' : 'No changes: everything is as it should be.'
  const facts = columns([
    ['  LibreChat', style('cyan', urls.librechat)],
    ['  Portainer', style('cyan', urls.portainer)],
    ['  At AWS', urls.sessionManager],
    ['  Reached by', reachText(spec)],
    ['  Costs', `${usd(cost.monthlyUsd)} a month before tax, and the models by use`],
  ])
  const browser = spec.domain
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
        `  ${style('dim', 'Shown this once. Change it in LibreChat’s settings.')}`,
      ]
    : []
  const next = [
    ...(spec.email
      ? []
      : [[`  ${command(lab.name, 'user add <your e-mail>')}`, 'make the first user: nobody can sign up']]),
    [`  ${command(lab.name, 'status')}`, 'how it is'],
    [`  ${command(lab.name, 'tunnel')}`, 'reach it on http://localhost:8080, from anywhere'],
    [`  ${command(lab.name, 'portainer password')}`, 'Portainer’s admin'],
    [`  ${command(lab.name, 'destroy')}`, 'stop paying'],
  ]
  return [
    style('bold', `${head}`),
    ...facts,
    ...browser,
    ...first,
    ...(chat ? ['', style('bold', 'Chat'), ...chatLines(chat, summary, style)] : []),
    ...(health && !health.healthy ? ['', style('bold', 'Host'), ...healthLines(health, style)] : []),
    '',
    style('bold', 'Next'),
    ...columns(next),
    ...warningsOf(summary).map((text) => `${style('yellow', '!')} ${text}`),
  ].join('\n')
}

export const summaryJson = (summary: Summary) => ({
  ...planJson(summary),
  changed: summary.changed,
  address: summary.address,
  instanceId: summary.instanceId,
  urls: summary.urls,
  health: summary.health ?? null,
  chat: chatJson(summary.chat, summary.lab.region, summary.now),
  answers: summary.answers,
  addressRelease: { refusedBy: summary.refusal },
  // A password is a person's: it is never part of a document that a script may keep.
  firstUser: summary.firstUser ? { email: summary.firstUser.email, made: summary.firstUser.made } : null,
  cost: costJson(summary.cost),
  warnings: warningsOf(summary),
})
