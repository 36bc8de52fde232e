import type { ChatJudgement } from '../app/chat-proof.js'
import type { ChatReport } from '../app/chat-report.js'
import type { HostHealth } from '../app/host-work.js'
import type { Settings } from '../app/open-lab.js'
import { bytesText } from '../core/bytes.js'
import type { Hint, Prose } from '../core/error.js'
import { certificateFacts } from './certificate-view.js'
import { findingText } from './finding-text.js'
import { clean, duration, unbroken } from './style.js'
import { columns } from './table.js'
import type { Paint, Ui } from './ui.js'

/** Shown if a lab is open to more than a few addresses. */
export const openToMany = ({ allow }: Pick<Settings, 'allow'>, { hint }: Pick<Ui, 'hint'>): string[] =>
  allow.everyone
    ? [
        `${allow.cidrs.includes('0.0.0.0/0') ? 'The whole internet' : 'More than 65,536 addresses'} can reach LibreChat and Portainer. To allow only your address: ${hint({ command: { path: 'up', flags: { 'allow-cidr': ['detect'] } } })}`,
      ]
    : []

/** The addresses that the settings allow: "192.0.2.1, 198.51.100.0/24", "everywhere". */
export const allowedText = ({ cidrs }: Settings['allow']): string =>
  cidrs.includes('0.0.0.0/0')
    ? 'everywhere'
    : (cidrs.length > 0 ? cidrs : ['nowhere']).map((cidr) => cidr.replace(/\/32$/, '')).join(', ')

/** Who can reach it. */
export const reachText = ({ allow, openPort80 }: Pick<Settings, 'allow' | 'openPort80'>): string => {
  const who = allowedText(allow)
  const only = who === 'everywhere' ? '' : ' only'
  const you = allow.from === 'detected' ? ' (your address when up ran)' : ''
  return `${who}${only}${you}${openPort80 ? '; port 80 is open to everyone and redirects to HTTPS' : ''}`
}

type Finding = HostHealth['problems'][number]

