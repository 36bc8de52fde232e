import type { Rest } from '../resources/instance/describe.js'
import { lastOf } from './schedule.js'
import type { Settings } from './settings.js'

/** Who stopped a lab; `unknown` if nothing shows that it was intended. */
type StoppedBy = 'stop' | 'schedule' | 'idle' | 'unknown'

export interface Stopped {
  by: StoppedBy
  /** Milliseconds since the epoch; undefined if EC2 gives none. */
  since: number | undefined
}

const minute = 60_000
/** Tolerance between the tag and the stop, for the call and for clocks that differ. */
const tagWithinMs = 15 * minute
/** Scheduler fires within a minute and retries for 15. */
const firesWithinMs = 17 * minute

/** The tag's value: who stopped it, and when. */
export const stoppedTag = (by: 'stop' | 'schedule' | 'idle', at: number): string =>
  `${by} ${new Date(at).toISOString()}`

/**
 * Why a stopped instance is stopped. Our own tag counts only for this stop: set after the last start, and no later
 * stop than it. A schedule leaves no trace, so a stop at its time is attributed to it; a shutdown from inside is
 * attributed to idle stop if that is on.
 */
export function stoppedBy(
  rest: Rest,
  settings: Pick<Settings, 'schedule' | 'idleStop'> | undefined,
): Stopped {
  const since = timeIn(rest.transition)
  const [, by, at = ''] = /^(stop|schedule|idle) (\S+)$/.exec(rest.tag) ?? []
  const tagged = Date.parse(at)
  const isOfThisStop =
    tagged >= rest.launchedAt - tagWithinMs && (since === undefined || since <= tagged + tagWithinMs)
  if (by && isOfThisStop) return { by: by as StoppedBy, since: since ?? tagged }
  if (rest.code === 'Client.InstanceInitiatedShutdown')
    return { by: settings?.idleStop ? 'idle' : 'unknown', since }
  if (settings?.schedule && since !== undefined) {
    const due = lastOf(settings.schedule, 'stop', since)
    if (due !== undefined && since - due < firesWithinMs) return { by: 'schedule', since }
  }
  return { by: 'unknown', since }
}

/** The time in "User initiated (2026-11-26 20:00:12 GMT)". */
function timeIn(transition: string): number | undefined {
  const [, date, time] = /\((\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) (?:GMT|UTC)\)/.exec(transition) ?? []
  return date ? Date.parse(`${date}T${time}Z`) : undefined
}
