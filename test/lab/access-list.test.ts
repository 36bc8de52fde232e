import { describe, expect, it } from 'vitest'
import { type AccessEdit, checkedRange, editedAllow } from '../../src/lab/access-list.js'

const home = '81.2.69.160/32'
const office = '198.50.100.0/24'
const detected = { from: 'detected' as const, cidrs: [home], everyone: false }
const given = { from: 'given' as const, cidrs: [office, home], everyone: false }
const edit = (kind: AccessEdit['kind'], cidr: string, said: Partial<AccessEdit> = {}): AccessEdit => ({
  kind,
  cidr,
  allowEveryone: false,
  allowNobody: false,
  ...said,
})
const code = (work: () => unknown): string | undefined => {
  try {
    work()
  } catch (error) {
    return (error as { code: string }).code
  }
  return undefined
}

describe('a range that is added', () => {
  it('joins the others, and the list is no longer replaced by a detected address', () => {
    expect(editedAllow(detected, edit('add', office), [])).toEqual({
      from: 'given',
      cidrs: [office, home],
      everyone: false,
    })
  })

  it('changes nothing where a listed range contains it', () => {
    expect(editedAllow(given, edit('add', '198.50.100.7/32'), [])).toBe(given)
    expect(editedAllow(detected, edit('add', home), [])).toBe(detected)
  })

  it('is refused when the list would be wider than a /16, unless that is said', () => {
    expect(code(() => editedAllow(given, edit('add', '81.0.0.0/9'), []))).toBe('too-wide')
    const wide = editedAllow(given, edit('add', '81.0.0.0/9', { allowEveryone: true }), [])
    expect(wide).toMatchObject({ everyone: true, cidrs: [office, '81.0.0.0/9', home] })
  })

  it('is refused with the advice of this command, and not of up', () => {
    for (const text of ['foo', '10.0.0.1', '::1', '1.2.3.4/24']) {
      try {
        checkedRange(text)
        expect.unreachable(text)
      } catch (error) {
        expect(error).toMatchObject({ code: 'bad-cidr' })
        expect(JSON.stringify((error as { fix: unknown }).fix), text).not.toContain('--allow-cidr')
      }
    }
  })
})

describe('a range that is removed', () => {
  it('leaves the others', () => {
    expect(editedAllow(given, edit('remove', office), [])).toMatchObject({ from: 'given', cidrs: [home] })
  })

  it('takes the consent to a wide list with it, where the rest is narrow', () => {
    const wide = { from: 'given' as const, cidrs: ['0.0.0.0/0', home], everyone: true }
    expect(editedAllow(wide, edit('remove', '0.0.0.0/0'), [])).toMatchObject({ everyone: false })
  })

  it('must be one of the list, or be open still because a run was killed', () => {
    expect(code(() => editedAllow(given, edit('remove', '198.50.100.7/32'), []))).toBe('no-such-range')
    expect(code(() => editedAllow(given, edit('remove', '8.8.8.8/32'), []))).toBe('no-such-range')
    expect(editedAllow(given, edit('remove', '8.8.8.8/32'), ['8.8.8.8/32'])).toBe(given)
  })

  it('is not the last one, unless that is said', () => {
    expect(code(() => editedAllow(detected, edit('remove', home), []))).toBe('last-range')
    const nobody = editedAllow(detected, edit('remove', home, { allowNobody: true }), [])
    expect(nobody).toMatchObject({ from: 'given', cidrs: [] })
  })
})
