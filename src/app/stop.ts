import { CreateTagsCommand } from '@aws-sdk/client-ec2'
import { findInstance } from '../lab/find.js'
import { type Cost, monthlyCost } from '../lab/prices.js'
import { hoursOf, nextOf } from '../lab/schedule.js'
import { nothingChosen } from '../lab/settings.js'
import { stoppedBy, stoppedTag } from '../lab/stopped.js'
import { restOf } from '../resources/instance/describe.js'
import { stopInstance, untilStopped } from '../resources/instance/power.js'
import { type LabId, tagKeys } from '../resources/ownership.js'
import type { Context } from './context.js'
import type { OpenLab } from './open-lab.js'
import { withLock } from './with-lock.js'

export interface StoppedLab {
  lab: LabId
  instanceId: string
  /** False: it was already stopped. */
  changed: boolean
  since: number | undefined
  /** Monthly cost while stopped and while running; `running` follows the schedule if there is one. */
  cost: { stopped: Cost; running: Cost }
  /** When the schedule starts it again. */
  nextStart: number | undefined
  timezone: string | undefined
}

/** Stops a lab; its address and its data are kept. LabError `no-such-lab`. */
export async function stopLab(open: OpenLab, context: Context): Promise<StoppedLab> {
  const { clients, lab, stored } = open
  const { ec2 } = clients
  const { instanceId } = await findInstance(clients, lab, stored)
  return await withLock(open, 'stop', context, async (lock) => {
    // Another run may have stopped or started it meanwhile.
    const { state, rest } = await findInstance(clients, lab, stored)
    const known = rest && stoppedBy(rest, stored)
    const now = context.clock.now() + open.connection.clock.ms
    const task = { type: 'task', id: 'instance', name: `instance ${instanceId}` } as const
    const work = {
      clock: context.clock,
      signal: lock.signal,
      progress: (detail: string) => context.ui.emit({ ...task, state: 'progress', detail }),
    }
    if (known === undefined || known.by === 'unknown') {
      // Before the stop: if the run is killed in between, the tag is ignored while the instance runs.
      const Tags = [{ Key: tagKeys.stopped, Value: stoppedTag('stop', now) }]
      await ec2.send(new CreateTagsCommand({ Resources: [instanceId], Tags }))
    }
    if (state === 'stopped')
      return resultOf(open, context, { instanceId, changed: false, since: known?.since })
    context.ui.emit({ ...task, state: 'started', detail: 'stopping', usualMs: 40_000 })
    const stopped = await (state === 'stopping'
      ? untilStopped(ec2, instanceId, work)
      : stopInstance(ec2, instanceId, work))
    context.ui.emit({ ...task, state: 'done', detail: 'stopped' })
    const seen = restOf(stopped)
    return resultOf(open, context, {
      instanceId,
      changed: true,
      since: (seen && stoppedBy(seen, stored).since) ?? now,
    })
  })
}

function resultOf(
  { lab, stored }: OpenLab,
  { clock }: Context,
  result: Pick<StoppedLab, 'instanceId' | 'changed' | 'since'>,
): StoppedLab {
  const { instanceType, diskGb, schedule, limit } = stored ?? nothingChosen
  const about = { region: lab.region, instanceType, diskGb, addresses: 1 }
  return {
    lab,
    ...result,
    cost: {
      // Chat is not available while it is stopped.
      stopped: monthlyCost({ ...about, hours: 0, bounds: { limit: 0 } }),
      running: monthlyCost({ ...about, hours: hoursOf(stored ?? nothingChosen), bounds: { limit } }),
    },
    nextStart: schedule && nextOf(schedule, 'start', clock.now()),
    timezone: schedule?.timezone,
  }
}
