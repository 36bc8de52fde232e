import { describe, expect, it } from 'vitest'
import { checkedSchedule } from '../../src/lab/schedule.js'
import { stoppedBy, stoppedTag } from '../../src/lab/stopped.js'

const at = (text: string) => Date.parse(`2026-11-26T${text}Z`)
const user = 'Client.UserInitiatedShutdown'
const inside = 'Client.InstanceInitiatedShutdown'
const rest = (transition: string, more: { code?: string; tag?: string; launched?: string } = {}) => ({
  launchedAt: at(more.launched ?? '07:00:00'),
  transition: `User initiated (2026-11-26 ${transition} GMT)`,
  code: more.code ?? user,
  tag: more.tag ?? '',
})
const schedule = checkedSchedule({ start: '08:00', stop: '20:00', days: 'daily', timezone: 'UTC' })

describe('why a lab is stopped', () => {
  it('is our own stop, by its tag', () => {
    const tag = stoppedTag('stop', at('18:00:00'))
    expect(stoppedBy(rest('18:00:05', { tag }), undefined)).toEqual({ by: 'stop', since: at('18:00:05') })
    // Stopped by somebody else first, and then said to be meant.
    expect(stoppedBy(rest('12:00:00', { tag }), undefined).by).toBe('stop')
    expect(stoppedBy({ ...rest('', { tag }), transition: '' }, undefined)).toEqual({
      by: 'stop',
      since: at('18:00:00'),
    })
  })

  it('does not count before the last start, or if the stop is not right after its tag', () => {
    const tag = stoppedTag('stop', at('06:00:00'))
    expect(stoppedBy(rest('18:00:00', { tag }), undefined).by).toBe('unknown')
    const killed = stoppedTag('stop', at('08:00:00'))
    expect(stoppedBy(rest('18:00:00', { tag: killed }), undefined).by).toBe('unknown')
  })

  it.each(['stop', 'stop yesterday', 'nonsense 2026-11-26T18:00:00Z', 'stop\n2026'])(
    'is not a tag that nobody of ours wrote: %j',
    (tag) => {
      expect(stoppedBy(rest('18:00:00', { tag }), undefined).by).toBe('unknown')
    },
  )

  it('is its schedule within a quarter of an hour of its time, and nothing later', () => {
    expect(stoppedBy(rest('20:00:40'), { schedule }).by).toBe('schedule')
    expect(stoppedBy(rest('20:15:30'), { schedule }).by).toBe('schedule')
    expect(stoppedBy(rest('20:20:00'), { schedule }).by).toBe('unknown')
    expect(stoppedBy(rest('19:59:00'), { schedule }).by).toBe('unknown')
    expect(stoppedBy(rest('20:00:40'), {}).by).toBe('unknown')
  })

  it('is idleness where the host shut itself down and idle stop is on', () => {
    expect(stoppedBy(rest('15:00:00', { code: inside }), { idleStop: 120 }).by).toBe('idle')
    expect(stoppedBy(rest('15:00:00', { code: inside }), {}).by).toBe('unknown')
    // At the time of the schedule as well.
    expect(stoppedBy(rest('20:00:10', { code: inside }), { schedule }).by).toBe('unknown')
  })
})
