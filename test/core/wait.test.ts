import { describe, expect, it } from 'vitest'
import { Interrupted } from '../../src/core/error.js'
import { poll, retryWhile, waitFor } from '../../src/core/wait.js'
import { fastClock } from '../engine/fake-resources.js'

const wait = (clock = fastClock(), signal = new AbortController().signal) => ({
  for: 'the kettle to boil',
  deadlineMs: 10_000,
  clock,
  signal,
})

describe('waitFor', () => {
  it('asks at growing distances until there is an answer', async () => {
    const clock = fastClock()
    let asked = 0
    const answer = await waitFor(wait(clock), async () => (++asked === 4 ? 'hot' : undefined))
    expect(answer).toBe('hot')
    expect(clock.slept).toEqual([500, 750, 1125])
  })

  it('names what it waited for at the deadline', async () => {
    const error = await waitFor(wait(), async () => undefined).catch((e) => e)
    expect(error).toMatchObject({ code: 'deadline', fault: 'aws' })
    expect(error.message).toMatch(/the kettle to boil/)
  })

  it('stops as soon as it is interrupted', async () => {
    const controller = new AbortController()
    controller.abort()
    const waits = waitFor(wait(fastClock(), controller.signal), async () => undefined)
    await expect(waits).rejects.toThrow(Interrupted)
  })
})

describe('retryWhile', () => {
  it('goes on while the failure is the expected one', async () => {
    let tries = 0
    const action = async () => {
      if (++tries < 3) throw new Error('not yet')
      return tries
    }
    expect(await retryWhile(wait(), (e) => (e as Error).message === 'not yet', action)).toBe(3)
  })

  it('throws any other failure at once, and the expected one at the deadline', async () => {
    const clock = fastClock()
    const fails = (message: string) => () => Promise.reject(new Error(message))
    const expected = (e: unknown) => (e as Error).message === 'not yet'
    await expect(retryWhile(wait(clock), expected, fails('broken'))).rejects.toThrow('broken')
    expect(clock.slept).toEqual([])
    await expect(retryWhile(wait(clock), expected, fails('not yet'))).rejects.toThrow('not yet')
    expect(clock.now()).toBeGreaterThanOrEqual(10_000)
  })
})

it('polls to its deadline and gives nothing then', async () => {
  const clock = fastClock()
  expect(await poll({ ...wait(clock), firstMs: 3_000, maxMs: 3_000 }, async () => undefined)).toBeUndefined()
  expect(clock.slept).toEqual([3_000, 3_000, 3_000, 3_000])
})
