import { PutParameterCommand } from '@aws-sdk/client-ssm'
import { describe, expect, it } from 'vitest'
import { type LockOptions, takeLock } from '../../src/lab/lock.js'
import { processSpace } from '../../src/lab/lock-holder.js'
import { awsError, handClock, parameterStore } from './parameter-store.js'

const parameter = '/librechat-lab/default/lock'
/** No process has this pid: it is above what Linux gives out. */
const noProcess = 2 ** 22 + 1

function setUp(space: string | undefined = 'here') {
  const store = parameterStore()
  const clock = handClock()
  const options = (id: string): LockOptions => ({
    ssm: store.ssm,
    parameter,
    mine: { id, who: `${id}@laptop`, command: 'up', since: '', process: { space: 'here', pid: 1 } },
    space,
    clock,
    signal: new AbortController().signal,
    onWait: () => {},
  })
  const held = () => JSON.parse(store.there.get(parameter)?.value ?? 'null')
  const write = (holder: object) => {
    const version = (store.there.get(parameter)?.version ?? 0) + 1
    store.there.set(parameter, { value: JSON.stringify(holder), version })
  }
  return { store, clock, options, held, write }
}

const holder = { id: 'other', who: 'ana@laptop', command: 'up', since: '' }

describe('the lock', () => {
  it.each([
    ['of the same host name and another process id', { ...holder, machine: 'laptop', pid: noProcess }],
    [
      'of a container with the same pid on another kernel',
      { ...holder, process: { space: 'there', pid: noProcess } },
    ],
    ['that names no process', holder],
  ])('%s is never taken over while it is renewed', async (_, other) => {
    const { clock, options, held, write } = setUp()
    write(other)
    let taken = false
    void takeLock(options('mine')).then(
      () => {
        taken = true
      },
      () => {},
    )
    for (let n = 0; n < 10; n += 1) {
      await clock.advance(15_000)
      write(other)
    }
    expect(taken).toBe(false)
    expect(held().id).toBe('other')
  })

  it('of a process that has ended in this very process space is taken over immediately', async () => {
    const { clock, options, held, write } = setUp()
    write({ ...holder, process: { space: 'here', pid: noProcess } })
    const taking = takeLock(options('mine'))
    await clock.advance(1_000)
    const lock = await taking
    expect(held().id).toBe('mine')
    await lock.release()
  })

  it('that is not renewed for a minute is taken over', async () => {
    const { clock, options, held, write } = setUp()
    write(holder)
    const taking = takeLock(options('mine'))
    await clock.advance(63_000)
    const lock = await taking
    expect(lock.waited).toBe(true)
    expect(held().id).toBe('mine')
    await lock.release()
  })

  it.each(['TooManyUpdates', 'ThrottlingException', 'InternalServerError'])(
    'is renewed again after %s',
    async (name) => {
      const { store, clock, options } = setUp()
      const lock = await takeLock(options('mine'))
      const status = name === 'InternalServerError' ? 500 : 400
      store.failing.push({ command: 'PutParameter', error: awsError(name, status) })
      await clock.advance(15_000)
      const before = store.there.get(parameter)?.version ?? 0
      await clock.advance(30_000)
      expect(store.there.get(parameter)?.version).toBeGreaterThan(before)
      expect(lock.signal.aborted).toBe(false)
      await lock.release()
      expect(store.there.size).toBe(0)
    },
  )

  it('is reported lost when a renewal is refused for good', async () => {
    const { store, clock, options } = setUp()
    const lock = await takeLock(options('mine'))
    store.failing.push({ command: 'PutParameter', error: awsError('AccessDeniedException') })
    await clock.advance(15_000)
    expect(lock.signal.reason).toMatchObject({ code: 'lock-lost', exitCode: 2 })
    await expect(lock.check()).rejects.toMatchObject({ code: 'lock-lost' })
  })

  it.each([
    ['another run holds', (write: (h: object) => void) => write(holder)],
    [
      'another run took, used and removed',
      (_: unknown, there: Map<string, unknown>) => there.delete(parameter),
    ],
  ])(
    'that %s while this machine slept fails the next check, before any timer has run',
    async (_, meanwhile) => {
      const { store, clock, options, write } = setUp()
      const lock = await takeLock(options('mine'))
      clock.jump(3_600_000)
      meanwhile(write, store.there)
      await expect(lock.check()).rejects.toMatchObject({ code: 'lock-lost' })
      await lock.release()
      expect(store.there.get(parameter)?.value ?? '').not.toContain('mine')
    },
  )

  it('that another run took while this machine slept is not removed at the end', async () => {
    const { store, clock, options, write } = setUp()
    const lock = await takeLock(options('mine'))
    clock.jump(3_600_000)
    write(holder)
    await lock.release()
    expect(store.there.get(parameter)?.value).toContain('other')
  })

  it('that another run takes between the reading and the writing of a renewal is given back to it', async () => {
    const { store, clock, options, held } = setUp()
    const theirs = {
      Name: parameter,
      Value: JSON.stringify(holder),
      Type: 'String' as const,
      Overwrite: true,
    }
    let meanwhile = 0
    const send = async (command: never) => {
      const isRenewal = (command as { input: { Overwrite?: boolean } }).input.Overwrite === true
      if (isRenewal && meanwhile++ === 0) await store.ssm.send(new PutParameterCommand(theirs))
      return await store.ssm.send(command)
    }
    const lock = await takeLock({ ...options('mine'), ssm: { send } as never })
    await clock.advance(15_000)
    await expect(lock.check()).rejects.toMatchObject({ code: 'lock-lost' })
    await lock.release()
    expect(held().id).toBe('other')
  })

  it.each([
    ['somebody deleted it', /deleted the lock/, (there: Map<string, unknown>) => there.delete(parameter)],
    [
      'another run holds it',
      /ana@laptop has taken over/,
      (there: Map<string, unknown>) => there.set(parameter, { value: JSON.stringify(holder), version: 9 }),
    ],
  ])(
    'is known to be lost at a check a few seconds after %s, long before the renewal',
    async (_, what, act) => {
      const { store, clock, options } = setUp()
      const lock = await takeLock(options('mine'))
      act(store.there)
      clock.jump(5_000)
      await expect(Promise.all([lock.check(), lock.check()])).rejects.toMatchObject({
        code: 'lock-lost',
        message: expect.stringMatching(what),
      })
    },
  )

  it('survives a check that AWS answers with a passing error, until its renewal is overdue', async () => {
    const { store, clock, options } = setUp()
    const lock = await takeLock(options('mine'))
    clock.jump(5_000)
    store.failing.push({ command: 'GetParameter', error: awsError('ThrottlingException') })
    await lock.check()
    clock.jump(30_000)
    store.failing.push({ command: 'GetParameter', error: awsError('ThrottlingException') })
    await expect(lock.check()).rejects.toMatchObject({ name: 'ThrottlingException' })
    await lock.check()
    await lock.release()
  })

  it('asks AWS nothing at a check while it is fresh', async () => {
    const { store, options } = setUp()
    const lock = await takeLock(options('mine'))
    const before = store.calls.length
    await lock.check()
    expect(store.calls.length).toBe(before)
    await lock.release()
  })

  it('names a process space where Linux tells one', () => {
    if (process.platform === 'linux') expect(processSpace()).toMatch(/^[0-9a-f-]{36} pid:\[\d+\]$/)
    else expect(processSpace()).toBeUndefined()
  })
})
