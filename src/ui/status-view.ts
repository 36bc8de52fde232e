import type { LabId, Settings } from '../app/open-lab.js'
import type { AddressState, Change, ReleaseRefusal, Rule, Status } from '../app/status.js'
import {
  addModels,
  chatJson,
  chatLines,
  chatWarnings,
  healthJson,
  healthLines,
  letIn,
  openToMany,
  silentPort,
} from './lab-view.js'
import { changesJson, costJson, costText } from './plan-view.js'
import { strangerLines } from './strangers-view.js'
import { clean } from './style.js'
import { columns, usd } from './table.js'
import type { Paint, Ui } from './ui.js'
import { zoned } from './when.js'

export const keptText = (
  { name, region }: LabId,
  address: string,
  cost: string,
  { hint }: Pick<Ui, 'hint'>,
): string =>
  `The lab "${name}" in ${region} is deleted. Its protected Elastic IP ${address} is kept and costs ${cost}.
  ${hint({ command: { path: 'up' }, text: 'uses it again' })}
  ${hint({ command: { path: 'destroy', flags: { confirm: name, 'release-address': address } }, text: 'releases it' })}`

function refusals(refusal: ReleaseRefusal | undefined): [boolean, string][] {
  if (refusal === 'unknown')
    return [[false, 'not known whether a policy prevents releasing it: the dry run failed']]
  const policy = refusal === 'policy'
  const reverseDns = refusal === 'reverse-dns'
  return [
    [
      policy,
      policy ? 'a policy denies you releasing it (dry run)' : 'no policy denies you releasing it (dry run)',
    ],
    [reverseDns, reverseDns ? 'reverse DNS prevents releasing it (dry run)' : 'no reverse DNS is set'],
  ]
}

const layers = (address: AddressState, refusal: ReleaseRefusal | undefined): [boolean, string][] => [
  [
    !address.offeredTo,
    address.offeredTo ? `offered to account ${address.offeredTo}` : 'no transfer is offered',
  ],
  [
    address.protectedTag,
    address.protectedTag ? 'tagged: destroy keeps it' : 'the tag that protects it is missing',
  ],
  ...refusals(refusal),
]

export function statusText(status: Status, paint: Paint): string {
  const { style, hint } = paint
  const up = hint({ command: { path: 'up' } })
  const others = strangerLines(status.strangers, status.lab, paint)
  if (status.keptAddress !== undefined) {
    const kept = keptText(status.lab, status.keptAddress, status.keptAddressCost, paint)
    return [kept, ...(others.length > 0 ? ['', ...others] : [])].join('\n')
  }
  const { lab, settings, health } = status
  const verdict =
    status.exitCode === 2
      ? style('yellow', 'not as it should be')
      : style('green', status.stopped ? 'stopped' : 'healthy')
  const lines = [
    `${style('bold', `Lab "${lab.name}" in ${lab.region}`)}  ${verdict}`,
    '',
    ...resourceLines(status, paint),
  ]
  lines.push('', style('bold', 'Elastic IP'), ...addressLines(status, paint))
  lines.push('', style('bold', 'Host'))
  lines.push(
    ...(status.stopped
      ? stoppedLines(status, paint)
      : health
        ? healthLines(health, paint)
        : [`  ${style('red', '✖')} not reachable: it is stopped, or its Systems Manager agent is offline`]),
  )
  lines.push(...hostDriftLines(status, paint))
  for (const model of status.lostModels)
    lines.push(`  ${style('red', '✖')} ${clean(model)} can't be called any more. To update the menu: ${up}`)
  if (status.chat && settings)
    lines.push(
      '',
      style('bold', 'Chat'),
      ...chatLines(status.chat, paint),
      ...chatWarnings(status.judged, status.chat, paint).map(
        (text) => `  ${style('yellow', '!')} ${clean(text)}`,
      ),
    )
  else if (settings && !status.stopped)
    lines.push('', style('bold', 'Chat'), `  ${style('yellow', '!')} ${unproven(settings, paint)}`)
  lines.push(...capacityLines(status, paint))
  lines.push('', style('bold', 'Access'), ...reachLines(status, paint), '')
  lines.push(
    ...costText(status.stopped?.cost ?? status.cost, style),
    ...runningCost(status),
    ...spentLines(status, paint),
    ...budgetLines(status),
  )
  if (others.length > 0) lines.push('', ...others)
  if (status.exitCode === 2) lines.push('', ...nextStep(status, paint))
  return lines.join('\n')
}

