import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { shellQuote } from '../../src/core/shell.js'

it.each([
  'plain',
  '',
  'two words',
  "it's",
  "'; touch /tmp/x; '",
  '$(id) `id` $HOME',
  'back\\slash',
  'line\nbreak',
  '~root',
  '=ls',
  '*',
  '-n',
  'a=b',
  '"quoted"',
  'é☃',
])('a shell reads %j as exactly one word', (word) => {
  const read = execFileSync('sh', ['-c', `printf '%s\\0' ${shellQuote(word)}`], { encoding: 'utf8' })
  expect(read).toBe(`${word}\0`)
})

it('leaves a plain word as it is, so that a printed command stays easy to read', () => {
  for (const word of [
    'me@example.org',
    'us-east-1',
    '81.2.69.0/24',
    'arn:aws:iam::1:role/x',
    '--models=a,b',
  ]) {
    expect(shellQuote(word)).toBe(word)
  }
  expect(shellQuote('=ls')).toBe("'=ls'")
})
