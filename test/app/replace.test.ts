import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { moveData } from '../../src/app/move-data.js'
import { runHere } from '../rehearsal/in-process.js'
import { edit, freshLab, moveUsers, run, state, staysDescribed, there } from '../support/replacing.js'

// The data's way is a test of its own: here it is the host's users that move.
vi.mock('../../src/app/move-data.js', () => ({ moveData: vi.fn() }))

const move = vi.mocked(moveData)
beforeEach(async () => {
  move.mockReset()
  move.mockImplementation(moveUsers)
  await freshLab()
})

describe('an instance that is replaced', () => {
  it('hands over its data, then the address, and then goes', async () => {
    const [old = ''] = there().ids
    const seen: object[] = []
    move.mockImplementation(async (...given) => {
      await moveUsers(given[0], given[1])
      seen.push(there())
    })
    const { code, calls, tookMs } = await run({ replaceInstance: old })
    expect(code).toBe(0)
    expect(tookMs).toBeGreaterThan(0)
    const [next = ''] = there().ids
    expect(there()).toMatchObject({ ids: [next], address: next, users: { [next]: ['ann@example.org'] } })
    expect(next).not.toBe(old)
    // While the data moves both run, and the address still points to the old one.
    expect(seen).toMatchObject([{ address: old, states: { [old]: 'running', [next]: 'running' } }])
    const order = ['RunInstances', 'StopInstances', 'AssociateAddress', 'TerminateInstances']
    expect(calls.filter((call) => order.includes(call))).toEqual(order)
    // A look at the host.
    expect((await run({})).calls).toEqual(['SendCommand'])
  })

  it('keeps the address and everything where the new one does not answer', async () => {
    const [old = ''] = there().ids
    move.mockRejectedValue(new Error('the connection is gone'))
    await expect(run({ replaceInstance: old })).rejects.toThrow('the connection is gone')
    expect(there()).toMatchObject({
      address: old,
      states: { [old]: 'running' },
      users: { [old]: ['ann@example.org'] },
    })
  })

  it('loses its data only where that is said', async () => {
    const [old = ''] = there().ids
    await expect(run({ replaceInstance: 'i-00000000', discardData: true })).rejects.toMatchObject({
      code: 'not-the-instance',
    })
    expect((await run({ replaceInstance: old, discardData: true })).code).toBe(0)
    expect(move).not.toHaveBeenCalled()
    expect(there().ids).not.toContain(old)
    await expect(run({ discardData: true })).rejects.toMatchObject({ code: 'not-replaced' })
  })

  it('is not replaced while its host can’t be reached', async () => {
    const [old = ''] = there().ids
    edit((instances) => {
      const instance = instances[old]
      if (instance) instance.onlineAt = Number.MAX_SAFE_INTEGER
    })
    await expect(run({ replaceInstance: old })).rejects.toMatchObject({ code: 'data-unreachable' })
    expect(there().ids).toEqual([old])
  })

  it('is updated first where its versions are older', async () => {
    const [old = ''] = there().ids
    edit((instances) => {
      const instance = instances[old]
      if (instance) instance.host.librechat = 'v0.8.7'
    })
    await expect(run({ replaceInstance: old })).rejects.toMatchObject({ code: 'update-first' })
    expect(there().ids).toEqual([old])
  })

  it('keeps its place in status and destroy while its data has not moved', async () => {
    const [old = ''] = there().ids
    move.mockRejectedValue(new Error('the connection is gone'))
    await expect(run({ replaceInstance: old })).rejects.toThrow('the connection is gone')
    const [next = ''] = there().ids.filter((id) => id !== old)
    const shown = async (line: string) =>
      (await runHere(line.split(' '), { folder: join(state, '../..') })).stdout
    const status = await shown('status --rehearse')
    expect(status).toContain(`replacement of ${old}, which still has the data: is interrupted`)
    expect(status).not.toContain('terminated')
    const plan = await shown('destroy --dry-run --rehearse')
    expect(plan).toMatch(new RegExp(`instance ${old}.*\\n.*contains every user`))
    expect(plan).toMatch(new RegExp(`root volume of ${next}\\).*\\n.*gets the data of ${old}`))
  })

  it.each([
    ['RunInstances', {}],
    ['AssociateAddress', {}],
    // The first user is created again, which --yes wants to hear.
    ['TerminateInstances', { discardData: true, email: 'ann@example.org' }],
  ])('killed after %s with %j: the same command goes on', async (call, how) => {
    const [old = ''] = there().ids
    const command = { replaceInstance: old, ...how }
    const whole = readFileSync(state, 'utf8')
    const { calls } = await run(command)
    writeFileSync(state, whole)
    await expect(run(command, calls.lastIndexOf(call) + 1)).rejects.toThrow()
    staysDescribed(old)
    expect((await run(command)).code).toBe(0)
    const { ids, address, users } = there()
    expect(ids).toEqual([address])
    expect(ids).not.toContain(old)
    if (!('discardData' in how)) expect(users[ids[0] ?? '']).toEqual(['ann@example.org'])
  })
})
