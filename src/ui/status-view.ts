import type { Status } from '../app/status.js'
import { ADD_MODELS } from '../bedrock/left-out.js'
import { addressCost, addressMonthlyUsd } from '../lab/prices.js'
import type { Settings } from '../lab/settings.js'
import { urlsOf } from '../lab/urls.js'
import type { AddressState, ReleaseRefusal } from '../resources/address.js'
import type { LabId } from '../resources/ownership.js'
import type { Rule } from '../resources/security-group.js'
import {
  chatJson,
  chatLines,
  chatWarnings,
  healthJson,
  healthLines,
  letIn,
  openToMany,
  silentPort,
} from './lab-view.js'
import { costJson, costText } from './plan-view.js'
import { strangerLines } from './strangers-view.js'
import { clean } from './style.js'
import { columns } from './table.js'
import type { Ui } from './ui.js'

export const keptText = ({ name, region }: LabId, address: string): string =>
  `The lab "${name}" in ${region} is gone; its protected Elastic IP ${address} is kept, and still costs ${addressCost(region)}.
  librechat-lab up   takes it back into use
  librechat-lab destroy --confirm ${name} --release-address ${address}   gives it back to AWS`

function refusals(refusal: ReleaseRefusal | undefined): [boolean, string][] {
  if (refusal === 'unknown') return [[false, 'what would refuse its release is unknown: the dry run failed']]
  const policy = refusal === 'policy'
  const reverseDns = refusal === 'reverse-dns'
  return [
    [
      policy,
      policy ? 'a policy refuses you its release (dry run)' : 'no policy refuses you its release (dry run)',
    ],
    [reverseDns, reverseDns ? 'reverse DNS refuses its release (dry run)' : 'no reverse DNS is set'],
  ]
}

const layers = (address: AddressState, refusal: ReleaseRefusal | undefined): [boolean, string][] => [
  [
    !address.offeredTo,
    address.offeredTo ? `offered to account ${address.offeredTo}` : 'no transfer is offered',
  ],
  [address.protectedTag, address.protectedTag ? 'tagged: destroy keeps it' : 'the protecting tag is missing'],
  ...refusals(refusal),
]

export function statusText(status: Status, { style }: Pick<Ui, 'style'>): string {
  const others = strangerLines(status.strangers, status.lab, style)
  if (status.keptAddress !== undefined) {
    return [keptText(status.lab, status.keptAddress), ...(others.length > 0 ? ['', ...others] : [])].join(
      '\n',
    )
  }
  const { lab, settings, health } = status
  const verdict = status.exitCode === 0 ? style('green', 'healthy') : style('yellow', 'not as it should be')
  const lines = [
    `${style('bold', `Lab "${lab.name}" in ${lab.region}`)}  ${verdict}`,
    '',
    ...resourceLines(status, style),
  ]
  lines.push('', style('bold', 'Elastic IP'), ...addressLines(status, style))
  lines.push('', style('bold', 'Host'))
  lines.push(
    ...(health
      ? healthLines(health, style)
      : [`  ${style('red', '✖')} can't be asked: it is off, or Systems Manager does not reach it`]),
  )
  if (health && !status.hostCurrent) {
    lines.push(
      `  ${style('yellow', '!')} has another release than this version and your settings make: librechat-lab up`,
    )
  }
  for (const model of status.lostModels)
    lines.push(`  ${style('red', '✖')} ${clean(model)} can't be called any more: librechat-lab up`)
  if (status.proof && settings)
    lines.push(
      '',
      style('bold', 'Chat'),
      ...chatLines(status.proof, { settings, lab, now: status.now, kept: status.proofKept }, style),
      ...chatWarnings(status.judged, lab.region).map((text) => `  ${style('yellow', '!')} ${clean(text)}`),
    )
  else if (settings) lines.push('', style('bold', 'Chat'), `  ${style('yellow', '!')} ${unproven(settings)}`)
  lines.push('', style('bold', 'Reach'), ...reachLines(status, style), '', ...costText(status.cost, style))
  if (others.length > 0) lines.push('', ...others)
  if (status.exitCode === 2) lines.push('', 'librechat-lab up   mends what can be mended')
  return lines.join('\n')
}

/** No proof is no health: nobody has seen a model of this lab answer. */
const unproven = ({ models }: Settings): string =>
  models.length > 0
    ? 'no model was asked yet. To ask each: librechat-lab status --chat'
    : `no models in the menu. ${ADD_MODELS}`

type There = Exclude<Status, { keptAddress: string }>

function resourceLines({ items, leftSecrets }: There, style: Ui['style']): string[] {
  const secrets = leftSecrets.map(
    (name) => `  ${style('yellow', '!')} parameter ${clean(name)}  left by an older run: destroy removes it`,
  )
  const resources = items.flatMap(({ resource, action, id, changes }) => {
    const fine = action === 'keep' && changes.length === 0
    const mark = fine ? style('green', '✔') : action === 'create' ? style('red', '✖') : style('yellow', '!')
    const shown = id && !resource.name.endsWith(id) ? `  ${style('dim', clean(id))}` : ''
    const drift = action === 'create' ? [] : changes
    return [
      `  ${mark} ${clean(resource.name)}${shown}${action === 'create' ? '  missing' : ''}`,
      ...drift.map(
        ({ what, from, to, byHand }) =>
          `      ${clean(`${what}: ${from === undefined ? '' : `is ${from}, `}should be ${to}`)}${byHand ? ` (${byHand})` : ''}`,
      ),
    ]
  })
  return [...resources, ...secrets]
}

