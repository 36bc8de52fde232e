import type { ChatJudgement } from '../app/chat-proof.js'
import { type Explanation, explain } from '../bedrock/explain.js'
import { ADD_MODELS } from '../bedrock/left-out.js'
import { mayStillTurn, type Proof } from '../bedrock/proof.js'
import type { HostHealth } from '../host/health.js'
import type { Settings } from '../lab/settings.js'
import type { LabId } from '../resources/ownership.js'
import { clean } from './style.js'
import { columns } from './table.js'
import type { Ui } from './ui.js'

/** Said wherever a lab is open to more than a few. */
export const openToMany = ({ allow }: Settings): string[] =>
  allow.everyone
    ? [
        `${allow.cidrs.includes('0.0.0.0/0') ? 'The whole internet' : 'More than 65,536 addresses'} may reach LibreChat and Portainer. To close it: librechat-lab up --allow-cidr detect`,
      ]
    : []

/** Who can reach it, in a person's words. */
export const reachText = ({ allow, openPort80 }: Settings): string => {
  const who = allow.cidrs.includes('0.0.0.0/0')
    ? 'everybody'
    : `${(allow.cidrs.length > 0 ? allow.cidrs : ['nobody']).map((cidr) => cidr.replace(/\/32$/, '')).join(', ')} only`
  const you = allow.from === 'detected' ? ' (your address when up ran)' : ''
  return `${who}${you}${openPort80 ? '; port 80 redirects everybody' : ''}`
}

export function healthLines(health: HostHealth, style: Ui['style']): string[] {
  const services = columns(
    Object.entries(health.services).map(([name, state]) => {
      const mark = state === 'healthy' ? style('green', '✔') : style('red', '✖')
      const again = health.restarts[name]
        ? `, started again ${health.restarts[name]} times in the last 15 minutes`
        : ''
      return [`  ${mark} ${name}`, style('dim', `${state}${again}`)]
    }),
  )
  // A service that is not healthy has a line already.
  const problems = health.problems.filter(({ code }) => code !== 'service')
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`
  const facts = [
    `disk ${gib(health.disk.freeBytes)} of ${gib(health.disk.totalBytes)} free`,
    `memory ${gib(health.memory.availableBytes)} of ${gib(health.memory.totalBytes)} available`,
    ...(health.certificate ? [`certificate until ${health.certificate.notAfter.slice(0, 10)}`] : []),
    ...(health.updates.portainer
      ? [`Portainer looked for updates ${health.updates.portainer.at} (${health.updates.portainer.result})`]
      : []),
    ...(health.updates.system
      ? [`security fixes ${health.updates.system.at} (${health.updates.system.result})`]
      : []),
  ]
  return [
    ...services,
    ...facts.map((fact) => `    ${style('dim', clean(fact))}`),
    ...problems.map(({ text }) => `  ${style('red', '✖')} ${clean(text)}`),
    ...health.warnings.map(({ text }) => `  ${style('yellow', '!')} ${clean(text)}`),
  ]
}

/** Each model's first words, or why it did not answer; a kept proof with the day on which it was made. */
export function chatLines(
  proof: Proof,
  { settings, lab, now, kept }: { settings: Settings; lab: LabId; now: number; kept: boolean },
  style: Ui['style'],
): string[] {
  const young =
    !kept && proof.chat.some((one) => mayStillTurn(one, now))
      ? ['  New model subscriptions can take 15 minutes to settle: librechat-lab status --chat asks again.']
      : []
  const when = kept ? [`  ${style('dim', `last asked on ${proof.at.slice(0, 10)}`)}`] : []
  const labelOf = (model: string) => settings.models.find(({ id }) => id === model)?.label ?? model
  const widest = Math.max(...proof.chat.map(({ model }) => labelOf(model).length))
  const answers = proof.chat.flatMap((one) =>
    one.ok
      ? `  ${style('green', '✔')} ${clean(labelOf(one.model)).padEnd(widest)}  ${style('dim', `${one.firstTokenMs} ms to the first word:`)} "${clean(one.text).slice(0, 40)}"`
      : [],
  )
  const silent = proof.chat.flatMap((one) =>
    one.ok ? [] : { what: labelOf(one.model), ...explained(one, proof, lab.region) },
  )
  const { title } = proof
  const untitled =
    title?.ok === false ? [{ what: 'Titles of conversations', ...explained(title, proof, lab.region) }] : []
  return [...when, ...answers, ...failureLines([...silent, ...untitled], style), ...young]
}

const explained = (one: { model: string; error: string }, { role, presets }: Proof, region: string) =>
  explain(one, { role, region, maxTokens: presets.find(({ model }) => model === one.model)?.maxTokens })

/** Each cause once, with all that it keeps silent. */
function failureLines(
  failures: ({ what: string } & Pick<Explanation, 'cause' | 'fix'>)[],
  style: Ui['style'],
): string[] {
  const causes = [...new Set(failures.map(({ cause }) => cause))]
  return causes.flatMap((cause) => {
    const those = failures.filter((one) => one.cause === cause)
    const steps = new Set(those.flatMap(({ fix }) => fix))
    return [
      `  ${style('red', '✖')} ${clean(those.map(({ what }) => what).join(', '))}`,
      `      ${clean(cause)}`,
      ...[...steps].map((step) => `      ${style('cyan', '→')} ${clean(step)}`),
    ]
  })
}

export const chatJson = (proof: Proof | undefined, region: string, now: number) =>
  proof?.chat.map((one) =>
    one.ok ? { ...one, mayStillTurn: mayStillTurn(one, now) } : { ...one, ...explained(one, proof, region) },
  ) ?? null

/** The health without the proof, which has a place of its own. */
export const healthJson = (health: HostHealth | undefined) => {
  if (!health) return null
  const { proof: _, ...rest } = health
  return rest
}

/** What a judgement of chat says to a person, besides each model's own line. */
export function chatWarnings({ verdict, silent, untitled }: ChatJudgement, region: string): string[] {
  if (verdict === 'notReady')
    return ['No model answers, so LibreChat cannot be used yet. Each cause is above.']
  if (verdict === 'without') return [`The lab has no models, so nobody can chat. ${ADD_MODELS}`]
  const names = silent.map(({ label }) => label).join(', ')
  return [
    ...(silent.length > 0
      ? [
          `${names} ${silent.length === 1 ? 'does' : 'do'} not answer and ${silent.length === 1 ? 'is' : 'are'} not in LibreChat's menu. When the cause is gone: librechat-lab up`,
        ]
      : []),
    ...(untitled !== undefined
      ? [`Conversations get no titles: ${explain({ model: '', error: untitled }, { region }).cause}`]
      : []),
  ]
}

/** The step that lets in the address of whoever runs it: plain `up` does so only where the lab follows the address. */
export const letIn = ({ allow }: Pick<Settings, 'allow'>, address?: string): string =>
  allow.from === 'detected'
    ? 'librechat-lab up'
    : `librechat-lab up --allow-cidr ${address ? `${allow.cidrs.join(' ')} ${address}/32` : 'detect'}`

/** Why 443 may not answer here although the host is well. */
export const silentPort = (port: number, settings: Pick<Settings, 'allow'>): string =>
  `${port} does not answer from here although the host is healthy: your public address is not allowed (${letIn(settings)} allows only it), you are behind a VPN or proxy, or your network blocks the port. librechat-lab tunnel works all the same.`
