import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import type { Clock } from '../../src/core/clock.js'
import type { Account, Instance, Region } from '../../src/rehearsal/account.js'
import { leaves } from '../cli/leaves.js'
import { scratch } from '../support/scratch.js'
import { quickClock, type RunOptions, runHere } from './in-process.js'

/** What happens to a whole lab outside the program. */
type Happens = (here: Region, now: number) => void
const toInstance =
  (change: (now: number) => Partial<Instance>): Happens =>
  (here, now) => {
    for (const instance of Object.values(here.instances)) Object.assign(instance, change(now))
  }
const withoutProof: Happens = (here) => {
  for (const { host } of Object.values(here.instances)) delete host.proof
}

interface State {
  /** From an empty account, not from a whole lab. */
  fromNothing?: true
  /** The commands that make it. */
  by?: string
  happens?: Happens
}

/** Every state in which a command can meet a lab. */
const states = {
  none: { fromNothing: true },
  halfMade: { fromNothing: true, by: 'up --yes --scenario stage-failing' },
  whole: {},
  stopped: { happens: toInstance(() => ({ state: 'stopped' })) },
  stopping: {
    happens: toInstance((now) => ({ state: 'stopping', next: { state: 'stopped', at: now + 60_000 } })),
  },
  unreachable: { happens: toInstance(() => ({ onlineAt: Number.MAX_SAFE_INTEGER })) },
  strangers: {
    happens: (here) => {
      const [[, instance] = []] = Object.entries(here.instances)
      if (instance) {
        const copy = {
          ...structuredClone(instance),
          publicIp: '198.51.100.99',
          interface: 'eni-0fedcba9876543210',
        }
        delete copy.clientToken
        here.instances['i-0fedcba9876543210'] = copy
      }
    },
  },
  neverAsked: { happens: withoutProof },
  addressKept: { by: 'destroy --confirm default' },
  newerSettings: {
    happens: (here) => {
      const parameter = here.parameters['/librechat-lab/default/spec']
      if (parameter) parameter.value = JSON.stringify({ ...JSON.parse(parameter.value), version: 99 })
    },
  },
  /** Stopped by the program itself. */
  resting: { by: 'stop' },
} satisfies Record<string, State>

type StateName = keyof typeof states
const stateNames = Object.keys(states) as StateName[]

/**
 * The command lines, and what each ends with in each state, in the states' order: none, half made, whole, stopped,
 * stopping, unreachable, strangers, never asked, address kept, newer settings, resting.
 */
const table: Readonly<Record<string, string>> = {
  'up --yes': '0 0 0 0 0 2 0 0 0 1 0',
  'up --yes --budget 20 --alert me@example.org': '0 0 0 0 0 2 0 0 0 1 0',
  status: '3 2 0 2 2 2 0 2 3 1 0',
  // A stranger in the lab's security group keeps the group from being deleted.
  'destroy --confirm default': '0 0 0 0 0 0 2 0 0 0 0',
  tunnel: '3 130 130 1 1 1 130 130 3 1 1',
  // A stopped lab has no page: it says how to start it.
  open: '3 0 0 1 1 0 0 0 3 1 1',
  list: '0 0 0 0 0 0 0 0 0 0 0',
  models: '0 0 0 0 0 0 0 0 0 0 0',
  doctor: '0 0 0 0 0 0 0 0 0 1 0',
  'access list': '3 0 0 0 0 0 0 0 3 1 0',
  'access add 8.8.8.8 --yes': '3 0 0 0 0 0 0 0 3 1 0',
  'access remove 8.8.8.8 --yes': '3 0 0 0 0 0 0 0 3 1 0',
  'user add you@example.org': '3 0 0 1 1 1 0 0 3 1 1',
  'user list': '3 0 0 1 1 1 0 0 3 1 1',
  // The half-made lab has no user.
  'user remove me@example.org --confirm me@example.org': '3 1 0 1 1 1 0 0 3 1 1',
  'user reset-password me@example.org': '3 1 0 1 1 1 0 0 3 1 1',
  usage: '3 0 0 1 1 1 0 0 3 1 1',
  // The lab has no allowances.
  'user allowance': '3 1 1 1 1 1 1 1 3 1 1',
  'portainer password': '3 0 0 1 1 1 0 0 3 1 1',
  // A shell and a tunnel last until they are stopped.
  shell: '3 130 130 1 1 1 130 130 3 1 1',
  logs: '3 0 0 1 1 1 0 0 3 1 1',
  // Without a terminal nobody can be asked for the passphrase; there is no such file and no such dump.
  backup: '3 1 1 1 1 1 1 1 3 1 1',
  'backup verify /nowhere/lab.backup': '1 1 1 1 1 1 1 1 1 1 1',
  'backup --to s3://my-backups/lab': '3 1 1 1 1 1 1 1 3 1 1',
  'backup --snapshot': '3 0 0 0 0 0 0 0 3 1 0',
  'backup list': '3 0 0 1 1 1 0 0 3 1 1',
  'backup remove 20260101T000000Z-snapshot --confirm default': '3 1 1 1 1 1 1 1 3 1 1',
  'restore 20260101T020000Z-nightly --confirm default': '3 1 1 1 1 1 1 1 3 1 1',
  // A half-made lab has no librechat.yaml yet.
  'graduate --out $NEW --host chat.example.org --mongodb mongodb://db.example.org': '3 1 0 1 1 1 0 0 3 1 1',
  stop: '3 0 0 0 0 0 0 0 3 1 0',
  start: '3 2 0 0 0 2 0 0 3 1 0',
  'schedule set --start 08:00 --stop 20:00 --timezone UTC': '3 0 0 0 0 0 0 0 3 1 0',
  'schedule show': '3 0 0 0 0 0 0 0 3 1 0',
  'schedule off': '3 0 0 0 0 0 0 0 3 1 0',
  'update --check': '3 1 0 1 1 1 0 0 3 1 1',
  'update --yes': '3 1 0 1 1 1 0 0 3 1 1',
  'address policy': '3 0 0 0 0 0 0 0 0 0 0',
  policy: '0 0 0 0 0 0 0 0 0 0 0',
  'completion bash': '0 0 0 0 0 0 0 0 0 0 0',
}

