import { describe, expect, it, onTestFinished } from 'vitest'
import { DumpHost, first, hasPython, second } from '../support/dump-host.js'

function dumpHost(from?: DumpHost): DumpHost {
  const host = new DumpHost(from)
  onTestFinished(host.close)
  return host
}

// A run, an end and a recovery for each step: some hundred processes.
describe.skipIf(!hasPython).each([
  ['killed', 'KILL'],
  ['ended by a shutdown', 'TERM'],
  ['left by Docker', 'docker'],
] as const)('the host’s program for dumps, %s at each of its steps', { timeout: 600_000 }, (how, what) => {
  it('leaves LibreChat running', () => {
    const host = dumpHost()
    for (let call = 1; host.endedAt(what, call, 'make', 'nightly'); call++) {
      host.dump('recover')
      expect(host.served(), `${how} at call ${call}`).toEqual(first)
    }
    // What was left half made is removed by the next one.
    host.dump('make', 'nightly')
    expect(host.list('dumps').filter((name) => name.endsWith('.part'))).toEqual([])
  })

  it('leaves all of the old data or all of the restored data', () => {
    const host = dumpHost()
    const id = host.changed()
    const seen = new Set<string | undefined>()
    for (let call = 1; host.endedAt(what, call, 'restore', id); call++) {
      host.dump('recover')
      const served = host.served()
      expect([first, second], `${how} at call ${call}`).toContainEqual(served)
      seen.add(served?.key)
    }
    expect(seen).toEqual(new Set(['old', 'new']))
    expect(host.dump('restore', id).status).toBe(0)
    expect(host.list('volumes')).toHaveLength(4)
  })
})

// The stand-in's MongoDB stays on the volumes that it was started with.
describe.skipIf(!hasPython)('a dump that follows a killed restore at once', { timeout: 600_000 }, () => {
  it('holds the old data or the restored data, never a mixture', () => {
    const states = [first, second].map(({ search, ...data }) => data)
    const changed = dumpHost()
    // The migrations of an older dump run on the new volumes.
    const id = changed.changed('v0.8.6')
    for (const next of ['restore', 'backup'])
      for (let call = 1, reached = true; reached; call++) {
        const host = dumpHost(changed)
        reached = host.endedAt('KILL', call, 'restore', id)
        const before = host.list('dumps')
        const when = `killed at call ${call}, then ${next}`
        const { status, stderr } = next === 'restore' ? host.dump('restore', id) : host.dump('make', 'backup')
        expect({ status, stderr }, when).toEqual({ status: 0, stderr: '' })
        for (const made of host.list('dumps').filter((name) => !before.includes(name)))
          expect(states, when).toContainEqual(host.holds(made))
        expect(next === 'restore' ? [first] : [first, second], when).toContainEqual(host.served())
        if (next === 'restore') expect(host.list('volumes'), when).toHaveLength(4)
      }
  })
})