/** What the host lacks, and the next step; empty if it has capacity. */
function capacityLines({ capacity }: There, { style, hint }: Paint): string[] {
  if (!capacity || capacity.limits.length === 0) return []
  return [
    '',
    style('bold', 'Capacity'),
    ...capacity.limits.map(
      ({ code, text }) => `  ${style('yellow', '!')} ${code.replace('-', ' ')}: ${clean(text)}`,
    ),
    ...capacity.next.map((step) => `  ${hint(step)}`),
  ]
}

/** The models' cost so far. A reached limit is among the host's warnings. */
function spentLines({ health, settings }: There, { style, hint }: Paint): string[] {
  if (!health?.money) return []
  const { month, usd: spent, at } = health.money
  const day = Number(at.slice(8, 10))
  const length = new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5, 7)), 0)).getUTCDate()
  const pace = day < 2 || spent === 0 ? '' : `; at this pace ${usd((spent / day) * length)} by its end`
  const limit = settings?.limit === undefined ? '' : ` of the limit of ${usd(settings.limit)}`
  return [
    `  Models this month so far: ${usd(spent)}${limit}${pace}`,
    `  ${style('dim', `By day, model and user: ${hint({ command: { path: 'usage' } })}`)}`,
  ]
}

/** The AWS budget's figures, which are late and cover the whole account. */
function budgetLines({ budget }: There): string[] {
  if (!budget) return []
  const { spentUsd, forecastUsd } = budget
  const spent = spentUsd === undefined ? 'nothing counted yet' : `${usd(spentUsd)} counted so far`
  const forecast = forecastUsd === undefined ? '' : `, ${usd(forecastUsd)} forecast`
  return [`  AWS budget of ${usd(budget.usd)} a month for the account: ${spent}${forecast} (hours late)`]
}

/** Since when and why a lab is stopped, and how to start it. */
function stoppedLines({ stopped, next }: There, { style, hint }: Paint): string[] {
  if (!stopped) return []
  const since = stopped.since === undefined ? '' : ` since ${zoned(stopped.since, next?.timezone)}`
  const mark = stopped.by === 'unknown' ? style('red', '✖') : style('dim', '·')
  const start = hint({ command: { path: 'start' }, text: 'starts it; its data and address are kept' })
  return [
    `  ${mark} stopped${since}: ${reasons[stopped.by]}`,
    ...(next?.start === undefined
      ? []
      : [`    The schedule starts it at ${zoned(next.start, next.timezone)}.`]),
    `  ${start}`,
    ...(stopped.by === 'unknown'
      ? [`  ${hint({ command: { path: 'stop' }, text: 'keeps it stopped' })}`]
      : []),
  ]
}

const reasons = {
  stop: 'by the command stop',
  schedule: 'at the time of its schedule',
  idle: 'by idle stop, because nobody used it',
  unknown: 'not by stop, its schedule or idle stop',
} as const

/** The cost of a stopped lab while it runs. */
const runningCost = ({ stopped, cost, next }: There): string[] =>
  stopped
    ? [`  While it runs${next ? ' by its schedule' : ''}: ${usd(cost.monthlyUsd)} a month before tax`]
    : next?.stop === undefined
      ? []
      : [`  With its schedule; the next stop is at ${zoned(next.stop, next.timezone)}`]