const made = new Map<StateName, Made>()

const newFolder = (account: string | undefined) => {
  const folder = scratch('exits')
  if (account !== undefined) {
    mkdirSync(join(folder, 'librechat-lab'))
    writeFileSync(join(folder, 'librechat-lab/rehearsal.json'), account)
  }
  return folder
}
const accountIn = (folder: string) => readFileSync(join(folder, 'librechat-lab/rehearsal.json'), 'utf8')
const run = (line: string, options: RunOptions) =>
  runHere([...line.replace('$NEW', join(options.folder, 'new')).split(' '), '--rehearse'], options)

interface Made {
  /** The account's file; undefined: there is none yet. */
  account: string | undefined
  clock: Clock
}

async function make({ fromNothing, by, happens }: State, whole: Made): Promise<Made> {
  if (fromNothing && !by) return { account: undefined, clock: whole.clock }
  const clock = quickClock(whole.clock.now())
  const folder = newFolder(fromNothing ? undefined : whole.account)
  if (by) await run(by, { folder, clock })
  const account = JSON.parse(accountIn(folder)) as Account
  happens?.(account.regions['us-east-1'] as Region, clock.now())
  return { account: JSON.stringify(account), clock }
}

beforeAll(async () => {
  const whole = { folder: newFolder(undefined), clock: quickClock() }
  await run('up --yes --email me@example.org', whole)
  for (const name of stateNames)
    made.set(name, await make(states[name], { account: accountIn(whole.folder), clock: whole.clock }))
})

const cells = Object.entries(table).flatMap(([line, codes]) =>
  codes.split(' ').map((code, i) => [line, stateNames[i] ?? 'none', Number(code)] as const),
)

it.for(cells)('%s, where the lab is %s, ends with %i', async ([line, name, code]) => {
  const { account, clock } = made.get(name) ?? {}
  const ended = await run(line, {
    folder: newFolder(account),
    clock: quickClock(clock?.now()),
    stopAt: /Press Ctrl-C to close it|sh-5/,
  })
  expect(ended.code, ended.stderr).toBe(code)
  const needsLab = !/^backup (verify|remove)/.test(line)
  if (code === 1 && needsLab && ['stopped', 'stopping', 'resting'].includes(name))
    expect(ended.stderr).toMatch(/is stopped[\s\S]*librechat-lab start/)
  const { node } = leaves.find(({ path }) => `${line} `.startsWith(`${path.join(' ')} `)) ?? {}
  expect([0, 1, 130, ...Object.keys(node?.command?.exits ?? {}).map(Number)], 'documented').toContain(code)
})

it('there is a code for each command in each state', () => {
  const lines = Object.keys(table)
  const missing = leaves
    .map(({ path }) => path.join(' '))
    .filter((path) => !lines.some((line) => `${line} `.startsWith(`${path} `)))
  expect(missing).toEqual([])
  for (const [line, codes] of Object.entries(table))
    expect(codes.split(' '), line).toHaveLength(stateNames.length)
})
