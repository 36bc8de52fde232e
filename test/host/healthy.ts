import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Event } from '../../src/core/event.js'
import type { HostHealth } from '../../src/host/host-health.js'
import { release } from '../../src/host/settings.js'
import { setUpHost } from '../../src/host/setup.js'
import { cache, disk } from './disk.js'
import { guestPins, Lab } from './lab.js'
import type { Snapshot } from './machine.js'

export const adminEmail = "o'brien+lab@example.org"

/** What the command line said and got while it set the host up from nothing. */
interface FirstRun {
  readonly password: string
  readonly health: HostHealth
  readonly release: string
  readonly said: readonly { at: number; event: Event }[]
  /** All that went through Run Command, both ways. */
  readonly carried: readonly { script: string; output: string }[]
}

export interface Healthy {
  readonly snapshot: Snapshot
  readonly first: FirstRun
}

/** A day later, timers of the guest that were due in between would all run at once. */
const maxAgeMs = 6 * 3_600_000
const say = (text: string): void => console.error(`machine: ${text}`)

/** Everything that a set-up host is made of; the disk's own is in its name. */
function digest(): string {
  const hash = createHash('sha256').update(disk(say).image).update(guestPins()).update(process.version)
  for (const source of ['templates', 'src/host', 'test/host/machine.ts', 'test/host/healthy.ts']) {
    const root = new URL(`../../${source}`, import.meta.url).pathname
    const files = statSync(root).isDirectory()
      ? readdirSync(root, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name))
      : [root]
    for (const path of files.sort()) hash.update(path.slice(root.length)).update(readFileSync(path))
  }
  return hash.digest('hex').slice(0, 12)
}

const saved = (): string => join(cache, `healthy-${digest()}`)

/** The machine on which the first run of the command line has ended, as `prepare` left it. */
export function healthy(): Healthy {
  const directory = saved()
  const first = JSON.parse(readFileSync(join(directory, 'first-run.json'), 'utf8'))
  return { snapshot: { image: join(directory, 'disk.qcow2'), memory: join(directory, 'memory.zst') }, first }
}

/** Sets a host up from nothing and takes the snapshot from which most suites start; kept in .cache. */
export async function prepareHealthy(): Promise<void> {
  const directory = saved()
  if (existsSync(directory) && Date.now() - (healthy().first.said[0]?.at ?? 0) < maxAgeMs) return
  for (const name of readdirSync(cache)) {
    if (name.startsWith('healthy-')) rmSync(join(cache, name), { recursive: true, force: true })
  }
  say('setting a host up from nothing')
  const partial = join(cache, 'healthy-partial')
  mkdirSync(partial, { recursive: true })
  const lab = await Lab.start()
  try {
    const boot = lab.firstBoot()
    await lab.machine.sh('until [ -s /opt/librechat-lab/state/running ]; do sleep 0.2; done')
    const beside = { isNew: true, run: async () => {} }
    const { health, firstUser } = await setUpHost(
      lab.host,
      lab.settings,
      { email: adminEmail },
      undefined,
      beside,
    )
    if (!health.healthy) throw new Error(`the first set-up: ${JSON.stringify(health.problems)}`)
    const booted = await boot.result
    if (booted.code !== 0) throw new Error(`the first boot's script: ${JSON.stringify(booted)}`)
    const first: FirstRun = {
      password: firstUser?.password ?? '',
      health,
      release: release(lab.settings, lab.templates),
      said: lab.said,
      carried: lab.systemsManager.sent.map(({ script, result }) => ({
        script,
        output: `${result?.stdout}${result?.stderr}`,
      })),
    }
    writeFileSync(join(partial, 'first-run.json'), JSON.stringify(first))
    say('saving it')
    await lab.machine.save({ image: join(partial, 'disk.qcow2'), memory: join(partial, 'memory.zst') })
    renameSync(partial, directory)
  } finally {
    await lab.stop()
  }
}
