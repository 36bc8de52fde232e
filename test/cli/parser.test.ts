import { expect, it } from 'vitest'
import { buildParser } from '../../src/cli/parser.js'

it.each([
  ['destroy --backup a.backup --no-backup', '--backup and --no-backup contradict each other'],
  ['destroy --no-backup --backup a.backup', '--no-backup and --backup contradict each other'],
  ['up --budget 50 --no-budget', '--budget and --no-budget contradict each other'],
  ['destroy --backup --rehearse', '--backup needs a value; --rehearse is an option'],
  ['tunnel --name --json', '--name needs a value; --json is an option'],
])('%s is refused before anything runs', async (line, what) => {
  const ran: string[] = []
  const parser = buildParser(
    '0.0.0',
    async ({ name }) => void ran.push(name),
    async () => {},
  )
  await expect(parser.parseAsync(line.split(' '), { from: 'user' })).rejects.toMatchObject({
    code: 'bad-usage',
    message: expect.stringContaining(what),
  })
  expect(ran).toEqual([])
})
