import { readFileSync, writeFileSync } from 'node:fs'
import { expect, it, vi } from 'vitest'
import { moveData } from '../../src/app/move-data.js'
import { freshLab, moveUsers, run, state, staysDescribed, there } from '../support/replacing.js'

vi.mock('../../src/app/move-data.js', () => ({ moveData: vi.fn() }))

it.each([
  ['the next up', false],
  ['the same command', true],
])(
  'a replacement that is killed after any of its calls is finished by %s, with all users',
  {
    timeout: 600_000,
  },
  async (_, isSame) => {
    vi.mocked(moveData).mockImplementation(moveUsers)
    await freshLab()
    const [old = ''] = there().ids
    const whole = readFileSync(state, 'utf8')
    const { calls } = await run({ replaceInstance: old })
    expect(calls.length).toBeGreaterThan(12)
    const failures: string[] = []
    for (const [index, call] of calls.entries()) {
      const fails = (what: string) => failures.push(`after ${call} (${index}): ${what}`)
      writeFileSync(state, whole)
      await run({ replaceInstance: old }, index + 1).then(
        () => index + 1 < calls.length && fails('it was not killed'),
        () => {},
      )
      if (!Object.values(there().users).some((users) => users.includes('ann@example.org'))) fails('data lost')
      if (isSame) staysDescribed(old)
      const again = await run(isSame ? { replaceInstance: old } : {}).catch((error) => error)
      const { ids, address, users } = there()
      if (again instanceof Error) fails(again.message)
      if (ids.length !== 1 || address !== ids[0]) fails(JSON.stringify(there()))
      if (users[ids[0] ?? '']?.join() !== 'ann@example.org') fails('its users are lost')
    }
    expect(failures).toEqual([])
  },
)
