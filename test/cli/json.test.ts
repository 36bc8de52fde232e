import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type * as z from 'zod'
import { leaves } from './leaves.js'
import { rehearsal, run } from './program.js'
import { shapes } from './shapes.js'

const place = rehearsal()

/** Runs a command with --json: stdout must be one line, one object of exactly this shape. */
async function json(args: readonly string[], shape: z.ZodType, code = 0) {
  const ended = await (isTold(args) ? run([...args, '--json']) : place.run([...args, '--json']))
  expect(ended, ended.stderr).toMatchObject({ code })
  expect(ended.stdout).toMatch(/^\{.*\}\n$/)
  expect(shape.safeParse(ended.json()).error?.issues).toBeUndefined()
  return ended
}

/** What calls nothing has nothing to rehearse. */
const isTold = ([name]: readonly string[]) => ['policy', 'completion', 'help'].includes(name ?? '')

const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-json-'))
afterAll(() => rmSync(folder, { recursive: true }))
const [file, passphrase] = [join(folder, 'lab.backup'), join(folder, 'passphrase.txt')]
writeFileSync(passphrase, 'four random words here\n')

/** With a lab there: each command line, its shape and its exit code. */
const withLab: [line: string, shape: z.ZodType, code?: number][] = [
  ['up --yes', shapes.up],
  ['up --yes --dry-run --disk 40', shapes.plan],
  ['status', shapes.status],
  ['update --check', shapes.update],
  ['update', shapes.update],
  ['status --chat', shapes.status],
  ['list', shapes.list],
  ['list --all-regions', shapes.list],
  ['models', shapes.models],
  ['doctor', shapes.doctor],
  ['access list', shapes.access],
  ['access add 8.8.8.8 --yes', shapes.accessChange],
  ['access remove 8.8.8.8 --yes --dry-run', shapes.accessChange],
  ['access remove 192.88.99.7', shapes.error, 1],
  ['user add you@example.org', shapes.userAdd],
  ['user list', shapes.userList],
  ['user reset-password you@example.org', shapes.user],
  ['user remove you@example.org --confirm you@example.org', shapes.userRemove],
  ['user remove you@example.org', shapes.error, 1],
  ['user allowance', shapes.error, 1],
  ['up --yes --allowance 10 --limit 50', shapes.up],
  ['user allowance', shapes.userAllowance],
  ['user allowance me@example.org 2.50', shapes.userAllowance],
  ['portainer password', shapes.portainerPassword],
  ['portainer password --reset', shapes.portainerPassword],
  [`backup ${file} --passphrase-file ${passphrase}`, shapes.backup],
  [`backup verify ${file} --passphrase-file ${passphrase}`, shapes.verified],
  [`backup ${file}`, shapes.error, 1],
  [`restore ${file} --passphrase-file ${passphrase} --confirm default`, shapes.restored],
  ['backup --snapshot', shapes.snapshot],
  [`backup --to s3://my-backups/lab --passphrase-file ${passphrase}`, shapes.s3Backup],
  ['backup --to s3://no-such-bucket', shapes.error, 1],
  ['backup list', shapes.dumps],
  [
    `graduate --out ${join(folder, 'k8s')} --host chat.example.org --mongodb mongodb://db.example.org`,
    shapes.graduate,
  ],
  ['graduate --out /nowhere/k8s', shapes.error, 1],
  ['backup remove 20260101T000000Z-snapshot --confirm default', shapes.error, 1],
  ['address policy', shapes.policy],
  ['open portainer', shapes.open],
  ['usage', shapes.usage],
  ['usage --open', shapes.usage],
  ['usage --csv', shapes.error, 1],
  ['usage --month 2999-01', shapes.error, 1],
  ['schedule set --start 08:00 --stop 20:00 --timezone Europe/Berlin', shapes.schedule],
  ['schedule show', shapes.schedule],
  ['stop', shapes.stop],
  ['status', shapes.status],
  ['open', shapes.error, 1],
  ['start', shapes.start],
  ['schedule off', shapes.schedule],
  ['schedule set', shapes.error, 1],
  ['logs proxy', shapes.logs],
  ['policy', shapes.policy],
  ['completion bash', shapes.completion],
  ['completion zsh', shapes.completion],
  ['completion fish', shapes.completion],
  ['help', shapes.help],
  ['help user add', shapes.help],
  ['help costs', shapes.help],
  ['destroy --dry-run', shapes.destroy],
  ['destroy', shapes.error, 1],
  ['destroy --confirm other', shapes.error, 1],
]

