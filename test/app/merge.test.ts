import { describe, expect, it } from 'vitest'
import { conflictsOf } from '../../src/app/up/merge.js'
import { withFirstUser } from '../../src/app/up/settle.js'
import { firstUserTask } from '../../src/lab/opening.js'
import { nothingChosen } from '../../src/lab/settings.js'

const base = {
  ...nothingChosen,
  allow: { from: 'detected' as const, cidrs: ['8.8.8.8/32'], everyone: false },
}

describe('two runs that choose at the same time', () => {
  const about = { base, theirs: base, mine: base, choices: {}, models: false }

  it('merge where they chose different settings', () => {
    const theirs = { ...base, allow: { from: 'given' as const, cidrs: ['81.2.70.0/24'], everyone: false } }
    expect(
      conflictsOf({ ...about, theirs, mine: { ...theirs, diskGb: 40 }, choices: { diskGb: 40 } }),
    ).toEqual([])
  })

  it('conflict where they chose one setting differently, and nowhere else', () => {
    const theirs = { ...base, diskGb: 50, instanceType: 't3.large' }
    const mine = { ...theirs, diskGb: 40 }
    expect(conflictsOf({ ...about, theirs, mine, choices: { diskGb: 40 } })).toEqual(['--disk'])
    expect(conflictsOf({ ...about, theirs, mine: theirs, choices: { diskGb: 50 } })).toEqual([])
  })

  it('do not conflict over an address that each found out for itself, or over another run’s defaults', () => {
    const theirs = { ...base, allow: { ...base.allow, cidrs: ['9.9.9.9/32'] } }
    expect(conflictsOf({ ...about, theirs, mine: base, choices: { allow: 'detect' } })).toEqual([])
    expect(
      conflictsOf({ ...about, base: undefined, mine: { ...base, diskGb: 40 }, choices: { diskGb: 40 } }),
    ).toEqual([])
  })
})

describe('the first user', () => {
  const wants = { ...base, email: 'me@example.org' }
  const host = { instanceType: 't3.medium' }

  it.each([
    ['created on a lab that is not there yet', wants, {}, false, 'create'],
    ['created on a host without users', wants, { ...host, users: 0 }, false, 'create'],
    ['left to the host where the users cannot be seen', wants, host, true, 'create'],
    ['not created beside other users', wants, { ...host, users: 2 }, true, 'none'],
    [
      'given a new password where the first was never shown',
      { ...wants, passwordDue: true as const },
      { ...host, users: 1 },
      false,
      'reset',
    ],
    ['none where there is no address', base, { ...host, users: 0 }, false, 'none'],
  ] as const)('is %s', (_, settings, actual, said, task) => {
    expect(firstUserTask(settings, actual, said)).toBe(task)
  })

  it('has a password due until it was shown, unless the user typed it', () => {
    const about = { stored: undefined, users: undefined, task: 'create' as const, typed: false }
    expect(withFirstUser(wants, about)).toMatchObject({ email: 'me@example.org', passwordDue: true })
    expect(withFirstUser(wants, { ...about, typed: true }).passwordDue).toBeUndefined()
    const due = { ...wants, passwordDue: true as const }
    expect(withFirstUser(due, { ...about, stored: due, users: 1, task: 'reset' }).passwordDue).toBe(true)
    expect(withFirstUser(due, { ...about, stored: due, users: undefined, task: 'none' }).passwordDue).toBe(
      true,
    )
  })

  it('is not stored on a lab that has users', () => {
    const about = { users: 2, task: 'none' as const, typed: false }
    expect(withFirstUser(wants, { ...about, stored: base }).email).toBeUndefined()
    expect(withFirstUser(wants, { ...about, stored: { ...base, email: 'old@example.org' } }).email).toBe(
      'old@example.org',
    )
  })
})
