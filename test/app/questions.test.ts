import { expect, it } from 'vitest'
import type { Questions } from '../../src/app/context.js'
import { askUseCase } from '../../src/app/use-case-form.js'
import { parseUseCase } from '../../src/bedrock/use-case.js'

/** Answers every question, and keeps what the checks say about bad answers. */
function answering(tries: readonly string[]): { questions: Questions; said: string[] } {
  const said: string[] = []
  const refuse = async () => {
    throw new Error('not asked here')
  }
  const questions: Questions = {
    confirm: async () => true,
    input: async ({ validate }) => {
      for (const text of tries) {
        const judged = validate?.(text) ?? true
        if (judged !== true) said.push(judged)
      }
      return 'https://example.org'
    },
    select: async ({ choices: [first] }) => {
      if (!first) throw new Error('nothing to choose from')
      return first.value
    },
    password: refuse,
    checkbox: refuse,
  }
  return { questions, said }
}

/** Words of the validation library, which mean nothing to a person. */
const raw = /Too (small|big)|expected|Invalid|received|string to have/i

it('the use-case form says what to enter, never the validation library’s text', async () => {
  const { questions, said } = answering(['', 'x'.repeat(9000), 'example.org'])
  await askUseCase(questions)
  expect(said).toContain('Enter a value.')
  expect(said).toContain('Enter a URL such as https://example.org.')
  expect(said).toContain('Enter at least 10 characters.')
  expect(said).toContain('Enter at most 128 characters.')
  expect(said.filter((text) => raw.test(text))).toEqual([])
})

it.for(['', '[]', '{"companyName":5}', '{"other":1}', '{"intendedUsers":"9","companyWebsite":"x"}'])(
  'a use-case file %s is refused in words',
  (text) => {
    expect(() => parseUseCase(text, 'form.json')).toThrow(
      expect.objectContaining({ code: 'bad-use-case-file', why: expect.not.stringMatching(raw) }),
    )
  },
)