function addressLines({ address, refusal }: There, style: Ui['style']): string[] {
  if (!address) return [`  ${style('red', '✖')} there is none`]
  const shown = layers(address, refusal).map(
    ([holds, text]) => `  ${holds ? style('green', '✔') : style('dim', '·')} ${text}`,
  )
  const plain =
    refusal === 'nothing' ? ['  Nothing at AWS would refuse its release: librechat-lab address policy'] : []
  return [...shown, ...plain]
}

const urlsIn = ({ lab, address, instanceId, settings }: There) =>
  instanceId ? urlsOf(lab, address?.publicIp ?? '', instanceId, settings?.domain) : undefined

/** From where the rules that are there let in, port by port. */
export function allowedFrom(ingress: readonly Rule[]): string {
  const bySources = new Map<string, string[]>()
  const portsOf = ({ protocol, fromPort, toPort }: Rule) =>
    protocol === '-1'
      ? 'every port'
      : `${fromPort === toPort ? fromPort : `${fromPort}-${toPort}`}${protocol === 'tcp' ? '' : `/${protocol}`}`
  for (const ports of new Set(ingress.map(portsOf))) {
    const sources = ingress.filter((rule) => portsOf(rule) === ports).map(({ source }) => sourceText(source))
    const key = [...new Set(sources)].sort().join(', ')
    bySources.set(key, [...(bySources.get(key) ?? []), ports])
  }
  const rules = [...bySources].map(([sources, ports]) => `${sources} (${ports.join(', ')})`)
  return rules.join('; ') || 'nowhere: the security group has no inbound rule'
}

const sourceText = (source: string) =>
  source === '0.0.0.0/0'
    ? 'everywhere'
    : source === '::/0'
      ? 'everywhere over IPv6'
      : source.replace(/\/32$/, '')

function reachLines(status: There, style: Ui['style']): string[] {
  const { settings, ingress, answers, here, health } = status
  const urls = urlsIn(status)
  const answer = (yes: boolean) => (yes ? 'answers from here' : 'does not answer from here')
  const rows = urls
    ? [
        ['  LibreChat', answer(answers.https), urls.librechat],
        ['  Portainer', answer(answers.portainer), urls.portainer],
        ['  At AWS', 'Session Manager', urls.sessionManager],
      ]
    : []
  return [
    ...columns(rows),
    ...(ingress ? [`  Allowed from ${clean(allowedFrom(ingress))}`] : []),
    ...(settings ? openToMany(settings) : []).map((text) => `  ${style('yellow', '!')} ${text}`),
    ...(here && settings && !here.allowed
      ? [
          `  ${style('yellow', '!')} your address ${here.address} is not allowed. To allow it: ${letIn(settings, here.address)}`,
        ]
      : []),
    ...(health?.healthy && settings && !answers.https && here?.allowed
      ? [`  ${style('yellow', '!')} ${silentPort(443, settings)}`]
      : []),
  ]
}

export function statusJson(status: Status): object {
  const { lab, exitCode } = status
  const head = {
    lab: lab.name,
    region: lab.region,
    account: lab.account,
    exitCode,
    strangers: status.strangers,
  }
  if (status.keptAddress !== undefined) {
    return {
      ...head,
      exists: false,
      keptAddress: status.keptAddress,
      keptAddressMonthlyUsd: addressMonthlyUsd(status.lab.region) ?? null,
    }
  }
  return {
    ...head,
    exists: true,
    healthy: exitCode === 0,
    spec: status.settings ?? null,
    resources: status.items.map(({ resource, action, id, changes }) => ({
      name: resource.name,
      id: id ?? null,
      state: action === 'create' ? 'missing' : changes.length > 0 ? 'drifted' : 'ok',
      drift: action === 'create' ? [] : changes,
    })),
    address: status.address
      ? {
          publicIp: status.address.publicIp,
          protection: {
            transferOffered: status.address.offeredTo ?? null,
            tagged: status.address.protectedTag,
            releaseRefusedBy: status.refusal ?? null,
          },
        }
      : null,
    urls: urlsIn(status) ?? null,
    ingress: status.ingress ?? null,
    leftSecrets: status.leftSecrets,
    health: healthJson(status.health),
    hostCurrent: status.hostCurrent,
    answers: status.answers,
    here: status.here ?? null,
    lostModels: status.lostModels,
    chatVerdict: status.proof || !status.settings?.models.length ? status.judged.verdict : null,
    chatTitle: status.proof?.title ?? null,
    chatAt: status.proof?.at ?? null,
    chat: chatJson(status.proof, lab.region, status.now),
    cost: costJson(status.cost),
  }
}
