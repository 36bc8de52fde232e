// npm run bench:first: a model of the first `up`, from Enter to a chat. Nothing here is measured at AWS.
import { chains } from './chain.js'
import { table } from './measure.js'
import { librechatGB, othersGB, type Range, ranges, unpackedGB } from './ranges.js'

/** Where in its range each length is. */
const ends = { fast: 0, middle: 0.5, slow: 1 } as const
type End = keyof typeof ends
const within = ([fast, slow]: Range, end: End): number => fast + (slow - fast) * ends[end]

interface Machine {
  readonly name: string
  readonly memoryGiB: number
  /** How long a step takes that only computes, compared with a t3.medium: an estimate for t4g. */
  readonly compute: number
}
const machines: readonly Machine[] = [
  { name: 't3.medium', memoryGiB: 4, compute: 1 },
  { name: 't3.large', memoryGiB: 8, compute: 1 },
  { name: 't4g.medium', memoryGiB: 4, compute: 0.85 },
]

const measures = {
  userData: 'the first boot works while the agent is awaited',
  background: 'LibreChat’s image comes while the databases start',
  compose: 'Compose comes beside the images',
  proof: 'the chat is proven beside the health check',
  opening: 'the proxy starts while the chat is proven',
  downloads: 'twelve layers at a time instead of three',
  user: 'the first user waits for one of LibreChat’s scripts instead of four',
  cost: 'the models’ cost, nothing yet, is not waited for',
} as const
type Measure = keyof typeof measures
const all = Object.keys(measures) as Measure[]

interface Task {
  readonly seconds: number
  readonly after: readonly string[]
}

/** The steps of `up`; a step begins when all that it comes after have ended. */
function steps(
  taken: ReadonlySet<Measure>,
  { compute, memoryGiB }: Machine,
  end: End,
  agent: number = within(ranges.agent.range, end),
): Record<string, Task> {
  const at = ({ range }: { range: Range }) => within(range, end)
  const cpu = (range: { range: Range }) => at(range) * compute
  const calls = (from: string, to: string) => {
    const chain: readonly string[] = chains.up
    return (chain.indexOf(to) - chain.indexOf(from) + 1) * at(ranges.call)
  }
  const download = (GB: Range) => (within(GB, end) * 1000) / at(ranges.downloadMBps)
  // A fifth of the memory takes writes before the disk is waited for (vm.dirty_ratio).
  const written = ((unpackedGB - (0.2 * memoryGiB * 2 ** 30) / 1e9) * 1000) / at(ranges.diskMBps)
  const unpack = Math.max(within(librechatGB, end) * cpu(ranges.unpackSecondsPerGB), written)
  // With three slots for all images, some of LibreChat's layers wait for a smaller image's.
  const queue = taken.has('downloads') ? 0 : download(othersGB) / 3
  const command = at(ranges.command)
  const first = taken.has('userData') ? ['boot'] : ['agent']
  const stage = (name: string, after: readonly string[]): readonly string[] =>
    taken.has('userData') ? after : [...after, `${name} sent`]
  const sent = (name: string, after: readonly string[]): Record<string, Task> =>
    taken.has('userData') ? {} : { [`${name} sent`]: { seconds: command, after } }
  const serial = taken.has('compose') ? [] : ['Compose']
  return {
    'calls before the launch': { seconds: calls('who calls', 'role into its profile'), after: [] },
    'instance profile usable': { seconds: at(ranges.profile), after: ['calls before the launch'] },
    boot: { seconds: at(ranges.boot), after: ['instance profile usable'] },
    agent: { seconds: agent, after: ['instance profile usable'] },
    ...sent('system', ['agent']),
    system: { seconds: cpu(ranges.system), after: stage('system', first) },
    ...sent('docker', ['system']),
    'install Docker': { seconds: cpu(ranges.dnf), after: stage('docker', ['system']) },
    'start Docker': { seconds: cpu(ranges.daemon), after: ['install Docker'] },
    Compose: { seconds: cpu(ranges.compose), after: ['start Docker'] },
    ...sent('images', ['start Docker', ...serial]),
    'other images': { seconds: download(othersGB), after: stage('images', ['start Docker', ...serial]) },
    'download LibreChat': {
      seconds: download(librechatGB) + queue,
      after: stage('images', ['start Docker', ...serial]),
    },
    'unpack LibreChat': { seconds: unpack, after: ['download LibreChat'] },
    'stack sent': {
      seconds: command * (taken.has('userData') ? 4 : 1),
      after: ['agent', 'other images', 'Compose', ...(taken.has('background') ? [] : ['unpack LibreChat'])],
    },
    databases: { seconds: cpu(ranges.databases), after: ['stack sent'] },
    'start LibreChat': { seconds: cpu(ranges.librechat), after: ['databases', 'unpack LibreChat'] },
    'first user': {
      seconds: cpu(ranges.user) + (taken.has('user') ? 0 : 3 * cpu(ranges.list)),
      after: ['start LibreChat'],
    },
    proxy: { seconds: cpu(ranges.proxy), after: ['first user'] },
    // The proxy and the health are one Run Command where the proxy starts beside the chat.
    health: {
      seconds: cpu(ranges.health) + command + (taken.has('cost') ? 0 : at(ranges.cost)),
      after: ['proxy'],
    },
    chat: {
      seconds: at(ranges.chat) + command,
      after: [!taken.has('proof') ? 'health' : taken.has('opening') ? 'first user' : 'proxy'],
    },
    'last calls': { seconds: calls('what would refuse a release', 'unlock'), after: ['chat', 'health'] },
  }
}

