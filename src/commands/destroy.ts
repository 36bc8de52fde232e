import type { CommandContext, Context, Run } from '../app/context.js'
import { type OpenLab, openLab } from '../app/open-lab.js'
import { toPartialFailure } from '../app/partial-failure.js'
import { withLock, withoutLock } from '../app/with-lock.js'
import { isRetryable } from '../aws/errors.js'
import { LabError } from '../core/error.js'
import { type Observation, observe, remove } from '../engine/converge.js'
import { type LabGraph, labGraph } from '../lab/graph.js'
import { findLeftovers, type Leftovers, removeLeftovers } from '../lab/leftovers.js'
import { nothingChosen } from '../lab/settings.js'
import { isStrangers, OtherRegion } from '../resources/ownership.js'
import { destroyedJson, destroyedText, goingText } from '../ui/destroy-view.js'
import { keptText } from '../ui/status-view.js'

interface DestroyOptions {
  confirm?: string
  releaseAddress?: string
  dryRun?: boolean
}

/** Removes the lab; a protected address stays unless it is named. */
export const run: Run<DestroyOptions> = async (options, context) => {
  const { ui } = context
  const open = await openLab(options, context, { anySpec: true })
  const { clients, lab } = open
  const graph = graphOf(open)
  const elsewhere = new Set<string>()
  const [observation, leftovers] = await Promise.all([
    observe(graph.all, (error) => {
      if (error instanceof OtherRegion) elsewhere.add(error.there)
      return isStrangers(error)
    }),
    findLeftovers(clients, lab),
  ])
  const address = observation.of(graph.address)
  // One that is gone already was released by an earlier, unfinished run of the same command.
  if (address && options.releaseAddress !== undefined && options.releaseAddress !== address.publicIp) {
    throw new LabError({
      code: 'not-the-address',
      what: `${JSON.stringify(options.releaseAddress.slice(0, 60))} is not this lab’s address.`,
      why: 'Releasing can’t be undone, so the address must be named exactly.',
      fix: [`It is ${address.publicIp}`],
    })
  }
  const there = { graph, observation, leftovers }
  if (isNothing(there, options)) {
    if (!options.dryRun) await withoutLock(open, 'destroy', context)
    const kept = address?.publicIp
    const text = kept
      ? keptText(lab, kept)
      : [
          `Nothing to destroy: there is no lab "${lab.name}" in ${lab.region}.`,
          ...[...elsewhere].map((region) => `It is in ${region}: librechat-lab destroy --region ${region}`),
        ].join('\n')
    ui.result(text, destroyedJson({ lab, removed: [], left: [], keptAddress: kept }))
    return 0
  }
  const going = { lab, ...there, releases: releases(there, options) }
  if (options.dryRun) {
    ui.result(goingText(going, ui), {
      ...destroyedJson({ lab, removed: [], left: idsOf(there), keptAddress: undefined }),
      dryRun: true,
    })
    return 0
  }
  ui.show((paint) => goingText(going, paint))
  const releaseAddress = await agree(going, options, context)
  return await destroy(open, there, releaseAddress, context)
}

interface There {
  graph: LabGraph
  observation: Observation
  leftovers: Leftovers
}

const graphOf = ({ clients, lab, stored }: OpenLab) =>
  labGraph({
    clients,
    lab,
    settings: stored ?? nothingChosen,
    policy: { Version: '2012-10-17', Statement: [] },
    adopt: false,
    // Asked only where a stranger's group has the lab's name: it is no business of destroy's.
    place: async () => ({ vpcId: '', subnetIds: [], imageId: '' }),
    userData: undefined,
  })

/** Nothing there, or nothing but the address that is to be kept. */
function isNothing({ graph, observation, leftovers }: There, options: DestroyOptions): boolean {
  const onlyKept = observation.present.every(
    (resource) =>
      resource === graph.address &&
      options.releaseAddress === undefined &&
      observation.of(graph.address)?.protectedTag,
  )
  return onlyKept && leftovers.volumes.length + leftovers.parameters.length === 0
}

