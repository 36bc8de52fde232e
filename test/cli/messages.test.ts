import { expect, it } from 'vitest'
import { type Message, messages } from './messages.js'

/** The rooms in the order in which a newcomer meets them. */
const rooms: Record<string, string> = {
  aws: 'What AWS says',
  bedrock: 'The models',
  lab: 'What a lab is to be',
  resources: 'What a lab is made of',
  host: 'The host',
  tunnel: 'The tunnel, the shell and the logs',
  commands: 'The commands',
  ui: 'The terminal',
  engine: 'Making and mending',
}

it('docs/messages.md has every message of the program: vitest -u writes it anew', async () => {
  const all = messages()
  expect(all.length).toBeGreaterThan(60)
  expect(all.filter(({ room }) => !(room in rooms))).toEqual([])
  const parts = Object.entries(rooms).flatMap(([room, title]) => {
    const own = all.filter((message) => message.room === room)
    return own.length > 0 ? [`## ${title}`, ...own.map(shown)] : []
  })
  const head =
    '# Every message, and what to do about it\n\nWritten from the source by `npx vitest run test/cli/messages.test.ts -u`. An ellipsis stands for what only your run knows.'
  await expect(`${[head, ...new Set(parts)].join('\n\n')}\n`).toMatchFileSnapshot('../../docs/messages.md')
})

const shown = ({ what, why, fix }: Message): string =>
  [`### ${what}`, ...(why && why !== '…' ? [why] : []), fix.map((step) => `- ${step}`).join('\n')]
    .filter(Boolean)
    .join('\n\n')
    .replace(/</g, '&lt;')
