import { describe, expect, it } from 'vitest'
import { Interrupted, LabError } from '../../src/core/error.js'
import { ensure, observe, plan, remove } from '../../src/engine/converge.js'
import type { Resource } from '../../src/engine/resource.js'
import { engineOptions, fakeResources } from './fake-resources.js'

const converge = async (graph: readonly Resource[], run = engineOptions()) => {
  const seen = await observe(graph)
  return await ensure(plan(graph, seen), seen, run.options)
}

describe('ensure', () => {
  it('creates what is missing, each resource after what it needs', async () => {
    const { log, resource, there } = fakeResources()
    const a = resource('a')
    const b = resource('b', [a])
    const c = resource('c', [b])
    await converge([a, b, c])
    expect(log).toEqual(['ensure a', 'ensured a', 'ensure b', 'ensured b', 'ensure c', 'ensured c'])
    expect([...there.keys()]).toEqual(['a', 'b', 'c'])
  })

  it('works concurrently on resources that do not depend on each other', async () => {
    const { log, resource } = fakeResources()
    const slow = { ensure: () => new Promise<void>((resolve) => setTimeout(resolve, 20)) }
    await converge([resource('a', [], slow), resource('b', [], slow)])
    expect(log.slice(0, 2)).toEqual(['ensure a', 'ensure b'])
  })

  it('starts the others only after the first resource, and not at all if that fails', async () => {
    const { log, resource, there } = fakeResources()
    const slow = { ensure: () => new Promise<void>((resolve) => setTimeout(resolve, 20)) }
    const settings = { ...resource('settings', [], slow), isFirst: true as const }
    // It has no code of its own that waits for the first one.
    const group = { ...resource('group'), after: [settings] }
    await converge([settings, group])
    expect(log).toEqual(['ensure settings', 'ensured settings', 'ensure group', 'ensured group'])
    there.clear()
    log.length = 0
    const failing = { ensure: () => Promise.reject(new Error('no')) }
    const refused = { ...resource('settings', [], failing), isFirst: true as const }
    await expect(converge([refused, { ...resource('group'), after: [refused] }])).rejects.toThrow('no')
    expect(log).toEqual(['ensure settings'])
  })

  it('does not change what is as it should be, and plans to keep it', async () => {
    const { log, resource, there } = fakeResources()
    const a = resource('a')
    const b = resource('b', [a])
    there.set('a', 'right')
    there.set('b', 'wrong')
    const seen = await observe([a, b])
    expect(plan([a, b], seen).map(({ action, id }) => [action, id])).toEqual([
      ['keep', 'a:right'],
      ['change', 'b:wrong'],
    ])
    await converge([a, b])
    expect(log).toEqual(['ensure b', 'ensured b'])
  })

  it('removes what is no longer wanted, and plans nothing once it is removed', async () => {
    const { log, resource, there } = fakeResources()
    const a = resource('a')
    const b = { ...resource('b', [a]), isUnwanted: true }
    expect(plan([a, b], await observe([a, b]))).toMatchObject([{ action: 'create' }])
    there.set('a', 'right')
    there.set('b', 'wrong')
    expect(plan([a, b], await observe([a, b])).map(({ action, id }) => [action, id])).toEqual([
      ['keep', 'a:right'],
      ['remove', 'b:wrong'],
    ])
    await converge([a, b])
    expect(log).toEqual(['remove b', 'removed b'])
    const byHand = { ...resource('c', [], { byHand: 'ask for it' }), isUnwanted: true }
    there.set('c', 'right')
    expect(plan([byHand], await observe([byHand]))).toMatchObject([{ action: 'keep' }])
  })

  it('does not change what only the user can change, and reports it', async () => {
    const { log, resource, there } = fakeResources()
    const a = resource('a', [], { byHand: 'buy another' })
    there.set('a', 'right')
    const items = plan([a], await observe([a]))
    expect(items).toMatchObject([{ action: 'keep', changes: [{ byHand: 'buy another' }] }])
    await converge([a])
    expect(log).toEqual([])
  })

  it('starts nothing new after a failure, finishes what is running, and throws the first failure', async () => {
    const { log, resource } = fakeResources()
    const run = engineOptions()
    const a = resource('a', [], { ensure: () => Promise.reject(new Error('no')) })
    const slow = resource('slow', [], { ensure: () => new Promise((resolve) => setTimeout(resolve, 20)) })
    const late = resource('late', [slow])
    await expect(converge([a, slow, late], run)).rejects.toThrow('no')
    expect(log).toEqual(['ensure a', 'ensure slow', 'ensured slow'])
    expect(run.events).toContainEqual(
      expect.objectContaining({ id: 'late', state: 'failed', detail: 'not started' }),
    )
  })

  it('observes again and continues after a lost answer', async () => {
    const { resource, there, log } = fakeResources()
    let lost = true
    const a = resource('a', [], {
      ensure: () => {
        if (!lost) return
        lost = false
        there.set('a', 'right')
        throw new Error('lost')
      },
    })
    const run = engineOptions((error) => (error as Error).message === 'lost')
    await converge([a], run)
    expect(log).toEqual(['ensure a', 'ensure a', 'ensured a'])
    expect(run.clock.slept).toEqual([250])
  })

  it('stops retrying when the error is no longer retryable', async () => {
    const { resource } = fakeResources()
    const a = resource('a', [], { ensure: () => Promise.reject(new Error('lost')) })
    const run = engineOptions((_, attempt) => attempt < 4)
    await expect(converge([a], run)).rejects.toThrow('lost')
    expect(run.clock.slept).toEqual([250, 500, 1000])
  })

  it('starts nothing after an interruption', async () => {
    const { log, resource } = fakeResources()
    const run = engineOptions()
    const a = resource('a', [], { ensure: () => run.controller.abort() })
    const b = resource('b', [a])
    await expect(converge([a, b], run)).rejects.toThrow(Interrupted)
    expect(log).toEqual(['ensure a', 'ensured a'])
  })
})