/** Whether the address goes too: it was named, or nothing protects it. */
const releases = ({ graph, observation }: There, options: DestroyOptions): boolean =>
  options.releaseAddress !== undefined || observation.of(graph.address)?.protectedTag === false

/** Wants the lab's name typed, at the terminal or with `--confirm`. The answer: whether the address goes too. */
async function agree(
  { lab, graph, observation, releases }: There & { lab: OpenLab['lab']; releases: boolean },
  options: DestroyOptions,
  { ui }: Context,
): Promise<boolean> {
  if (options.confirm === lab.name) return releases
  if (options.confirm !== undefined) {
    throw new LabError({
      code: 'not-confirmed',
      what: `--confirm says ${JSON.stringify(options.confirm.slice(0, 60))}, and the lab is "${lab.name}".`,
      fix: [`librechat-lab destroy --confirm ${lab.name}`],
    })
  }
  const typed = await ui.input({
    flag: `--confirm ${lab.name}`,
    message: `Type the lab's name to destroy it (${lab.name}):`,
    hint: 'What is on its disk is gone for good.',
  })
  if (typed.trim() !== lab.name) {
    throw new LabError({ code: 'declined', what: 'That is not its name: nothing was done.' })
  }
  const address = observation.of(graph.address)
  if (!address || releases) return releases
  const named = await ui.input({
    flag: `--release-address ${address.publicIp}`,
    message: `Type ${address.publicIp} to release it too (empty keeps it):`,
    hint: 'A kept address costs $3.65 a month, and the next up takes it back. A released one is gone.',
  })
  return named.trim() === address.publicIp
}

async function destroy(
  open: OpenLab,
  there: There,
  releaseAddress: boolean,
  context: CommandContext,
): Promise<number> {
  const { clients, lab } = open
  const { ui, clock } = context
  const { graph } = there
  const going = graph.all.filter((resource) => resource !== graph.address || releaseAddress)
  const removed = await withLock(open, 'destroy', context, async (lock) => {
    const now = lock.waited ? await observe(graph.all, isStrangers) : there.observation
    const only = now.only(going)
    try {
      await remove(only, { clock, signal: lock.signal, emit: ui.emit, isRetryable })
      await removeLeftovers(clients, there.leftovers)
    } catch (error) {
      if (lock.signal.aborted) throw error
      throw toPartialFailure(error, { region: lab.region }, await stillThere(open, graph))
    }
    return idsOf({ ...there, observation: only })
  })
  // Observation beats assumption: what is still there?
  const [after, leftovers] = await Promise.all([observe(graph.all, isStrangers), findLeftovers(clients, lab)])
  const kept = releaseAddress ? undefined : after.of(graph.address)?.publicIp
  const left = idsOf({ graph, leftovers, observation: after.only(going) })
  const outcome = { lab, removed, left, keptAddress: kept }
  ui.result(destroyedText(outcome, ui), destroyedJson(outcome))
  return left.length === 0 ? 0 : 2
}

/** After a failure: what stands still, where that can be seen, and how to go on. */
async function stillThere({ clients, lab }: OpenLab, graph: LabGraph): Promise<string[]> {
  const goOn = 'Run the same command again: it goes on where it stopped.'
  const looks = [observe(graph.all, isStrangers), findLeftovers(clients, lab)] as const
  const [observed, found] = await Promise.allSettled(looks)
  // What kept it from removing may keep it from looking: then the failure itself says why.
  if (observed.status === 'rejected' || found.status === 'rejected') return [goOn]
  const ids = idsOf({ graph, observation: observed.value, leftovers: found.value })
  return [`Still there: ${ids.join(', ')}`, goOn]
}

/** Everything there, as a person reads it. */
const idsOf = ({ observation, leftovers }: There): string[] => [
  ...observation.present.map((resource) => {
    const id = resource.id(observation.of(resource))
    return resource.name.endsWith(id) ? resource.name : `${resource.name} (${id})`
  }),
  ...leftovers.volumes.map((id) => `disk ${id}`),
  ...leftovers.parameters.map((name) => `parameter ${name}`),
]