/**
 * `up` can't make a model answer. If nothing else is wrong, the causes are shown above, or the models were not asked.
 */
function nextStep(
  { settings, items, leftSecrets, lostModels, health, chat }: There,
  { hint }: Paint,
): string[] {
  const isDrifted = items.some(({ changes }) => changes.length > 0)
  const isRepaired =
    !settings || isDrifted || leftSecrets.length > 0 || lostModels.length > 0 || !health?.healthy
  if (isRepaired) return [hint({ command: { path: 'up' }, text: 'repairs what can be repaired' })]
  if (!chat) return [hint({ command: { path: 'status', flags: { chat: true } }, text: 'asks each model' })]
  return [hint({ command: { path: 'up' }, text: 'asks the models again, after you have fixed the cause' })]
}

/** Without a proof, the lab is not healthy: no model is known to answer. */
const unproven = ({ models }: Settings, { hint }: Pick<Ui, 'hint'>): string =>
  models.length > 0
    ? `no model was asked yet. To ask each: ${hint({ command: { path: 'status', flags: { chat: true } } })}`
    : `no models in the menu. ${addModels({ hint })}`

type There = Exclude<Status, { keptAddress: string }>

/** The host has its own section. */
const isHost = ({ resource }: There['items'][number]) => resource.name === 'host'

const driftText = ({ what, from, to, byHand }: Change, hint: Ui['hint']): string =>
  `${clean(`${what}: ${from === undefined ? '' : `is ${from}, `}should be ${to}`)}${byHand ? ` (${hint(byHand)})` : ''}`

/** Differences on the host, besides its health. */
function hostDriftLines({ items, health }: There, { style, hint }: Paint): string[] {
  if (!health) return []
  const drift = items.filter(isHost).flatMap(({ changes }) => changes.filter(({ what }) => what !== 'health'))
  const up = hint({ command: { path: 'up' } })
  return drift.map((change) => `  ${style('yellow', '!')} ${driftText(change, hint)}. To change it: ${up}`)
}

function resourceLines({ items, leftSecrets }: There, { style, hint }: Paint): string[] {
  const secrets = leftSecrets.map(
    (name) => `  ${style('yellow', '!')} parameter ${clean(name)}  left by an earlier run; up deletes it`,
  )
  const inAws = items.filter((item) => !isHost(item))
  const resources = inAws.flatMap(({ resource, action, id, changes }) => {
    const fine = action === 'keep' && changes.length === 0
    const mark = fine ? style('green', '✔') : action === 'create' ? style('red', '✖') : style('yellow', '!')
    const shown = id && !resource.name.endsWith(id) ? `  ${style('dim', clean(id))}` : ''
    const drift = action === 'create' ? [] : changes
    return [
      `  ${mark} ${clean(resource.name)}${shown}${action === 'create' ? '  missing' : ''}`,
      ...drift.map((change) => `      ${driftText(change, hint)}`),
    ]
  })
  return [...resources, ...secrets]
}

function addressLines({ address, refusal }: There, { style, hint }: Paint): string[] {
  if (!address) return [`  ${style('red', '✖')} missing`]
  const shown = layers(address, refusal).map(
    ([holds, text]) => `  ${holds ? style('green', '✔') : style('dim', '·')} ${text}`,
  )
  const plain =
    refusal === 'nothing'
      ? [`  No policy prevents releasing it. To add one: ${hint({ command: { path: 'address policy' } })}`]
      : []
  return [...shown, ...plain]
}

