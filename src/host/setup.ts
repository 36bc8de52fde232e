import type { Host } from './host.js'
import { type HostHealth, healthIn } from './host-health.js'
import { type HostSettings, stackInput } from './settings.js'
import { runStage } from './stage.js'
import { type MadeUser, type NewUser, withUserRequest } from './users.js'

interface Stage {
  readonly name: 'system' | 'docker' | 'images' | 'stack' | 'health'
  /** Its name for users. */
  readonly title: string
  /** Of the first set-up on a t3.medium; the images' download dominates. */
  readonly usualMs: number
  readonly timeoutSeconds: number
  /** The host's programs, if not the stage's name. */
  readonly programs?: string
}

const stages: readonly Stage[] = [
  { name: 'system', title: 'host: swap and system', usualMs: 15_000, timeoutSeconds: 3600 },
  { name: 'docker', title: 'host: Docker', usualMs: 25_000, timeoutSeconds: 3600 },
  { name: 'images', title: 'host: Compose and images', usualMs: 30_000, timeoutSeconds: 3600 },
  { name: 'stack', title: 'host: LibreChat and Portainer', usualMs: 90_000, timeoutSeconds: 3600 },
  { name: 'health', title: 'host: health', usualMs: 15_000, timeoutSeconds: 600 },
]

/** The last stage on a new host: opens the ports, as `stack` does elsewhere, and checks the health. */
const opening: Stage = {
  name: 'health',
  title: 'host: HTTPS and health',
  usualMs: 20_000,
  timeoutSeconds: 3600,
  programs: 'open health',
}

export interface SetUp {
  readonly health: HostHealth
  /** The first user, if this run created it. */
  readonly firstUser?: MadeUser
}

/** What an update of LibreChat or its databases needs. */
export interface Update {
  /** Calls the models from inside LibreChat's container: the host opens only after one answers. */
  readonly proof: string | undefined
  /** Retries a version that was rolled back. */
  readonly again?: boolean
}

/** Dumps the data, migrates it, and restores it if that fails. The duration depends on the amount of data. */
const updateSeconds = 4 * 3600

/** Work that needs LibreChat but not its health: starts once LibreChat runs, and is awaited. */
export interface Beside {
  run(): Promise<unknown>
  /** Whether the host was never set up. Then its ports open meanwhile; nobody uses them yet if the run is killed. */
  isNew: boolean
}

/**
 * Installs this version's stack on the host in five stages. Each is safe to run again, and takes seconds if there is
 * nothing to do. The first user is created before the ports open. Needs an instance that is online
 * (`waitUntilOnline`).
 */
export async function setUpHost(
  host: Host,
  settings: HostSettings,
  firstUser?: NewUser,
  update?: Update,
  beside: Beside = { run: async () => {}, isNew: false },
): Promise<SetUp> {
  const again = update?.again ? { 'try-again': 'yes' } : {}
  const proof = update?.proof === undefined ? {} : { 'proof.sh': update.proof }
  const later = beside.isNew ? { 'open-later': 'yes' } : {}
  const input = { ...stackInput(settings, host.templates), ...proof, ...again, ...later }
  const run = (stage: Stage, more: Record<string, string> = again) =>
    followed(
      host,
      update && stage.name === 'stack' ? { ...stage, timeoutSeconds: updateSeconds } : stage,
      more,
    )
  let made: MadeUser | undefined
  let output = ''
  for (const stage of stages) {
    if (stage.name === 'health') {
      const last = beside.isNew ? run(opening, { release: input.release }) : run(stage)
      output = await withBoth(last, beside.run())
    } else if (stage.name !== 'stack') output = await run(stage)
    else if (firstUser === undefined) await run(stage, input)
    else {
      made = await withUserRequest(host, { ...firstUser, first: true }, (request) =>
        run(stage, { ...input, 'request.json': request }),
      )
    }
  }
  return { health: healthIn(output), ...(made?.made ? { firstUser: made } : {}) }
}

/** The first result, once both have ended; rethrows the first one's error, else the second one's. */
async function withBoth<T>(first: Promise<T>, second: Promise<unknown>): Promise<T> {
  await Promise.allSettled([first, second])
  const result = await first
  await second
  return result
}

/** Writes changed settings to a host that is set up, and waits until it is healthy again. */
export async function updateStack(host: Host, settings: HostSettings): Promise<HostHealth> {
  const input = stackInput(settings, host.templates)
  let output = ''
  for (const stage of stages.filter(({ name }) => name === 'stack' || name === 'health'))
    output = await followed(host, stage, stage.name === 'stack' ? input : {})
  return healthIn(output)
}

/** Waits until a host that has just started is healthy, or for five minutes; its health then. */
export async function awaitHealth(host: Host): Promise<HostHealth> {
  let output = ''
  for (const stage of stages.filter(({ name }) => name === 'health')) output = await followed(host, stage, {})
  return healthIn(output)
}

/** Runs a stage, shown as one task. */
async function followed(host: Host, stage: Stage, input: Record<string, string>): Promise<string> {
  const task = { type: 'task', id: `host:${stage.name}`, name: stage.title } as const
  host.emit({ ...task, state: 'started', usualMs: stage.usualMs })
  try {
    const { name, timeoutSeconds, programs = name } = stage
    // The first stage sends this version's files for all stages.
    const withFiles = name === 'system'
    const onStep = (detail: string) => host.emit({ ...task, state: 'progress', detail })
    const output = await runStage(host, programs, { input, timeoutSeconds, stage: name, withFiles, onStep })
    host.emit({ ...task, state: 'done', detail: summary(output) })
    return output
  } catch (error) {
    host.emit({ ...task, state: 'failed' })
    throw error
  }
}

/** The last line that a stage wrote for a user. */
const summary = (output: string): string =>
  output
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('{'))
    .at(-1) ?? ''
