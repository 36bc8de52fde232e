import { describe, expect, it, onTestFinished } from 'vitest'
import { DumpHost, first, hasPython } from '../support/dump-host.js'

function dumpHost(from?: DumpHost): DumpHost {
  const host = new DumpHost(from)
  onTestFinished(host.close)
  return host
}

describe.skipIf(!hasPython)('an update that is killed at each of its steps', { timeout: 600_000 }, () => {
  /** What the timer or the next boot does, when the dump has ended. */
  const recovers = (host: DumpHost) => {
    host.shell('flock lab/state/dump.lock true')
    host.dump('recover')
    expect(host.list('lab/state')).not.toContain('librechat-stopped')
  }
  const isPending = (host: DumpHost) => host.list('lab/state').includes('update.json')

  it.each([
    ['its rollback serves', 'rollback', first],
    ['the next run has LibreChat stopped', 'begin', undefined],
  ])('before its dump: %s', (_, next, serves) => {
    let call = 1
    for (; ; call++) {
      const host = dumpHost()
      host.fetchesImages('v0.8.9')
      if (!host.update('begin', call).reached) break
      recovers(host)
      const wasPending = isPending(host)
      if (wasPending && host.read('lab/state/update.json').includes('"dump"')) continue
      if (wasPending) expect(host.update(next).status).toBe(0)
      expect(host.served(), `killed at call ${call}`).toEqual(wasPending ? serves : first)
      expect(isPending(host)).toBe(wasPending && next === 'begin')
    }
    expect(call).toBeGreaterThan(8)
  })

  it('in its rollback: LibreChat runs with all data from before, or not at all', () => {
    const migrated = dumpHost()
    migrated.fetchesImages('v0.8.9')
    for (const step of ['begin', 'migrate']) expect(migrated.update(step).status).toBe(0)
    migrated.put('volumes/librechat-lab_mongodb/documents', 'migrated')
    let call = 1
    for (; ; call++) {
      const host = dumpHost(migrated)
      if (!host.update('rollback', call).reached) break
      recovers(host)
      expect([undefined, first], `killed at call ${call}`).toContainEqual(host.served())
      if (isPending(host)) host.update('rollback')
      expect([host.served(), isPending(host)], `killed at call ${call}`).toEqual([first, false])
    }
    expect(call).toBeGreaterThan(20)
  })
})