interface Timeline {
  readonly total: number
  /** By step: when it begins and ends, in seconds. */
  readonly times: ReadonlyMap<string, readonly [begins: number, ends: number]>
  /** The steps that make the total. */
  readonly critical: readonly string[]
}

function timeline(tasks: Record<string, Task>): Timeline {
  const times = new Map<string, readonly [number, number]>()
  const endOf = (name: string): number => {
    const known = times.get(name)
    if (known) return known[1]
    const { seconds, after } = tasks[name] as Task
    const begins = Math.max(0, ...after.map(endOf))
    times.set(name, [begins, begins + seconds])
    return begins + seconds
  }
  const last = Object.keys(tasks).sort((a, b) => endOf(b) - endOf(a))[0] as string
  const critical: string[] = []
  for (let name: string | undefined = last; name !== undefined; ) {
    critical.unshift(name)
    name = [...(tasks[name] as Task).after].sort((a, b) => endOf(b) - endOf(a))[0]
  }
  return { total: endOf(last), times, critical }
}

const of = (taken: readonly Measure[], machine: Machine, end: End) =>
  timeline(steps(new Set(taken), machine, end))
const s = (seconds: number): string => `${Math.round(seconds)} s`
const line = (text = '') => process.stdout.write(`${text}\n`)

line('Not measured at AWS: a model of the first `up`, from its ranges.\n')
line(
  table(
    ['range', 'fast end', 'slow end', 'from'],
    Object.entries(ranges).map(([name, { range, source }]) => [
      name,
      String(range[0]),
      String(range[1]),
      source,
    ]),
  ),
)
for (const machine of machines) {
  line(`\n## ${machine.name}\n`)
  const [before, after] = [of([], machine, 'slow'), of(all, machine, 'slow')]
  const span = (one: Timeline, name: string) => {
    const [from, to] = one.times.get(name) ?? []
    return from === undefined || to === undefined
      ? '—'
      : `${Math.round(from)}–${Math.round(to)}${one.critical.includes(name) ? ' ●' : ''}`
  }
  const names = [...new Set([...after.times.keys(), ...before.times.keys()])].sort(
    (a, b) => (after.times.get(a)?.[0] ?? 1e3) - (after.times.get(b)?.[0] ?? 1e3),
  )
  line(
    table(
      ['step, slow end (● critical)', 'without', 'with all measures'],
      names.map((name) => [name, span(before, name), span(after, name)]),
    ),
  )
  const totals = (taken: readonly Measure[]) =>
    (['fast', 'middle', 'slow'] as const).map((end) => s(of(taken, machine, end).total))
  line()
  line(
    table(
      ['from Enter to a chat', 'fast end', 'middle', 'slow end'],
      [
        ['without', ...totals([])],
        ...all.map((one) => [`all but: ${measures[one]}`, ...totals(all.filter((other) => other !== one))]),
        ['with all measures', ...totals(all)],
      ],
    ),
  )
}

line('\n## With a slower agent (all measures, all else at its slow end)\n')
const withAgent = (machine: Machine, agent: number) =>
  timeline(steps(new Set(all), machine, 'slow', agent)).total
const agents = [30, 60, 90, 105, 120, 150, 180]
line(
  table(
    ['the agent is online after', ...machines.map(({ name }) => name)],
    agents.map((agent) => [s(agent), ...machines.map((one) => s(withAgent(one, agent)))]),
  ),
)
/** The first second at which something holds. */
const from = (holds: (agent: number) => boolean) => {
  let agent = 0
  while (!holds(agent)) agent++
  return agent
}
line()
line(
  table(
    ['the agent', ...machines.map(({ name }) => name)],
    [
      [
        'is critical from',
        ...machines.map((one) => s(from((agent) => withAgent(one, agent) > withAgent(one, 0)))),
      ],
      [
        'makes it three minutes from',
        ...machines.map((one) => s(from((agent) => withAgent(one, agent) >= 180))),
      ],
    ],
  ),
)

/** What else could be done, by what it would take off the t3.medium's slow end. */
const machine = machines[0] as Machine
const base = steps(new Set(all), machine, 'slow')
const total = timeline(base).total
const without = (change: (tasks: Record<string, Task>) => Record<string, Task>) =>
  total - timeline(change(base)).total
const shorter = (name: string, factor: number) => (tasks: Record<string, Task>) => ({
  ...tasks,
  [name]: { ...(tasks[name] as Task), seconds: (tasks[name] as Task).seconds * factor },
})
const ideas: readonly (readonly [string, number])[] = [
  ['the first user’s script runs in LibreChat’s own process', without(shorter('first user', 0.2))],
  [
    'the instance profile is created while the user reads the plan',
    without(shorter('instance profile usable', 0)),
  ],
  ['Docker’s packages from a machine image of our own', without(shorter('install Docker', 0))],
  [
    'an image half as large',
    without((tasks) => shorter('unpack LibreChat', 0.5)(shorter('download LibreChat', 0.5)(tasks))),
  ],
]
line('\n## The next ten seconds (t3.medium, slow end)\n')
line(
  table(
    ['what', 'saves'],
    [...ideas].sort(([, a], [, b]) => b - a).map(([what, saved]) => [what, s(saved)]),
  ),
)
