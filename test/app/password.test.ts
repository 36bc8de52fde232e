import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import type { Context } from '../../src/app/context.js'
import { givenPassword } from '../../src/app/password.js'
import type { Event } from '../../src/core/event.js'

/** A context whose user types these, or whose standard input holds this. */
function context(given: { typed?: string[]; piped?: string; isTTY?: boolean }) {
  const events: Event[] = []
  const typed = [...(given.typed ?? [])]
  const made = {
    stdin: Object.assign(Readable.from([Buffer.from(given.piped ?? '')]), { isTTY: given.isTTY ?? false }),
    ui: {
      emit: (event: Event) => events.push(event),
      password: async ({ validate }: { validate: (text: string) => true | string }) => {
        const text = typed.shift() ?? ''
        expect(validate(text)).toBe(true)
        return text
      },
    },
  } as unknown as Context
  return { context: made, events, typed }
}

const code = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: { code: string }) => error.code,
  )

it('a password that is typed is asked for twice, until both are the same', async () => {
  const {
    context: at,
    events,
    typed,
  } = context({
    typed: ['correct horse', 'correct hores', 'correct horse', 'correct horse'],
  })
  expect(await givenPassword('a@example.org', { askPassword: true }, at)).toBe('correct horse')
  expect(events).toEqual([{ type: 'warning', text: 'The two passwords differ.' }])
  expect(typed).toEqual([])
})

it('a password on standard input loses the line end behind it, and nothing else', async () => {
  for (const [piped, password] of [
    ['correct horse\n', 'correct horse'],
    ['correct horse\r\n', 'correct horse'],
    [' correct horse ', ' correct horse '],
    ['pässwörter 🐎🐎', 'pässwörter 🐎🐎'],
  ] as const) {
    const given = givenPassword('a@example.org', { passwordStdin: true }, context({ piped }).context)
    expect(await given).toBe(password)
  }
})

it('a password that LibreChat would refuse, a terminal, and both ways at once are refused', async () => {
  const stdin = { passwordStdin: true }
  expect(await code(givenPassword('a@b.c', stdin, context({ piped: 'short' }).context))).toBe('bad-password')
  expect(await code(givenPassword('a@b.c', stdin, context({ piped: '' }).context))).toBe('bad-password')
  expect(await code(givenPassword('a@b.c', stdin, context({ piped: 'x'.repeat(5000) }).context))).toBe(
    'bad-password',
  )
  expect(await code(givenPassword('a@b.c', stdin, context({ isTTY: true }).context))).toBe('bad-option')
  const both = { passwordStdin: true, askPassword: true }
  expect(await code(givenPassword('a@b.c', both, context({}).context))).toBe('bad-option')
})

it('without either flag the host generates one', async () => {
  expect(await givenPassword('a@b.c', {}, context({}).context)).toBeUndefined()
})
