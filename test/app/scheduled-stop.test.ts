import { expect, it } from 'vitest'
import type { Context } from '../../src/app/context.js'
import type { OpenLab } from '../../src/app/open-lab.js'
import { warnOfStop } from '../../src/app/scheduled-stop.js'

const schedule = { start: '08:00', stop: '20:00', days: ['thu'], timezone: 'Europe/Berlin' }

/** The warnings of a long task that begins at this time on a Thursday, in UTC. */
function warnings(time: string, stored: object = { schedule }, aheadMs = 0): string[] {
  const said: string[] = []
  const open = { stored, connection: { clock: { ms: aheadMs } } } as unknown as OpenLab
  const clock = { now: () => Date.parse(`2026-11-26T${time}Z`) }
  const ui = { emit: ({ text }: { text: string }) => void said.push(text) }
  warnOfStop(open, { clock, ui } as unknown as Context)
  return said
}

it('a long task warns within half an hour before the schedule stops the lab', () => {
  expect(warnings('18:29:00')).toEqual([])
  expect(warnings('18:48:10')).toEqual([
    expect.stringMatching(/^The schedule stops this lab in 12 minutes\. .* up to 150 seconds/),
  ])
  expect(warnings('18:59:50')).toEqual([expect.stringContaining('in 1 minute.')])
  expect(warnings('19:00:01')).toEqual([])
  expect(warnings('18:59:00', {})).toEqual([])
  // By AWS's clock, where this machine's is wrong.
  expect(warnings('17:59:00', { schedule }, 3_600_000)).toHaveLength(1)
})
