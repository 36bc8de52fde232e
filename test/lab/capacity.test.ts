import { describe, expect, it } from 'vitest'
import { type CapacityQuestion, capacityOf } from '../../src/lab/capacity.js'

const GiB = 1024 ** 3
const calm = {
  cores: 2,
  load15: 0.2,
  busyShare: 0.05,
  stealShare: 0,
  uptimeSeconds: 3 * 86_400,
  oomKills: 0,
  memoryPressure: 0,
  restarts: { librechat: 0 },
}
const host = (load: Partial<typeof calm> | null, more: object = {}): CapacityQuestion => ({
  region: 'us-east-1',
  instanceType: 't3.medium',
  diskGb: 30,
  firstTokenMs: [400, 900],
  health: {
    disk: { totalBytes: 30 * GiB, freeBytes: 20 * GiB },
    memory: { totalBytes: 4 * GiB, availableBytes: 2 * GiB, swapTotalBytes: 0, swapFreeBytes: 0 },
    load: load && { ...calm, ...load },
  },
  ...more,
})
const codes = (question: CapacityQuestion) => capacityOf(question).limits.map(({ code }) => code)
const commands = (question: CapacityQuestion) => capacityOf(question).next.map(({ command }) => command)

describe('capacity advice', () => {
  it('gives no advice for a host with capacity, or one whose report does not measure it', () => {
    expect(capacityOf(host({}))).toEqual({ limits: [], next: [] })
    expect(capacityOf(host(null))).toEqual({ limits: [], next: [] })
  })

  it.each<[string, Partial<typeof calm>, string[]]>([
    ['processes were ended for lack of memory', { oomKills: 2 }, ['memory']],
    ['processes wait for memory', { memoryPressure: 14.2 }, ['memory']],
    ['every processor has a queue', { load15: 2.4 }, ['processor']],
    ['the set-up has just kept every processor busy', { load15: 2.4, uptimeSeconds: 900 }, []],
    ['CPU credits are used up', { stealShare: 0.08 }, ['credits']],
    ['a burstable type is above its baseline for days', { busyShare: 0.31 }, ['credits']],
    ['it has been above its baseline for an hour', { busyShare: 0.31, uptimeSeconds: 3600 }, []],
    ['a service was restarted again and again', { restarts: { librechat: 4 } }, ['restarts']],
  ])('sees that %s', (_, load, expected) => {
    expect(codes(host(load))).toEqual(expected)
  })

  it('has no credits to use up on a type that is not burstable', () => {
    expect(codes(host({ stealShare: 0.08, busyShare: 0.5 }, { instanceType: 'm7i.large' }))).toEqual([])
  })

  it('names the next size of the same family, with its price, and the cluster after the largest', () => {
    const medium = capacityOf(host({ oomKills: 1 }))
    expect(medium.next).toEqual([
      {
        text: expect.stringMatching(/^changes t3\.medium to the next size, for \$30\.37 more a month/),
        command: { path: 'up', flags: { 'instance-type': 't3.large' } },
      },
    ])
    const large = host({ oomKills: 1 }, { instanceType: 'm7g.large' })
    expect(commands(large)).toEqual([{ path: 'up', flags: { 'instance-type': 'm7g.xlarge' } }])
    for (const instanceType of ['t3.xlarge', 'm7i.4xlarge', 'c7i.metal-24xl'])
      expect(commands(host({ oomKills: 1 }, { instanceType })), instanceType).toEqual([
        { path: 'graduate', flags: { out: 'kubernetes' } },
      ])
  })

  it('advises a larger disk for a full disk, and no larger type', () => {
    const full = host({})
    full.health.disk.freeBytes = 2 * GiB
    expect(codes(full)).toEqual(['disk'])
    expect(commands(full)).toEqual([{ path: 'up', flags: { disk: '60' } }])
  })

  it('takes slow first words for the host’s fault only where something else is short', () => {
    expect(codes(host({}, { firstTokenMs: [11_000, 400] }))).toEqual([])
    const slow = host({}, { firstTokenMs: [11_000, 14_000] })
    expect(codes(slow)).toEqual(['first-token'])
    expect(commands(slow)).toEqual([{ path: 'status', flags: { chat: true } }])
    const both = host({ load15: 3 }, { firstTokenMs: [11_000] })
    expect(codes(both)).toEqual(['processor', 'first-token'])
    expect(commands(both)).toEqual([{ path: 'up', flags: { 'instance-type': 't3.large' } }])
  })
})
