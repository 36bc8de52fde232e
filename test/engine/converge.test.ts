import { describe, expect, it } from 'vitest'
import { Interrupted, LabError } from '../../src/core/error.js'
import { ensure, observe, plan, remove } from '../../src/engine/converge.js'
import type { Resource } from '../../src/engine/resource.js'
import { surroundings, world } from './made.js'

const converge = async (graph: readonly Resource[], around = surroundings()) => {
  const seen = await observe(graph)
  return await ensure(plan(graph, seen), seen, around.options)
}

describe('making', () => {
  it('makes what is missing, each after what it needs', async () => {
    const { diary, thing, there } = world()
    const a = thing('a')
    const b = thing('b', [a])
    const c = thing('c', [b])
    await converge([a, b, c])
    expect(diary).toEqual(['ensure a', 'made a', 'ensure b', 'made b', 'ensure c', 'made c'])
    expect([...there.keys()]).toEqual(['a', 'b', 'c'])
  })

  it('does concurrently what does not depend on each other', async () => {
    const { diary, thing } = world()
    const slow = { ensure: () => new Promise<void>((resolve) => setTimeout(resolve, 20)) }
    await converge([thing('a', [], slow), thing('b', [], slow)])
    expect(diary.slice(0, 2)).toEqual(['ensure a', 'ensure b'])
  })

  it('begins nothing of the others before what comes first, and nothing at all where that fails', async () => {
    const { diary, thing, there } = world()
    const slow = { ensure: () => new Promise<void>((resolve) => setTimeout(resolve, 20)) }
    const settings = { ...thing('settings', [], slow), isFirst: true as const }
    // The engine asks a resource for nothing else: this one waits for nothing by itself.
    const group = { ...thing('group'), after: [settings] }
    await converge([settings, group])
    expect(diary).toEqual(['ensure settings', 'made settings', 'ensure group', 'made group'])
    there.clear()
    diary.length = 0
    const failing = { ensure: () => Promise.reject(new Error('no')) }
    const refused = { ...thing('settings', [], failing), isFirst: true as const }
    await expect(converge([refused, { ...thing('group'), after: [refused] }])).rejects.toThrow('no')
    expect(diary).toEqual(['ensure settings'])
  })

  it('touches nothing that is as it should be, and says so in the plan', async () => {
    const { diary, thing, there } = world()
    const a = thing('a')
    const b = thing('b', [a])
    there.set('a', 'right')
    there.set('b', 'wrong')
    const seen = await observe([a, b])
    expect(plan([a, b], seen).map(({ action, id }) => [action, id])).toEqual([
      ['keep', 'a:right'],
      ['change', 'b:wrong'],
    ])
    await converge([a, b])
    expect(diary).toEqual(['ensure b', 'made b'])
  })

  it('removes what is no longer wanted, after what it needs, and plans nothing where it is gone', async () => {
    const { diary, thing, there } = world()
    const a = thing('a')
    const b = { ...thing('b', [a]), isUnwanted: true }
    expect(plan([a, b], await observe([a, b]))).toMatchObject([{ action: 'create' }])
    there.set('a', 'right')
    there.set('b', 'wrong')
    expect(plan([a, b], await observe([a, b])).map(({ action, id }) => [action, id])).toEqual([
      ['keep', 'a:right'],
      ['remove', 'b:wrong'],
    ])
    await converge([a, b])
    expect(diary).toEqual(['remove b', 'gone b'])
  })

  it('leaves alone what only the user can change, and still reports it', async () => {
    const { diary, thing, there } = world()
    const a = thing('a', [], { byHand: 'buy another' })
    there.set('a', 'right')
    const items = plan([a], await observe([a]))
    expect(items).toMatchObject([{ action: 'keep', changes: [{ byHand: 'buy another' }] }])
    await converge([a])
    expect(diary).toEqual([])
  })

  it('begins nothing new after a failure, finishes what is under way, and throws the first failure', async () => {
    const { diary, thing } = world()
    const around = surroundings()
    const a = thing('a', [], { ensure: () => Promise.reject(new Error('no')) })
    const slow = thing('slow', [], { ensure: () => new Promise((resolve) => setTimeout(resolve, 20)) })
    const late = thing('late', [slow])
    await expect(converge([a, slow, late], around)).rejects.toThrow('no')
    expect(diary).toEqual(['ensure a', 'ensure slow', 'made slow'])
    expect(around.events).toContainEqual(
      expect.objectContaining({ id: 'late', state: 'failed', detail: 'not started' }),
    )
  })

  it('looks again and goes on where an answer was lost', async () => {
    const { thing, there, diary } = world()
    let lost = true
    const a = thing('a', [], {
      ensure: () => {
        if (!lost) return
        lost = false
        there.set('a', 'right')
        throw new Error('lost')
      },
    })
    const around = surroundings((error) => (error as Error).message === 'lost')
    await converge([a], around)
    expect(diary).toEqual(['ensure a', 'ensure a', 'made a'])
    expect(around.clock.slept).toEqual([250])
  })

  it('stops asking again when it is told to', async () => {
    const { thing } = world()
    const a = thing('a', [], { ensure: () => Promise.reject(new Error('lost')) })
    const around = surroundings((_, attempt) => attempt < 4)
    await expect(converge([a], around)).rejects.toThrow('lost')
    expect(around.clock.slept).toEqual([250, 500, 1000])
  })

  it('begins nothing once it was interrupted', async () => {
    const { diary, thing } = world()
    const around = surroundings()
    const a = thing('a', [], { ensure: () => around.controller.abort() })
    const b = thing('b', [a])
    await expect(converge([a, b], around)).rejects.toThrow(Interrupted)
    expect(diary).toEqual(['ensure a', 'made a'])
  })
})