describe('--json with a lab there', () => {
  beforeAll(async () => {
    await json(['up', '--yes', '--email', 'me@example.org'], shapes.up)
  }, 60_000)
  afterAll(async () => {
    await json(['destroy', '--confirm', 'default'], shapes.destroy)
    await json(['status'], shapes.statusOfKeptAddress, 3)
    await json(['destroy', '--confirm', 'default', '--release-address', '203.0.113.10'], shapes.destroy)
    await json(['status'], shapes.error, 3)
  })

  it.for(withLab)('%s', async ([line, shape, code]) => {
    await json(line.split(' '), shape, code)
  })

  it('tunnel reports where it listens once it is open', async () => {
    const { child, said, ended } = place.start(['tunnel', '--json'])
    while (!said.stdout.includes('\n')) await once(child.stdout, 'data')
    child.kill('SIGINT')
    expect((await ended).code).toBe(130)
    expect(shapes.tunnel.safeParse(JSON.parse(said.stdout)).error).toBeUndefined()
  })

  it('is held for every command there is, save the shell, which is a terminal', () => {
    const held = withLab.map(([line]) => line)
    const missing = leaves
      .map(({ path }) => path.join(' '))
      .filter((path) => !held.some((line) => line === path || line.startsWith(`${path} `)))
    expect(missing).toEqual(['tunnel', 'shell'])
  })
})

/** What a command takes as its first word, where that is not an e-mail address. */
const aWord: Record<string, string> = { access: '8.8.8.8', restore: '20260101T020000Z-nightly' }

describe.concurrent('--json where there is nothing', () => {
  const none = rehearsal()
  const lines = leaves
    .filter(({ node }) => node.command?.callsAws)
    .map(({ path, node }) => [
      ...path,
      ...(node.command?.args[0]?.name.startsWith('<') ? [aWord[path[0] ?? ''] ?? 'me@example.org'] : []),
    ])
    .map((words) =>
      words[0] === 'user' && words[1] === 'remove' ? [...words, '--confirm', 'me@example.org'] : words,
    )
    .map((words) =>
      words.join(' ') === 'schedule set'
        ? [...words, '--start', '08:00', '--stop', '20:00', '--timezone', 'Europe/Berlin']
        : words,
    )
    .map((words) => (words[0] === 'graduate' ? [...words, '--out', join(folder, 'nothing')] : words))
    .filter(([name]) => !['up', 'list', 'models', 'doctor', 'destroy', 'shell'].includes(name ?? ''))

  it.for(lines.map((words) => words.join(' ')))('%s is an error of the same shape', async (line) => {
    const ended = await none.run([...line.split(' '), '--json'])
    expect(ended.code).toBe(3)
    expect(shapes.error.safeParse(ended.json()).error).toBeUndefined()
  })

  it('shell says that it cannot be JSON', async () => {
    const ended = await none.run(['shell', '--json'])
    expect(ended.code).toBe(1)
    expect(shapes.error.safeParse(ended.json()).error).toBeUndefined()
    expect(ended.json()).toMatchObject({ error: { code: 'bad-option' } })
  })
})

describe.concurrent('--json of a wrong command line', () => {
  it.for([
    'stauts',
    'up --diskk 40',
    'user',
    'user add',
    'completion powershell',
    'help nothing',
    'up --disk 3',
    'up --scenario no-such-scenario',
    'status --region moon-1',
  ])('%s', async (line) => {
    const ended = await run([...line.split(' '), '--json'])
    expect(ended.code).toBe(1)
    expect(shapes.error.safeParse(ended.json()).error).toBeUndefined()
  })
})
