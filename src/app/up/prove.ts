import { advise } from '../../aws/advice.js'
import type { Observation } from '../../engine/converge.js'
import { names } from '../../lab/names.js'
import { formatSettings, parseSettings } from '../../lab/stored-settings.js'
import { urlsOf } from '../../lab/urls.js'
import { releaseRefusal } from '../../resources/address.js'
import { overwrite, readParameter } from '../../resources/settings-parameter.js'
import { isProven, judgeChat, proveChat } from '../chat-proof.js'
import { chatReport } from '../chat-report.js'
import { hostOf } from '../host-work.js'
import type { Now } from './observe.js'
import type { Plan, Run, Summary, Wish } from './run.js'

/** Repeats a chat proof that no longer counts; whether it did. Look again then: the menu may change. */
export async function renewProof({ open, context }: Run, now: Now): Promise<boolean> {
  const there = now.observation.of(now.host)
  if (!there?.health?.healthy || isProven(there.proof, now.settings, context.clock.now())) return false
  await proveChat(hostOf(open, there.instanceId, context), now.settings)
  return true
}

/**
 * What a run left, with a new chat proof where the run did not change the host and the proof that it keeps no longer
 * counts. What a new proof changes in the menu, the next run applies.
 */
export async function withProof(
  { open, context }: Run,
  { host, settings }: Now,
  made: Observation,
): Promise<Observation> {
  const there = made.of(host)
  if (!there?.health?.healthy || isProven(there.proof, settings, context.clock.now())) return made
  const proof = await proveChat(hostOf(open, there.instanceId, context), settings)
  return made.with(host, { ...there, proof })
}

/**
 * Checks the lab from outside, shows the summary, and records that a password was shown; the exit code.
 * @param made what a run that changed something left
 */
export async function conclude(
  run: Run,
  { wish, now, plan, tookMs }: { wish: Wish; now: Now; plan: Plan; tookMs?: number },
  made?: Observation,
): Promise<number> {
  const { settings, host, observation } = now
  const { clock } = run.context
  const { lab } = run.open
  const states = made ?? observation
  const { health, proof, firstUser } = states.of(host) ?? {}
  const kept = proof === observation.of(host)?.proof
  const judged = judgeChat(proof, settings)
  const summary: Summary = {
    ...plan,
    ...(await outside(run, now, states)),
    changed: made !== undefined,
    tookMs,
    health,
    chat: proof && chatReport(proof, { settings, region: lab.region, now: clock.now(), kept }),
    judged,
    leftOut: wish.chat.leftOut,
    firstUser,
  }
  run.view.summary(summary)
  if (settings.passwordDue && made) await recordShown(run)
  return judged.exitCode
}

/** Where the lab is, whether it answers here, and whether its address could be lost. */
async function outside({ open }: Run, { graph, settings }: Now, states: Observation) {
  const { connection, clients, lab } = open
  const there = states.of(graph.address)
  const address = there?.publicIp ?? ''
  const instanceId = states.of(graph.instance)?.instanceId ?? ''
  const [https, portainer, refusal] = await Promise.all([
    connection.internet.answers(address, 443),
    connection.internet.answers(address, 9443),
    releaseRefusal(clients.ec2, there?.allocationId ?? ''),
  ])
  const urls = urlsOf(lab, address, instanceId, settings.domain)
  return { address, instanceId, urls, answers: { https, portainer }, refusal }
}

/** The first user's password was shown: no later run gives them another one. */
async function recordShown({ open, options, context }: Run): Promise<void> {
  const { clients, lab } = open
  const parameter = names(lab.name).settings
  try {
    const found = await readParameter(clients.ssm, parameter)
    if (!found) return
    const { passwordDue: _, ...settings } = parseSettings(found.value, parameter, lab)
    await overwrite(clients.ssm, parameter, formatSettings(settings, lab), found.version)
  } catch (error) {
    // The lab is done and its password shown; the next run only sets another password.
    const { message } = advise(error, { ...options, region: lab.region })
    context.ui.emit({
      type: 'warning',
      text: `The next up will set a new password for the first user: ${message}`,
    })
  }
}