describe('looking', () => {
  it('looks once at each, however many ask', async () => {
    let looks = 0
    const { thing } = world()
    const a = thing('a', [], { observe: () => void looks++ })
    const asks: Resource = { ...thing('b'), observe: (seen) => seen(a) }
    await observe([a, asks, { ...asks, name: 'c' }])
    expect(looks).toBe(1)
  })

  it('prefers an error for the user to an unrelated failure', async () => {
    const { thing } = world()
    const fails = (name: string, error: Error) =>
      thing(name, [], {
        observe: () => {
          throw error
        },
      })
    const word = new LabError({ code: 'unowned', what: 'Not ours.' })
    await expect(observe([fails('a', new Error('network')), fails('b', word)])).rejects.toBe(word)
  })

  it('takes for absent what it is told to', async () => {
    const { thing } = world()
    const a = thing('a', [], {
      observe: () => {
        throw new LabError({ code: 'unowned', what: 'Not ours.' })
      },
    })
    const seen = await observe([a], (error) => error instanceof LabError)
    expect(seen.present).toEqual([])
  })
})

describe('what was observed', () => {
  it('is not asked for again where it is known', async () => {
    const { thing, there } = world()
    let looks = 0
    const a = thing('a', [], { observe: () => void looks++ })
    const b = thing('b', [a])
    there.set('a', 'right')
    const known = await observe([a])
    const all = await observe([a, b], undefined, known)
    expect([looks, all.of(a), all.of(b)]).toEqual([1, 'right', undefined])
  })

  it('holds for another graph of the same names, and with another state', async () => {
    const { thing, there } = world()
    const [a, other] = [thing('a'), thing('a', [], { wants: 'left' })]
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
  it('is applied like the others, and the engine reports no line for it', async () => {
    const { diary, thing } = world()
    const a = thing('a')
    const b = { ...thing('b', [a]), hasOwnTasks: true as const }
    const { events, options } = surroundings()
    const seen = await observe([a, b])
    await ensure(plan([a, b], seen), seen, options)
    expect(diary).toEqual(['ensure a', 'made a', 'ensure b', 'made b'])
    expect(events.map((event) => event.type === 'task' && event.id)).not.toContain('b')
  })
})

describe('removing', () => {
  it('goes the other way round, and takes only what is there', async () => {
    const { diary, thing, there } = world()
    const a = thing('a')
    const b = thing('b', [a])
    const c = thing('c', [b])
    there.set('a', 'right')
    there.set('c', 'wrong')
    await remove(await observe([a, b, c]), surroundings().options)
    expect(diary).toEqual(['remove c', 'gone c', 'remove a', 'gone a'])
  })

  it('leaves what something still there needs, and says what failed', async () => {
    const { diary, thing, there } = world()
    const a = thing('a')
    const b = thing('b', [a], { remove: () => Promise.reject(new Error('in use')) })
    there.set('a', 'right')
    there.set('b', 'right')
    await expect(remove(await observe([a, b]), surroundings().options)).rejects.toThrow('in use')
    expect(diary).toEqual(['remove b'])
  })

  it('tries again what was only lost', async () => {
    const { thing, there } = world()
    let lost = true
    const a = thing('a', [], {
      remove: () => {
        if (lost) {
          lost = false
          throw new Error('lost')
        }
      },
    })
    there.set('a', 'right')
    await remove(await observe([a]), surroundings((_, attempt) => attempt < 3).options)
    expect(there.size).toBe(0)
  })
})
