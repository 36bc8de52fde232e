import { expect, it } from 'vitest'
import { logRequest } from '../../src/app/logs.js'

const ui = { json: false }
const code = (work: () => unknown): string | undefined => {
  try {
    work()
  } catch (error) {
    return (error as { code: string }).code
  }
  return undefined
}

it('shows the last 200 lines, or all since a time, or as many as are named', () => {
  expect(logRequest('proxy', {}, ui)).toEqual({ service: 'proxy', follow: false, tail: '200' })
  expect(logRequest('proxy', { since: '2h' }, ui)).toMatchObject({ since: '2h', tail: 'all' })
  expect(logRequest('proxy', { since: '2h', tail: '10' }, ui)).toMatchObject({ since: '2h', tail: '10' })
})

it('takes durations and dates, in the form that Docker takes', () => {
  for (const [typed, since] of [
    ['90s', '90s'],
    ['90m', '90m'],
    // Docker knows no days.
    ['3d', '72h'],
    ['2026-11-26T08:00:00Z', '2026-11-26T08:00:00.000Z'],
    ['2026-11-26T08:00:00+02:00', '2026-11-26T06:00:00.000Z'],
    ['2026-11-26', '2026-11-26T00:00:00.000Z'],
  ] as const)
    expect(logRequest('librechat', { since: typed }, ui).since, typed).toBe(since)
})

it('refuses everything else, so that nothing of it reaches the host’s shell', () => {
  for (const since of ['yesterday', '2026-13-45', '-2h', '2h; id', '$(id)', '2026-11-26 $(id)', '', '1e9h'])
    expect(
      code(() => logRequest('proxy', { since }, ui)),
      since,
    ).toBe('bad-option')
  for (const tail of ['0', '-1', '1.5', 'ten', '10; id', '', '99999999'])
    expect(
      code(() => logRequest('proxy', { tail }, ui)),
      tail,
    ).toBe('bad-option')
  expect(code(() => logRequest('database', {}, ui))).toBe('no-such-service')
  expect(code(() => logRequest('proxy', { follow: true }, { json: true }))).toBe('bad-option')
})
