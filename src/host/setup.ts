import type { Host } from './host.js'
import { type HostHealth, healthIn } from './host-health.js'
import { type HostSettings, stackInput } from './settings.js'
import { runStage } from './stage.js'
import { type MadeUser, type NewUser, withUserRequest } from './users.js'

interface Stage {
  readonly name: 'system' | 'docker' | 'images' | 'stack' | 'health'
  /** As the user reads it. */
  readonly title: string
  /** The first time, on a t3.medium; the images' download dominates. */
  readonly usualMs: number
  readonly timeoutSeconds: number
  /** The host's programs, where they are others than the stage's name. */
  readonly programs?: string
}

const stages: readonly Stage[] = [
  { name: 'system', title: 'host: swap and system', usualMs: 15_000, timeoutSeconds: 3600 },
  { name: 'docker', title: 'host: Docker', usualMs: 25_000, timeoutSeconds: 3600 },
  { name: 'images', title: 'host: Compose and images', usualMs: 30_000, timeoutSeconds: 3600 },
  { name: 'stack', title: 'host: LibreChat and Portainer', usualMs: 90_000, timeoutSeconds: 3600 },
  { name: 'health', title: 'host: health', usualMs: 15_000, timeoutSeconds: 600 },
]

/** The last stage on a new host: what the stage `stack` does at its end elsewhere, and the health. */
const opening: Stage = {
  name: 'health',
  title: 'host: HTTPS and health',
  usualMs: 20_000,
  timeoutSeconds: 3600,
  programs: 'open health',
}

export interface SetUp {
  readonly health: HostHealth
  /** The first user, when one was asked for and this run made it. */
  readonly firstUser?: MadeUser
}

/** What a change of LibreChat's or its databases' version needs. */
export interface Update {
  /** Asks the models from inside LibreChat's container, for a host that doesn't open before one answers. */
  readonly proof: string | undefined
  /** Tries a version again that was rolled back. */
  readonly again?: boolean
}

/** Dumps the data, migrates it, and puts it back where that fails: each may take as long as the data is large. */
const updateSeconds = 4 * 3600

/** What needs LibreChat, and neither its ports nor its health: begun once LibreChat runs, and awaited. */
export interface Beside {
  run(): Promise<unknown>
  /** Whether the host was never set up. Its ports open meanwhile too: a killed run closes them to nobody. */
  isNew: boolean
}

/**
 * Puts this version's stack on the host: five stages, each safe to run again, each in seconds when there is nothing
 * to do. The first user is made before the ports are open. Needs an instance that is online (`waitUntilOnline`).
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

/** The first's result, once both have ended; throws what the first, else the second, has thrown. */
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

/** A stage as one line that the user follows. */
async function followed(host: Host, stage: Stage, input: Record<string, string>): Promise<string> {
  const task = { type: 'task', id: `host:${stage.name}`, name: stage.title } as const
  host.emit({ ...task, state: 'started', usualMs: stage.usualMs })
  try {
    const { name, timeoutSeconds, programs = name } = stage
    // The first stage takes this version's files along for all of them.
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
