import { describe, expect, it } from 'vitest'
import { fitted } from '../../src/ui/prompts.js'

/** What the library writes of a question before an answer is typed. */
const asked = (message: string, shown: string, columns: number) =>
  `? ${fitted(message, shown, columns)} ${shown}`.split('\n')

const long = 'How many dollars may each user spend on models in each month of the year ("none": no limit)?'

describe('a question', () => {
  it('stays as it is where it fits, with its default', () => {
    expect(asked('How many GB of disk?', '(30)', 80)).toEqual(['? How many GB of disk? (30)'])
  })

  it('is broken between words, in line with its begin', () => {
    expect(asked(long, '(none)', 80)).toEqual([
      '? How many dollars may each user spend on models in each month of the year',
      '  ("none": no limit)? (none)',
    ])
  })

  it('has its default on a line of its own where the two do not fit', () => {
    const message = `${'x'.repeat(70)}?`
    expect(asked(message, '(none)', 80)).toEqual([`? ${message}`, '  (none)'])
    expect(asked(message, '(5)', 80)).toEqual([`? ${message} (5)`])
  })

  it.each([40, 60, 80, 100])('is never wider than %i columns', (columns) => {
    for (let length = 20; length <= long.length; length++)
      for (const line of asked(long.slice(-length), '(none)', columns))
        expect(line.length).toBeLessThanOrEqual(columns)
  })
})
