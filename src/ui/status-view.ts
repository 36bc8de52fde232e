import type { ChatJudgement } from '../app/chat-proof.js'
import type { Proof } from '../bedrock/proof.js'
import type { PlanItem } from '../engine/converge.js'
import type { HostHealth } from '../host/health.js'
import type { Cost } from '../lab/prices.js'
import type { Settings } from '../lab/settings.js'
import type { AddressState, ReleaseRefusal } from '../resources/address.js'
import type { LabId } from '../resources/ownership.js'
import {
  chatJson,
  chatLines,
  chatWarnings,
  healthJson,
  healthLines,
  openToMany,
  reachText,
  silentPort,
  type Urls,
} from './lab-view.js'
import { costJson, costText } from './plan-view.js'
import { clean } from './style.js'
import { columns, usd } from './table.js'
import type { Ui } from './ui.js'

/** What a look at a lab found. */
export type Status =
  | { lab: LabId; exitCode: 0; keptAddress: string }
  | {
      lab: LabId
      exitCode: 0 | 2
      keptAddress?: never
      settings: Settings | undefined
      items: readonly PlanItem[]
      address: AddressState | undefined
      refusal: ReleaseRefusal | undefined
      urls?: Urls
      health: HostHealth | undefined
      /** Whether the host has what this version and the settings would put there. */
      hostCurrent: boolean
      answers: { https: boolean; portainer: boolean }
      here: { address: string; allowed: boolean } | undefined
      lostModels: readonly string[]
      /** Just made, or the last that the host keeps. */
      proof: Proof | undefined
      proofKept: boolean
      judged: ChatJudgement
      cost: Cost
      now: number
    }

/** USD a month for an address that nothing uses: https://aws.amazon.com/vpc/pricing */
const idleAddress = 0.005 * 730

export const keptText = ({ name, region }: LabId, address: string): string =>
  `The lab "${name}" in ${region} is gone; its protected Elastic IP ${address} is kept, and still costs ${usd(idleAddress)} a month.
  librechat-lab up   takes it back into use
  librechat-lab destroy --confirm ${name} --release-address ${address}   gives it back to AWS`

const layers = (address: AddressState, refusal: ReleaseRefusal | undefined): [boolean, string][] => [
  [
    !address.offeredTo,
    address.offeredTo ? `offered to account ${address.offeredTo}` : 'no transfer is offered',
  ],
  [address.protectedTag, address.protectedTag ? 'tagged: destroy keeps it' : 'the protecting tag is missing'],
  [
    refusal === 'policy',
    refusal === 'policy'
      ? 'a policy refuses you its release (dry run)'
      : 'no policy refuses you its release (dry run)',
  ],
  [
    refusal === 'reverse-dns',
    refusal === 'reverse-dns' ? 'reverse DNS refuses its release (dry run)' : 'no reverse DNS is set',
  ],
]

export function statusText(status: Status, { style }: Pick<Ui, 'style'>): string {
  if (status.keptAddress !== undefined) return keptText(status.lab, status.keptAddress)
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
  lines.push('', style('bold', 'Reach'), ...reachLines(status, style), '', ...costText(status.cost, style))
  if (status.exitCode === 2) lines.push('', 'librechat-lab up   mends what can be mended')
  return lines.join('\n')
}

type There = Exclude<Status, { keptAddress: string }>

function resourceLines({ items }: There, style: Ui['style']): string[] {
  return items.flatMap(({ resource, action, id, changes }) => {
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

function reachLines({ urls, settings, answers, here, health }: There, style: Ui['style']): string[] {
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
    ...(settings ? [`  Reached by ${reachText(settings)}`] : []),
    ...(settings ? openToMany(settings) : []).map((text) => `  ${style('yellow', '!')} ${text}`),
    ...(here && settings && !here.allowed
      ? [`  ${style('yellow', '!')} your address is ${here.address} now and is not let in: librechat-lab up`]
      : []),
    ...(health?.healthy && !answers.https && here?.allowed
      ? [`  ${style('yellow', '!')} ${silentPort(443)}`]
      : []),
  ]
}

export function statusJson(status: Status): object {
  const { lab, exitCode } = status
  const head = { lab: lab.name, region: lab.region, account: lab.account, exitCode }
  if (status.keptAddress !== undefined) {
    return { ...head, exists: false, keptAddress: status.keptAddress, keptAddressMonthlyUsd: idleAddress }
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
    urls: status.urls ?? null,
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
