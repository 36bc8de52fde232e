import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import type { Clock } from '../../src/core/clock.js'
import type { Account, Instance, Region } from '../../src/rehearsal/account.js'
import { leaves } from '../cli/leaves.js'
import { quickClock, type RunOptions, runHere } from './in-process.js'

/** What happens to a whole lab outside the program. */
type Happens = (here: Region, now: number) => void
const toInstance =
  (change: (now: number) => Partial<Instance>): Happens =>
  (here, now) => {
    for (const instance of Object.values(here.instances)) Object.assign(instance, change(now))
  }

interface State {
  /** The commands that make it, after `up` or instead of it. */
  by?: string[]
  happens?: Happens
}

/** Every state in which a command can meet a lab. */
const states = {
  none: { by: [] },
  halfMade: { by: ['up --yes --scenario stage-failing'] },
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
        const copy = { ...structuredClone(instance), publicIp: '198.51.100.99', interface: 'eni-0fedcba9876543210' }
        delete copy.clientToken
        here.instances['i-0fedcba9876543210'] = copy
      }
    },
  },
  addressKept: { by: ['up --yes', 'destroy --confirm default'] },
  newerSettings: {
    happens: (here) => {
      const parameter = here.parameters['/librechat-lab/default/spec']
      if (parameter) parameter.value = JSON.stringify({ ...JSON.parse(parameter.value), version: 99 })
    },
  },
} satisfies Record<string, State>

type StateName = keyof typeof states
const stateNames = Object.keys(states) as StateName[]

/** The command lines; the codes in the order of the states. */
const table: Record<string, string> = {
  'up --yes': '',
  'status': '',
  'destroy --confirm default': '',
  'tunnel': '',
  'open': '',
  'list': '',
  'models': '',
  'doctor': '',
  'access list': '',
  'access add 8.8.8.8 --yes': '',
  'access remove 8.8.8.8 --yes': '',
  'user add you@example.org': '',
  'user list': '',
  'user remove me@example.org --confirm me@example.org': '',
  'user reset-password me@example.org': '',
  'portainer password': '',
  'shell': '',
  'logs': '',
  'address policy': '',
  'policy': '',
  'completion bash': '',
}

const made = new Map<StateName, { account: string | undefined; clock: Clock }>()

const newFolder = (account: string | undefined) => {
  const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-exits-'))
  if (account !== undefined) {
    mkdirSync(join(folder, 'librechat-lab'))
    writeFileSync(join(folder, 'librechat-lab/rehearsal.json'), account)
  }
  return folder
}
const accountIn = (folder: string) => readFileSync(join(folder, 'librechat-lab/rehearsal.json'), 'utf8')
const run = (line: string, options: RunOptions) => runHere([...line.split(' '), '--rehearse'], options)

async function make({ by = ['up --yes --email me@example.org'], happens }: State) {
  const clock = quickClock()
  const folder = newFolder(undefined)
  for (const line of by) await run(line, { folder, clock })
  if (by.length === 0) return { account: undefined, clock }
  const account = JSON.parse(accountIn(folder)) as Account
  happens?.(account.regions['us-east-1'] as Region, clock.now())
  return { account: JSON.stringify(account), clock }
}

it('probe', async () => {
  for (const name of stateNames) made.set(name, await make(states[name]))
  for (const line of Object.keys(table)) {
    const codes = []
    const t = Date.now()
    for (const name of stateNames) {
      const { account, clock } = made.get(name)!
      const folder = newFolder(account)
      const r = await run(line, { folder, clock: quickClock(clock.now()), stopAt: /Press Ctrl-C to close it/ })
      codes.push(r.code)
      if (r.code === 1 || name==='unreachable'||name==='stopping') console.log('##', line, name, r.code, '\n', r.stderr.split('\n').slice(3).filter(l=>!/^…/.test(l)).slice(-9).join('\n'))
    }
    console.log('@@', line.padEnd(40), codes.join(' '), Date.now() - t)
  }
}, 600000)