describe('observe', () => {
  it('observes each resource once, however many others ask for it', async () => {
    let looks = 0
    const { resource } = fakeResources()
    const a = resource('a', [], { observe: () => void looks++ })
    const asks: Resource = { ...resource('b'), observe: (seen) => seen(a) }
    await observe([a, asks, { ...asks, name: 'c' }])
    expect(looks).toBe(1)
  })

  it('throws a LabError rather than an unrelated failure', async () => {
    const { resource } = fakeResources()
    const fails = (name: string, error: Error) =>
      resource(name, [], {
        observe: () => {
          throw error
        },
      })
    const labError = new LabError({ code: 'unowned', what: 'Not ours.' })
    await expect(observe([fails('a', new Error('network')), fails('b', labError)])).rejects.toBe(labError)
  })

  it('counts a resource as absent where the caller accepts its error', async () => {
    const { resource } = fakeResources()
    const a = resource('a', [], {
      observe: () => {
        throw new LabError({ code: 'unowned', what: 'Not ours.' })
      },
    })
    const seen = await observe([a], (error) => error instanceof LabError)
    expect(seen.present).toEqual([])
  })
})

describe('an observation', () => {
  it('is not repeated for resources that are known', async () => {
    const { resource, there } = fakeResources()
    let looks = 0
    const a = resource('a', [], { observe: () => void looks++ })
    const b = resource('b', [a])
    there.set('a', 'right')
    const known = await observe([a])
    const all = await observe([a, b], undefined, known)
    expect([looks, all.of(a), all.of(b)]).toEqual([1, 'right', undefined])
  })

  it('can be used for another graph with the same names, and with another state', async () => {
    const { resource, there } = fakeResources()
    const [a, other] = [resource('a'), resource('a', [], { wants: 'left' })]
    there.set('a', 'right')
    const first = await observe([a])
    const second = first.in([other])
    expect(plan([other], second)).toMatchObject([
      { action: 'change', changes: [{ from: 'right', to: 'left' }] },
    ])
    expect([second.of(a), first.with(a, 'up').of(a), first.of(a)]).toEqual([undefined, 'up', 'right'])
  })
})

describe('a resource with tasks of its own', () => {
  it('is ensured like the others, and the engine reports no task for it', async () => {
    const { log, resource } = fakeResources()
    const a = resource('a')
    const b = { ...resource('b', [a]), hasOwnTasks: true as const }
    const { events, options } = engineOptions()
    const seen = await observe([a, b])
    await ensure(plan([a, b], seen), seen, options)
    expect(log).toEqual(['ensure a', 'ensured a', 'ensure b', 'ensured b'])
    expect(events.map((event) => event.type === 'task' && event.id)).not.toContain('b')
  })
})

describe('remove', () => {
  it('works in reverse order, and removes only what exists', async () => {
    const { log, resource, there } = fakeResources()
    const a = resource('a')
    const b = resource('b', [a])
    const c = resource('c', [b])
    there.set('a', 'right')
    there.set('c', 'right')
    await remove(await observe([a, b, c]), engineOptions().options)
    expect(log).toEqual(['remove c', 'removed c', 'remove a', 'removed a'])
  })

  it('keeps what an existing resource needs, and throws what failed', async () => {
    const { log, resource, there } = fakeResources()
    const a = resource('a')
    const b = resource('b', [a], { remove: () => Promise.reject(new Error('in use')) })
    there.set('a', 'right')
    there.set('b', 'right')
    await expect(remove(await observe([a, b]), engineOptions().options)).rejects.toThrow('in use')
    expect(log).toEqual(['remove b'])
  })

  it('retries after a lost answer', async () => {
    const { resource, there } = fakeResources()
    let lost = true
    const a = resource('a', [], {
      remove: () => {
        if (lost) {
          lost = false
          throw new Error('lost')
        }
      },
    })
    there.set('a', 'right')
    await remove(await observe([a]), engineOptions((_, attempt) => attempt < 3).options)
    expect(there.size).toBe(0)
  })
})
