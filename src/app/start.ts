import { isRetryable } from '../aws/errors.js'
import { LabError } from '../core/error.js'
import { ensure, type Observation, observe, type PlanItem, plan } from '../engine/converge.js'
import type { Resource } from '../engine/resource.js'
import type { HostHealth } from '../host/host-health.js'
import { waitUntilOnline } from '../host/online.js'
import { awaitHealth } from '../host/setup.js'
import { actualOf } from '../lab/actual.js'
import { findInstance, type LabInstance } from '../lab/find.js'
import type { LabGraph } from '../lab/graph.js'
import type { Lock } from '../lab/lock.js'
import { unsaidRules } from '../lab/opening.js'
import { nextOf } from '../lab/schedule.js'
import { nothingChosen, type Settings } from '../lab/settings.js'
import { type Urls, urlsOf } from '../lab/urls.js'
import { startInstance } from '../resources/instance/power.js'
import type { LabId } from '../resources/ownership.js'
import type { Context } from './context.js'
import { hostOf } from './host-work.js'
import { wantedGraph } from './lab-graph.js'
import type { OpenLab } from './open-lab.js'
import { toPartialFailure } from './partial-failure.js'
import { withLock } from './with-lock.js'

export interface Started {
  lab: LabId
  settings: Settings
  instanceId: string
  /** False: it was already running. */
  changed: boolean
  tookMs: number
  health: HostHealth
  urls: Urls
  /** When the schedule stops it again. */
  nextStop: number | undefined
  timezone: string | undefined
}

const onlineWithinMs = 10 * 60_000

/** Starts a lab and waits until it is healthy. LabError `no-such-lab`, `address-missing`. */
export async function startLab(open: OpenLab, context: Context): Promise<Started> {
  const begun = context.clock.now()
  const found = await findInstance(open.clients, open.lab, open.stored)
  return await withLock(open, 'start', context, async (lock) => {
    try {
      const address = await power(open, found, context, lock)
      const host = hostOf(open, found.instanceId, { ...context, signal: lock.signal })
      await waitUntilOnline(host, onlineWithinMs)
      const health = await awaitHealth(host)
      const now = context.clock.now()
      const { stored: settings = nothingChosen } = open
      const { schedule } = settings
      return {
        lab: open.lab,
        settings,
        instanceId: found.instanceId,
        changed: found.state !== 'running',
        tookMs: now - begun,
        health,
        // Anyone who can write the settings could redirect the user.
        urls: urlsOf(
          open.lab,
          address,
          found.instanceId,
          health.site === settings.domain ? health.site : undefined,
        ),
        nextStop: schedule && nextOf(schedule, 'stop', now),
        timezone: schedule?.timezone,
      }
    } catch (error) {
      if (lock.signal.aborted || isRefusal(error)) throw error
      throw toPartialFailure(error, { region: open.lab.region }, [
        'Run the same command again. It continues where it stopped.',
      ])
    }
  })
}

/** Whether it was refused before anything was changed. */
const isRefusal = (error: unknown) => error instanceof LabError && error.code === 'address-missing'

/** Starts the instance, updates the rules and the address after changes meanwhile, and returns the address. */
async function power(open: OpenLab, found: LabInstance, context: Context, lock: Lock): Promise<string> {
  const { clients } = open
  const settings = await withDetected(open)
  const graph = wantedGraph(open, settings)
  const parts: Resource[] = [graph.settings, graph.group, graph.address, graph.instance, graph.association]
  const before = await observe(parts)
  const address = before.of(graph.address)
  if (!address || address.inUseBy) throw addressMissing(address)
  if (found.state !== 'running') {
    const task = { type: 'task', id: 'instance', name: `instance ${found.instanceId}` } as const
    context.ui.emit({ ...task, state: 'started', detail: 'starting' })
    await startInstance(clients.ec2, found.instanceId, {
      clock: context.clock,
      signal: lock.signal,
      progress: (detail, usualMs) =>
        context.ui.emit({
          ...task,
          state: 'progress',
          detail,
          ...(usualMs === undefined ? {} : { usualMs }),
        }),
    })
    context.ui.emit({ ...task, state: 'done', detail: 'runs' })
  }
  const observation = found.state === 'running' ? before : await observe(parts)
  const items = itemsOf({ open, graph, settings, parts, observation, context })
  await ensure(items, observation, {
    clock: context.clock,
    signal: lock.signal,
    emit: context.ui.emit,
    isRetryable,
  })
  return address.publicIp
}

/** What a start can change: the rules for a detected address, and the address's association. */
function itemsOf(about: {
  open: OpenLab
  graph: LabGraph
  settings: Settings
  parts: readonly Resource[]
  observation: Observation
  context: Context
}): PlanItem[] {
  const { open, graph, settings, parts, observation, context } = about
  const group = observation.of(graph.group)
  // Checks only the rules: a start changes nothing else that the settings could widen.
  const unsaid = unsaidRules(settings, actualOf({ group }), {})
  const isProven = !observation.of(graph.identity)?.unconfirmed
  const follows = open.stored !== undefined && group !== undefined && unsaid.length === 0 && isProven
  if (!follows)
    context.ui.emit({
      type: 'warning',
      text: 'The security group’s rules were left as they are. To see what would change:',
      command: { path: 'up', flags: { 'dry-run': true } },
    })
  const changing: Resource[] = [graph.association, ...(follows ? [graph.settings, graph.group] : [])]
  return plan(parts, observation).map((item) =>
    changing.includes(item.resource) || item.action === 'keep'
      ? item
      : { ...item, action: 'keep', changes: [] },
  )
}

/** The stored settings, with this run's public address if the lab uses a detected one. */
async function withDetected({ stored, connection }: OpenLab): Promise<Settings> {
  if (!stored) return nothingChosen
  if (stored.allow.from !== 'detected') return stored
  try {
    const here = await connection.internet.publicAddress()
    return { ...stored, allow: { from: 'detected', cidrs: [`${here}/32`], everyone: false } }
  } catch (error) {
    // The lab is started anyway, and can be reached by tunnel.
    if (error instanceof LabError) return stored
    throw error
  }
}

const addressMissing = (address: { publicIp: string; inUseBy?: string } | undefined): LabError =>
  new LabError({
    code: 'address-missing',
    what: address
      ? `The lab's Elastic IP ${address.publicIp} is in use by ${address.inUseBy}.`
      : "The lab's Elastic IP is gone.",
    why: 'Nothing was started: the certificate and the links of the lab are for its address.',
    fix: [
      { command: { path: 'status' }, text: 'shows what else differs' },
      { command: { path: 'up' }, text: 'shows what it would repair, and starts the lab' },
    ],
  })
