import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { listDumps, restoreDump } from '../../src/host/dumps.js'
import type { Host } from '../../src/host/host.js'
import { setUpHost } from '../../src/host/setup.js'
import { Browser } from './browser.js'
import { adminEmail, healthy as prepared } from './healthy.js'
import { Lab, libreChat } from './lab.js'
import { healthyHost } from './suite.js'

const cuts = Number(process.env.POWER_CUTS ?? 5)
const seed = Number(process.env.POWER_SEED ?? Date.now() % 1_000_000)

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function* numbers(state: number): Generator<number, never> {
  for (let at = state; ; ) {
    at = (at + 0x6d2b79f5) | 0
    let mixed = Math.imul(at ^ (at >>> 15), 1 | at)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    yield ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
const random = numbers(seed)

/** A user who writes one note after another, and remembers which of them LibreChat has acknowledged. */
class Writer {
  readonly acknowledged: string[] = []
  private asked = 0
  private writing = true

  constructor(private readonly browser: Browser) {}

  async write(): Promise<void> {
    const id = `note ${++this.asked}`
    const { status } = await this.browser.ask('POST', '/api/notes', JSON.stringify({ id }))
    if (status === 200) this.acknowledged.push(id)
  }

  /** Until `stop`, through every error: LibreChat is stopped at times. */
  async keepWriting(): Promise<void> {
    while (this.writing) {
      try {
        await this.write()
      } catch (error) {
        // A connection that is refused or breaks, as at a host without power.
        if (!/ECONN|EPIPE|socket hang up|TLS|SSL/.test(String(error))) throw error
      }
      await sleep(100)
    }
  }

  stop(): void {
    this.writing = false
    this.browser.close()
  }
}

interface Work {
  /** How long it takes about, without a cut. */
  readonly usualMs: number
  /** Whether a user writes meanwhile. */
  readonly isWritten: boolean
  prepare?(lab: Lab): Promise<string>
  begin(host: Host, lab: Lab, prepared: string): Promise<unknown>
}

/** As the nightly timer does. */
const dump = (lab: Lab) =>
  lab.machine.sh('flock /opt/librechat-lab/lock /opt/librechat-lab/bin/dump make nightly')

const works: Readonly<Record<string, Work>> = {
  'a user writes': { usualMs: 15_000, isWritten: true, begin: async () => {} },
  'a dump is made': { usualMs: 60_000, isWritten: true, begin: (_, lab) => dump(lab) },
  'a dump is restored': {
    usualMs: 120_000,
    isWritten: false,
    prepare: async (lab) => {
      await dump(lab)
      return (await listDumps(lab.host)).at(-1)?.id ?? ''
    },
    begin: (host, _, id) => restoreDump(host, id, false),
  },
  'LibreChat is updated': {
    usualMs: 180_000,
    isWritten: true,
    prepare: async (lab) => {
      lab.pin(libreChat('v0.8.9'))
      lab.migratesBelow('v0.8.9')
      return ''
    },
    begin: (host, lab) => setUpHost(host, lab.settings, undefined, { proof: undefined, again: true }),
  },
}

const kinds = Object.keys(works)
const planned = Array.from({ length: cuts }, (_, n) => ({
  cut: n + 1,
  kind: kinds[n % kinds.length] as string,
  share: random.next().value,
}))
console.error(`power cuts: POWER_SEED=${seed}`)

it.each(planned)(
  'cut $cut, while $kind, loses nothing that was acknowledged',
  async ({ kind, share }) => {
    const work = works[kind] as Work
    const { snapshot, first } = prepared()
    const lab = await Lab.start(snapshot)
    onTestFinished(() => lab.stop())
    const browser = new Browser(lab.machine.ports.https)
    const writer = new Writer(browser)
    onTestFinished(() => writer.stop())
    for (let n = 0; n < 3; n++) await writer.write()
    const given = (await work.prepare?.(lab)) ?? ''
    const inDump = [...writer.acknowledged]
    for (let n = 0; n < 3; n++) await writer.write()
    expect(writer.acknowledged).toHaveLength(6)

    const command = new AbortController()
    const going = work.begin({ ...lab.host, signal: command.signal }, lab, given).then(
      () => 'it had ended',
      () => 'it was under way',
    )
    const writing = work.isWritten ? writer.keepWriting() : undefined
    const after = Math.round(share * work.usualMs)
    const ended = await Promise.race([going, sleep(after).then(() => 'it was under way')])
    if (ended === 'it had ended') await sleep(after)
    await lab.machine.reset()
    command.abort()
    writer.stop()
    await writing

    // Nobody runs a command: the host goes on with what was interrupted, or takes it back.
    await lab.machine.sh(
      'cd /opt/librechat-lab/state; for _ in $(seq 900); do [ -e librechat-stopped ] || [ -e update.json ] || exit 0; sleep 1; done; ls; exit 1',
    )
    await healthyHost(lab)
    const user = new Browser(lab.machine.ports.https)
    expect((await user.login(adminEmail, first.password)).status).toBe(200)
    const served = JSON.parse((await user.ask('GET', '/api/notes')).body) as string[]
    user.close()
    const generation = await lab.machine.sh('sed -n s/^LAB_DATA=//p /opt/librechat-lab/.env')
    console.error(
      `cut after ${after} ms of ${kind}, ${ended}: ${writer.acknowledged.length} acknowledged, ${served.length} served, data "${generation}"`,
    )
    // All of the old data, or all of the restored dump's: what .env names is what serves.
    if (kind === 'a dump is restored' && generation !== '') expect(served).toEqual(inDump)
    else expect(served).toEqual(expect.arrayContaining(writer.acknowledged))
  },
  1_200_000,
)