/** The sources that the security group's rules allow, port by port. */
export function allowedFrom(ingress: readonly Rule[]): string {
  const bySources = new Map<string, string[]>()
  const portsOf = ({ protocol, fromPort, toPort }: Rule) =>
    protocol === '-1'
      ? 'every port'
      : `${fromPort === toPort ? fromPort : `${fromPort}-${toPort}`}${protocol === 'tcp' ? '' : `/${protocol}`}`
  for (const ports of new Set(ingress.map(portsOf))) {
    const sources = ingress.filter((rule) => portsOf(rule) === ports).map(({ source }) => sourceText(source))
    const key = sources.includes('everywhere') ? 'everywhere' : [...new Set(sources)].sort().join(', ')
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

/**
 * Whether many addresses can reach the lab according to its rules. Ranges that are only in the settings are shown as
 * changes that `up` would make.
 */
function wideLines(
  settings: There['settings'],
  ingress: There['ingress'],
  { hint }: Pick<Ui, 'hint'>,
): string[] {
  if (!settings?.allow.everyone) return []
  const isOpen = ingress?.some(({ source }) => settings.allow.cidrs.includes(source)) ?? true
  if (isOpen) return openToMany(settings, { hint })
  const detect = hint({ command: { path: 'up', flags: { 'allow-cidr': ['detect'] } } })
  return [
    `The stored settings allow ${settings.allow.cidrs.join(', ')}, which the security group does not. To allow only your address: ${detect}`,
  ]
}

function reachLines(status: There, paint: Paint): string[] {
  const { style, hint } = paint
  const { settings, ingress, answers, here, health, urls } = status
  const answer = (yes: boolean) => (yes ? 'answers from here' : 'does not answer from here')
  const rows = urls
    ? [
        ['  LibreChat', answer(answers.https), urls.librechat],
        ['  Portainer', answer(answers.portainer), urls.portainer],
        ['  AWS console', 'Session Manager', urls.sessionManager],
      ]
    : []
  return [
    ...columns(rows),
    ...(ingress ? [`  Allowed from ${clean(allowedFrom(ingress))}`] : []),
    ...wideLines(settings, ingress, paint).map((text) => `  ${style('yellow', '!')} ${text}`),
    ...(here && settings && !here.allowed
      ? [
          `  ${style('yellow', '!')} Your address is now ${here.address}, which is not allowed. To allow it: ${hint(letIn(settings, here.address))}`,
        ]
      : []),
    ...(health?.healthy && settings && !answers.https && here?.allowed
      ? [`  ${style('yellow', '!')} ${silentPort(443, settings, paint)}`]
      : []),
  ]
}

export function statusJson(status: Status, { hint }: Pick<Ui, 'hint'>): object {
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
      keptAddressMonthlyUsd: status.keptAddressMonthlyUsd ?? null,
    }
  }
  return {
    ...head,
    exists: true,
    healthy: exitCode === 0 && !status.stopped,
    spec: status.settings ?? null,
    resources: status.items.map(({ resource, action, id, changes }) => ({
      name: resource.name,
      id: id ?? null,
      state: action === 'create' ? 'missing' : changes.length > 0 ? 'drifted' : 'ok',
      drift: action === 'create' ? [] : changesJson(changes, { hint }),
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
    ingress: status.ingress ?? null,
    leftSecrets: status.leftSecrets,
    health: healthJson(status.health, { hint }),
    capacity: status.capacity
      ? { limits: status.capacity.limits, next: status.capacity.next.map(hint) }
      : null,
    hostCurrent: status.hostCurrent,
    answers: status.answers,
    here: status.here ?? null,
    lostModels: status.lostModels,
    chatVerdict: status.chat || !status.settings?.models.length ? status.judged.verdict : null,
    chatTitle: status.chat?.title ?? null,
    chatAt: status.chat?.at ?? null,
    chat: chatJson(status.chat, { hint }),
    cost: costJson(status.cost),
    budget: status.budget
      ? {
          usd: status.budget.usd,
          alerts: status.budget.alerts,
          spentUsd: status.budget.spentUsd ?? null,
          forecastUsd: status.budget.forecastUsd ?? null,
        }
      : null,
    stopped: status.stopped
      ? {
          by: status.stopped.by,
          since: status.stopped.since === undefined ? null : new Date(status.stopped.since).toISOString(),
          cost: costJson(status.stopped.cost),
        }
      : null,
  }
}