export function healthLines(health: HostHealth, { style, hint }: Paint): string[] {
  const services = columns(
    Object.entries(health.services).map(([name, state]) => {
      const mark = state === 'healthy' ? style('green', '✔') : style('red', '✖')
      const restarts = health.restarts[name]
        ? `, restarted ${health.restarts[name]} times in the last 15 minutes`
        : ''
      return [`  ${mark} ${name}`, style('dim', `${state}${restarts}`)]
    }),
  )
  // An unhealthy service already has a line.
  const problems = health.problems.filter(({ code }) => code !== 'service')
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`
  const facts = [
    `disk ${gib(health.disk.freeBytes)} of ${gib(health.disk.totalBytes)} free`,
    `memory ${gib(health.memory.availableBytes)} of ${gib(health.memory.totalBytes)} available`,
    ...certificateFacts(health),
    ...(health.idleStop ? [idleFact(health.idleStop)] : []),
    ...(health.updates.portainer
      ? [
          `Portainer last checked for updates ${health.updates.portainer.at} (${health.updates.portainer.result})`,
        ]
      : []),
    ...(health.updates.system
      ? [`security updates ${health.updates.system.at} (${health.updates.system.result})`]
      : []),
    ...(health.dump?.result === 'made'
      ? [`data last dumped ${health.dump.at} (${bytesText(health.dump.bytes ?? 0)})`]
      : []),
    ...(health.firstSetup ? [firstSetupFact(health.firstSetup)] : []),
  ]
  return [
    ...services,
    ...facts.map((fact) => `    ${style('dim', clean(fact))}`),
    ...problems.map((one) => `  ${style('red', '✖')} ${findingText(one, { hint })}`),
    ...health.warnings.map((one) => `  ${style('yellow', '!')} ${findingText(one, { hint })}`),
  ]
}

/** "first set-up ready 140 s after boot: system 2 s, docker 24 s, images 20 s, stack 84 s, health 3 s" */
function firstSetupFact({ seconds, stages }: NonNullable<HostHealth['firstSetup']>): string {
  const each = Object.entries(stages).map(([name, took]) => `${name} ${duration(took * 1000)}`)
  return `first set-up ready ${duration(seconds * 1000)} after boot: ${each.join(', ')}`
}

/** "idle stop after 120 minutes: a scheduled chat is ahead" */
function idleFact({ minutes, idleSince, awake, held }: NonNullable<HostHealth['idleStop']>): string {
  const now = held
    ? 'off, because a shutdown would terminate the instance'
    : awake || `idle since ${idleSince}`
  return `idle stop after ${minutes} minutes: ${now}`
}

/** Each model's first words, or why it did not answer; a kept proof with its date. */
export function chatLines({ at, kept, answers, untitled }: ChatReport, { style, hint }: Paint): string[] {
  const isNew = !kept && answers.some((one) => one.ok && one.mayStillTurn)
  const again = hint({ command: { path: 'status', flags: { chat: true } } })
  const widest = Math.max(...answers.map(({ label }) => label.length))
  const silent = answers.flatMap((one) => (one.ok ? [] : { what: one.label, ...one }))
  return [
    ...(kept ? [`  ${style('dim', `last asked on ${at.slice(0, 10)}`)}`] : []),
    ...answers.flatMap((one) =>
      one.ok
        ? `  ${style('green', '✔')} ${clean(one.label).padEnd(widest)}  ${style('dim', `first word after ${one.firstTokenMs} ms:`)} "${clean(one.text).slice(0, 40)}"`
        : [],
    ),
    ...failureLines([...silent, ...(untitled ? [{ what: 'Titles of conversations', ...untitled }] : [])], {
      style,
      hint,
    }),
    ...(isNew ? [`  New model subscriptions can take 15 minutes to settle. To ask again: ${again}`] : []),
  ]
}

interface Failure {
  what: string
  cause: string
  fix: readonly (Prose | Hint)[]
}

/** Each cause once, with all models that it affects. */
function failureLines(failures: readonly Failure[], { style, hint }: Paint): string[] {
  const causes = [...new Set(failures.map(({ cause }) => cause))]
  return causes.flatMap((cause) => {
    const those = failures.filter((one) => one.cause === cause)
    const steps = new Set(those.flatMap(({ fix }) => fix.map(hint)))
    return [
      `  ${style('red', '✖')} ${clean(those.map(({ what }) => what).join(', '))}`,
      `      ${clean(cause)}`,
      ...[...steps].map((step) => `      ${style('cyan', '→')}${unbroken}${clean(step)}`),
    ]
  })
}

export const chatJson = (report: ChatReport | undefined, { hint }: Pick<Ui, 'hint'>) =>
  report?.answers.map(({ label: _, ...one }) => (one.ok ? one : { ...one, fix: one.fix.map(hint) })) ?? null

/** The health without the proof, which has a field of its own. */
export const healthJson = (health: HostHealth | undefined, { hint }: Pick<Ui, 'hint'>) => {
  if (!health) return null
  const { proof: _, problems, warnings, ...rest } = health
  const plain = (findings: readonly Finding[]) =>
    findings.map(({ fix, ...finding }) => ({ ...finding, fix: fix.map(hint) }))
  return { ...rest, problems: plain(problems), warnings: plain(warnings) }
}

/** Summarises the state of chat, in addition to each model's line. */
export function chatWarnings(
  { verdict, silent }: ChatJudgement,
  report: ChatReport | undefined,
  { hint }: Pick<Ui, 'hint'>,
): string[] {
  if (verdict === 'notReady')
    return ['No model answers, so LibreChat can’t be used yet. See the causes above.']
  if (verdict === 'without') return [`The lab has no models, so nobody can chat. ${addModels({ hint })}`]
  const names = silent.map(({ label }) => label).join(', ')
  const [do_, are] = silent.length === 1 ? ['does', 'is'] : ['do', 'are']
  return [
    ...(silent.length > 0
      ? [
          `${names} ${do_} not answer and ${are} not in LibreChat's menu. After you have fixed the cause: ${hint({ command: { path: 'up' } })}`,
        ]
      : []),
    ...(report?.untitled ? [`Conversations get no titles: ${report.untitled.cause}`] : []),
  ]
}

/** The step that gives a lab without models its first ones. */
export const addModels = ({ hint }: Pick<Ui, 'hint'>): string =>
  `To add the models that a new lab gets: ${hint({ command: { path: 'up', flags: { models: 'default' } } })}`

/** The command that allows the current address: plain `up` does that only if the lab uses a detected address. */
export const letIn = ({ allow }: Pick<Settings, 'allow'>, address?: string): Hint => {
  if (allow.from === 'detected') return { command: { path: 'up' } }
  return address
    ? { command: { path: 'access add', args: [address] } }
    : { command: { path: 'up', flags: { 'allow-cidr': ['detect'] } } }
}

/** Why a port may not answer from here although the host is healthy. */
export const silentPort = (
  port: number,
  settings: Pick<Settings, 'allow'>,
  { hint }: Pick<Ui, 'hint'>,
): string =>
  `Port ${port} does not answer from here although the host is healthy. Your public address may not be allowed (${hint(letIn(settings))} allows only it), you may use a VPN or proxy, or your network may block the port. ${hint({ command: { path: 'tunnel' } })} works without an open port.`
