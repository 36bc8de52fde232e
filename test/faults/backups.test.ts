import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Account } from '../../src/rehearsal/account.js'
import { quickClock, runHere } from '../rehearsal/in-process.js'
import { watched } from '../support/replacing.js'

const work = mkdtempSync(join(tmpdir(), 'librechat-lab-kills-'))
afterAll(() => rmSync(work, { recursive: true }))
const whole = join(work, 'whole')
const pass = join(work, 'pass.txt')
const clock = quickClock()

const accountIn = (folder: string): Account =>
  JSON.parse(readFileSync(join(folder, 'librechat-lab/rehearsal.json'), 'utf8'))
/** What must hold of the lab after each run that ended well. */
function standing(folder: string) {
  const account = accountIn(folder)
  const { instances, parameters, snapshots } = account.regions['us-east-1'] as Account['regions'][string]
  const hosts = Object.values(instances).map(({ host }) => host)
  return {
    users: hosts.map(({ users }) => users.map(([email]) => email)),
    librechat: hosts.map(({ librechat }) => librechat),
    policies: Object.values(account.roles).map(({ inline }) => Object.keys(inline)),
    // The lock of a run that ends in this process is not a dead one's: killed.test.ts is about locks.
    parameters: Object.keys(parameters).filter((name) => !name.endsWith('/lock')),
    snapshots: Object.keys(snapshots ?? {}).length,
  }
}
const run = (line: string, folder: string, calls: string[] = [], kill?: number) =>
  runHere([...line.replaceAll('$HERE', folder).split(' '), '--rehearse'], {
    folder,
    clock,
    through: (connection) => watched(connection, calls, kill),
  })

beforeAll(async () => {
  writeFileSync(pass, 'four random words\n')
  const done = async (line: string) => {
    const ended = await run(line, whole)
    expect(ended.code, `${line}\n${ended.stderr}`).toBe(0)
  }
  await done('up --yes --email ann@example.org --scenario older-librechat')
  await done(`backup $HERE/lab.backup --passphrase-file ${pass}`)
  // A restore brings ann back alone, and leaves a dump of the two.
  await done('user add bob@example.org')
  await done(`restore $HERE/lab.backup --confirm default --passphrase-file ${pass}`)
  await done('user add bob@example.org')
  await done('backup --snapshot')
}, 120_000)

const dump = () => {
  const [host] = Object.values(accountIn(whole).regions['us-east-1']?.instances ?? {})
  return host?.host.dumps?.[0]?.id ?? ''
}
const snapshot = () => {
  const [made] = Object.values(accountIn(whole).regions['us-east-1']?.snapshots ?? {})
  return made?.tags['librechat-lab:snapshot'] ?? ''
}

it.each<[string, () => string, Partial<ReturnType<typeof standing>>]>([
  ['backup', () => `backup $HERE/new.backup --passphrase-file ${pass}`, {}],
  ['backup --to', () => `backup --to s3://bucket/prefix --passphrase-file ${pass}`, {}],
  ['backup --snapshot', () => 'backup --snapshot', { snapshots: 2 }],
  ['backup remove', () => `backup remove ${snapshot()} --confirm default`, { snapshots: 0 }],
  [
    'restore <file>',
    () => `restore $HERE/lab.backup --confirm default --passphrase-file ${pass}`,
    { users: [['ann@example.org']] },
  ],
  ['restore <dump>', () => `restore ${dump()} --confirm default`, {}],
  ['update', () => 'update --yes', { librechat: [undefined] }],
])('%s, killed after each of its changing calls, is done by the same command', async (_, line, changed) => {
  const wanted = { ...standing(whole), ...changed }
  const fresh = () => {
    const folder = mkdtempSync(join(work, 'run-'))
    cpSync(whole, folder, { recursive: true })
    return folder
  }
  const calls: string[] = []
  const unharmed = fresh()
  const ended = await run(line(), unharmed, calls)
  expect(ended.code, ended.stderr).toBe(0)
  if (changed.librechat) wanted.librechat = standing(unharmed).librechat
  expect(standing(unharmed)).toEqual(wanted)
  expect(calls.length).toBeGreaterThan(0)
  for (const [index, call] of calls.entries()) {
    // Sessions of one kind are as good as each other.
    if (/Session/.test(call) && calls.indexOf(call) < index) continue
    const after = `after ${call} (${index})`
    const folder = fresh()
    const killed = await run(line(), folder, [], index + 1)
    // A complete backup stays one where its clean-up fails.
    const left = calls.slice(index + 1)
    const isMade = readdirSync(folder).includes('new.backup') || left.every((one) => one === 'CreateTags')
    if (index + 1 < calls.length && !isMade) expect(killed.code, after).not.toBe(0)
    // A file is either whole or not there.
    expect(readdirSync(folder), after).not.toContain('new.backup.partial')
    expect(standing(folder).users.flat(), after).toContain('ann@example.org')
    const again = await run(line(), folder)
    // What the call before the kill has finished is not done twice.
    const isDone = /has no snapshot|new\.backup exists already/.test(again.stderr)
    expect(isDone ? 0 : again.code, `${after}: ${again.stderr}`).toBe(0)
    if (/exists already/.test(again.stderr))
      expect((await run(`backup verify $HERE/new.backup --passphrase-file ${pass}`, folder)).code).toBe(0)
    const extra = standing(folder).snapshots - wanted.snapshots
    // A snapshot that was begun before the kill is AWS’s, and listed; see snapshots.test.ts.
    expect(standing(folder), after).toEqual({ ...wanted, snapshots: wanted.snapshots + extra })
    expect([0, 1], after).toContain(extra)
  }
})
