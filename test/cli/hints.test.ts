import { CommanderError } from 'commander'
import { expect, it } from 'vitest'
import type { GlobalOptions } from '../../src/app/context.js'
import { buildParser } from '../../src/cli/parser.js'
import { usageErrors } from '../../src/cli/usage-errors.js'
import { leaves } from './leaves.js'
import { rehearsal, runWith } from './program.js'

const lab = ['--name', 'team-a', '--region', 'eu-west-1']

/** Every command line that a text names, up to where its prose or the next one begins. */
const linesIn = (text: string): string[] =>
  [...text.matchAll(/librechat-lab ((?!\d)[a-z][^\n"`]*?)(?= {2,}|\\n|[\n"`]|$|\. |, or |; | \.{3})/gm)].map(
    ([, line = '']) => line,
  )

/** The words of a line with what a person puts in for a placeholder. */
const typed = (line: string): string[] =>
  line
    .replace(/<id>,<id>|<ids>/g, 'amazon.nova-pro-v1:0')
    .replace(/<(your )?e-?mail>/g, 'me@example.org')
    .replace(/<range>/g, '8.8.8.8')
    .replace(/[.,;:)]+$/, '')
    .split(' ')
    .filter(Boolean)

/** What the parser takes of a command line; the complaint where it takes nothing. */
async function parsed(words: readonly string[]): Promise<{ options: GlobalOptions; path: string } | string> {
  let found: { options: GlobalOptions; path: string } | undefined
  const root = buildParser(
    '0.0.0',
    async ({ name }, options) => {
      found = { path: name, options }
    },
    async () => {
      found = { path: 'help', options: {} }
    },
  )
  const misuse = usageErrors(root, words)
  try {
    await root.parseAsync([...words], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.code === 'commander.helpDisplayed') return { path: 'help', options: {} }
    return misuse(error, true)?.message ?? error.message
  }
  return found ?? 'nothing was run'
}

/** A line may go on in prose: its longest beginning that parses. */
async function longest(words: readonly string[]) {
  for (let length = words.length; length > 0; length--) {
    const some = words.slice(0, length).map((word) => word.replace(/[.,;:)]+$/, ''))
    const found = await parsed(some)
    if (typeof found !== 'string') return { words: some, ...found }
  }
  return undefined
}

it('every example in help is a command line that the parser takes', async () => {
  for (const { node } of leaves) {
    for (const [line] of node.examples) expect(await parsed(line.split(' ')), line).toBeTypeOf('object')
  }
})

/** What people do in one lab, in order; each says something about what to do next. */
const situations: string[][] = [
  ['status'],
  ['list'],
  ['doctor'],
  ['models'],
  ['tunnel'],
  ['open'],
  ['up', '--dry-run', '--yes'],
  ['up'],
  ['up', '--yes', '--disk', '3'],
  ['up', '--yes', '--scenario', 'earthquake'],
  // The others end well.
  ...(['no-default-vpc', 'address-quota', 'credentials-expired', 'stage-failing'] as const).map((name) => [
    'up',
    '--yes',
    '--scenario',
    name,
  ]),
  ['up', '--yes', '--create-default-vpc'],
  ['up', '--yes'],
  ['up', '--yes', '--replace-instance', 'i-0123456789abcdef0'],
  ['update', '--check'],
  ['status'],
  ['status', '--scenario', 'busy-host'],
  ['graduate', '--out', '/nowhere/kubernetes'],
  ['graduate', '--out', '/etc', '--host', 'chat.example.org', '--mongodb', 'mongodb://db.example.org'],
  ['graduate', '--out', '/nowhere/kubernetes', '--host', 'x y'],
  ['usage'],
  ['usage', '--month', '2999-01'],
  ['user', 'allowance'],
  ['up', '--yes', '--limit', '1', '--trusted-certificate', '--scenario', 'certificate-refused'],
  ['status', '--scenario', 'certificate-refused'],
  ['up', '--yes', '--allowance', '5', '--no-limit'],
  ['user', 'allowance'],
  ['up', '--yes', '--allowance', 'x'],
  ['up', '--yes', '--alert', 'you@example.org'],
  ['up', '--yes', '--budget', 'x'],
  ['up', '--yes', '--budget', '20', '--alert', 'you@example.org'],
  ['status'],
  ['up', '--yes', '--no-budget'],
  ['user', 'list'],
  ['access', 'list'],
  ['access', 'add', '1.2.3.4'],
  ['access', 'add', '0.0.0.0/0', '--yes'],
  ['access', 'remove', '192.88.99.7', '--yes'],
  ['access', 'remove', '8.8.8.8', '--yes'],
  ['user', 'add', 'me@example.org'],
  ['user', 'add', 'me@example.org', '--json'],
  ['portainer', 'password'],
  ['schedule', 'set', '--start', '08:00', '--stop', '20:00', '--timezone', 'UTC'],
  ['schedule', 'show'],
  ['stop'],
  ['status'],
  ['open'],
  ['start'],
  ['schedule', 'off'],
  ['logs', 'database'],
  ['logs', '--follow', '--json'],
  ['tunnel', '--plugin', '--sessions', '4'],
  ['tunnel', '--sessions', 'x'],
  ['backup', 'list'],
  ['backup', '--snapshot'],
  ['backup', 'list'],
  ['backup', '--snapshot', 'lab.backup'],
  ['backup', '--to', 's3://my-backups/lab', 'lab.backup'],
  ['backup', '--to', 's3://my-backups/*'],
  ['backup', 's3://my-backups/lab'],
  ['restore', 's3://my-backups/lab/a.backup'],
  ['backup', 'remove', '20260101T000000Z-snapshot'],
  ['backup', '/nowhere/lab.backup'],
  ['backup', 'verify', '/nowhere/lab.backup'],
  ['restore', '/etc/hostname'],
  ['restore', '20260101T020000Z-nightly', '--confirm', 'other'],
  ['restore', '20260101T020000Z-nightly', '--confirm', 'team-a'],
  ['address', 'policy'],
  ['address', 'policy', '--attach-to-role', 'AWSReservedSSO_Admin'],
  ['policy', 'nothing'],
  ['destroy'],
  ['destroy', '--confirm', 'other'],
  ['destroy', '--dry-run'],
  ['destroy', '--backup', '/nowhere/lab.backup', '--confirm', 'team-a'],
  ['destroy', '--confirm', 'team-a'],
  ['status'],
]

it('every command that the program names can be typed as it stands', { timeout: 300_000 }, async () => {
  const { env } = rehearsal()
  const named = new Map<string, string>()
  for (const words of situations) {
    const { stdout, stderr } = await runWith([...words, ...lab, '--rehearse'], env)
    for (const line of linesIn(`${stdout}\n${stderr.replace(/^librechat-lab \d.*$/m, '')}`))
      named.set(line, words.join(' '))
  }
  expect(named.size).toBeGreaterThan(15)
  const done = new Set<string>()
  for (const [line, by] of named) {
    const found = await longest(typed(line))
    expect(found, `${line} (named by ${by})`).toBeDefined()
    if (!found || found.path === 'help' || ['policy', 'completion'].includes(found.path)) continue
    // It speaks of the same lab, in the same account.
    expect(found.options, `${line} (named by ${by})`).toMatchObject({ rehearse: true, region: 'eu-west-1' })
    // What never ends, and what differs from another in its values alone, is not run.
    const kind = found.words.filter((word, i) => i === 0 || word.startsWith('--')).join(' ')
    if (['tunnel', 'shell'].includes(found.path) || kind.includes('--follow') || done.has(kind)) continue
    done.add(kind)
    const ended = await runWith([...found.words, '--json'], env)
    const { error } = ended.json<{ error?: { code: string } }>()
    expect(['bad-usage', 'bad-option', 'unexpected'], `${line} (named by ${by})`).not.toContain(error?.code)
  }
})
