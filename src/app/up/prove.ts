import { advise } from '../../aws/advice.js'
import type { Observation, PlanItem } from '../../engine/converge.js'
import type { Resource } from '../../engine/resource.js'
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

/**
 * Repeats a chat proof that is no longer valid, and returns whether it did. Then observe again: the menu can change.
 */
export const renewProof = async (run: Run, now: Now): Promise<boolean> =>
  (await withProof(run, now, now.observation)) !== now.observation

/**
 * The result of a run, with a new chat proof if the run did not change the host and its stored proof is no longer
 * valid. The next run applies changes of the menu.
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
 * @param made the result of a run that changed something
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
    items: plan.items.map((item) => withId(item, now.all, states)),
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

/** What this run created or replaced has another id by now. */
function withId(item: PlanItem, all: readonly Resource[], states: Observation): PlanItem {
  const resource = all.find(({ name }) => name === item.resource.name)
  if (!resource) return item
  const state = states.of(resource)
  return state === undefined ? item : { ...item, id: resource.id(state) }
}

/** The lab's address, whether it answers from here, and whether the address could be released. */
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

/** Records that the first user's password was shown, so that no later run sets another one. */
async function recordShown({ open, options, context }: Run): Promise<void> {
  const { clients, lab } = open
  const parameter = names(lab.name).settings
  try {
    const found = await readParameter(clients.ssm, parameter)
    if (!found) return
    const { passwordDue: _, ...settings } = parseSettings(found.value, parameter, lab)
    await overwrite(clients.ssm, parameter, formatSettings(settings, lab), found.version)
  } catch (error) {
    // The lab is ready and the password was shown; without this, the next run would only set another one.
    const { message } = advise(error, { ...options, region: lab.region })
    context.ui.emit({
      type: 'warning',
      text: `The next up will set a new password for the first user: ${message}`,
    })
  }
}
