import { stripVTControlCharacters } from 'node:util'
import displayWidth from 'fast-string-width'
import { expect, it } from 'vitest'
import { renderHint } from '../../src/cli/render-hint.js'
import { cut, plainSpaces, unbroken, wrap } from '../../src/ui/style.js'
import { columns } from '../../src/ui/table.js'

it('aligns a table by what a terminal shows, not by the number of characters', () => {
  const lines = columns([
    ['山田太郎', 'yamada@example.org'],
    ['Zoë', 'zoe@example.org'],
    ['\u001b[36mBo\u001b[39m', 'bo@example.org'],
  ])
  const starts = lines.map((line) => displayWidth(line.slice(0, line.search(/[a-z]+@/))))
  expect(starts).toEqual([10, 10, 10])
})

it('cuts a text to its display width', () => {
  expect(cut('山田太郎', 5)).toBe('山田…')
  expect(cut('plain', 5)).toBe('plain')
})

it.for([50, 80, 120])('keeps commands and URLs whole at %d columns', (width) => {
  const { hint } = renderHint({}, () => ({ name: 'team-a', region: 'eu-west-1', profile: 'my own' }))
  const url = 'https://eu-west-1.console.aws.amazon.com/systems-manager/session-manager/i-0123456789abcdef0'
  const lines = wrap(
    hint([
      '  443 does not answer from here although the host is healthy. Run ',
      { path: 'up', flags: { 'allow-cidr': ['detect'] } },
      ` to fix it, or see ${url}. `,
      { path: 'tunnel' },
      ' works without an open port.',
    ]),
    width,
  ).split('\n')
  const command = "librechat-lab up --name team-a --profile 'my own' --region eu-west-1 --allow-cidr detect"
  expect(lines.some((line) => line.includes(command))).toBe(true)
  expect(lines.some((line) => line.includes(url))).toBe(true)
  expect(lines.some((line) => line.includes("librechat-lab tunnel --name team-a --profile 'my own'"))).toBe(
    true,
  )
})

it('breaks wide text by its display width and keeps the indentation', () => {
  expect(wrap('  一二三 四五六 七八九', 12)).toBe('  一二三\n    四五六\n    七八九')
})

it('breaks the last cell of a table within its column, and gives the column up where it gets too narrow', () => {
  expect(wrap('  models     Opus, Sonnet, Haiku', 34)).toBe('  models     Opus, Sonnet, Haiku')
  expect(wrap('  models     Opus, Sonnet, Haiku, Nova', 33)).toBe(
    '  models     Opus, Sonnet, Haiku,\n             Nova',
  )
  expect(wrap('  models     Opus, Sonnet, Haiku, Nova', 30)).toBe('  models  Opus, Sonnet,\n    Haiku, Nova')
  expect(stripVTControlCharacters(wrap('\u001b[2m  a text of one cell\u001b[22m', 16))).toBe(
    '  a text of\n    one cell',
  )
})

it('puts what a command does below it where both are too long for a line', () => {
  const command = '  librechat-lab portainer password --region us-east-1 --rehearse'.replace(
    /(?<=\S) /g,
    unbroken,
  )
  expect(wrap(`${command}  Show the password of Portainer’s admin`, 80)).toBe(
    `${plainSpaces(command)}\n    Show the password of Portainer’s admin`,
  )
  const colored = `  \u001b[36m${command.trim()}\u001b[39m  Show the password of Portainer’s admin`
  expect(stripVTControlCharacters(wrap(colored, 80)).split('\n')[1]).toBe(
    '    Show the password of Portainer’s admin',
  )
  expect(wrap('  a disk      30 GB at $0.08            $2.40', 40)).toBe('  a disk  30 GB at $0.08  $2.40')
})

it('breaks a fingerprint between bytes where the terminal is narrow, and leaves it whole elsewhere', () => {
  const half = '63:1F:08:14:0B:24:B7:27:4D:12:DF:3C:37:A1:A8:0C'
  expect(wrap(`    ${half}`, 40)).toBe('    63:1F:08:14:0B:24:B7:27\n    4D:12:DF:3C:37:A1:A8:0C')
  expect(wrap(`    ${half}`, 80)).toBe(`    ${half}`)
})
