import { generateKeyPairSync } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, it, onTestFailed } from 'vitest'
import { offerDump, restoreDump } from '../../src/host/dumps.js'
import type { Host } from '../../src/host/host.js'
import { stackInput } from '../../src/host/settings.js'
import { runStage } from '../../src/host/stage.js'
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

/** A connection that is refused or breaks, as at a host without power or a page that is closed. */
const isCut = (error: unknown): boolean => /ECONN|EPIPE|aborted|socket hang up|TLS|SSL/.test(String(error))

/** A user who writes one note after another. */
class Writer {
  private readonly browser: Browser
  private writing = true

  constructor(
    private readonly power: Power,
    port: number,
  ) {
    this.browser = new Browser(port)
  }

  async write(): Promise<void> {
    const id = `note ${this.power.asked.size + 1}`
    this.power.asked.add(id)
    const { status } = await this.browser.ask('POST', '/api/notes', JSON.stringify({ id }))
    if (status === 200) this.power.acknowledged.add(id)
  }

  /** Until `stop`, through every error: LibreChat is stopped at times. */
  async keepWriting(): Promise<void> {
    while (this.writing) {
      try {
        await this.write()
      } catch (error) {
        if (!isCut(error)) throw error
      }
      await sleep(100)
    }
  }

  stop(): void {
    this.writing = false
    this.browser.close()
  }
}

/** What serves, and each complete dump, from the guest's disk. */
interface Stored {
  /** "-r1", or empty before the first restore. */
  readonly data: string
  /** The versions to which LibreChat's migrations have brought its users. */
  readonly migrated: readonly string[]
  /** The notes in each dump that has its name; reading it has checked its digests. */
  readonly dumps: Readonly<Record<string, readonly string[]>>
}

const stored = `python3 - <<'END'
import glob, gzip, hashlib, json, os, re, subprocess
def notes(documents):
    return [one["id"] for one in documents if one["kind"] == "note"]
data = re.search("^LAB_DATA=(.*)$", open("/opt/librechat-lab/.env").read(), re.M).group(1)
volume = subprocess.run(["docker", "volume", "inspect", "-f", "{{.Mountpoint}}", "librechat-lab_mongodb" + data], capture_output=True, text=True, check=True).stdout.strip()
users = [one for one in json.load(open(volume + "/documents.json")) if one["kind"] == "user"]
dumps = {}
for folder in sorted(glob.glob("/var/lib/librechat-lab/dumps/*Z-*[a-z]")):
    if folder.endswith(".part"): continue
    for file in json.load(open(folder + "/manifest.json"))["files"]:
        content = open(folder + "/" + file["name"], "rb").read()
        assert hashlib.sha256(content).hexdigest() == file["sha256"], folder + "/" + file["name"]
    dumps[os.path.basename(folder)] = notes(json.loads(gzip.open(folder + "/mongodb.archive.gz").read()[4:]))
print(json.dumps({"data": data, "migrated": [one.get("migrated", "") for one in users], "dumps": dumps}))
END`

/** A machine on which one power cut follows another. */
class Power {
  readonly asked = new Set<string>()
  /** What has to be there. */
  acknowledged = new Set<string>()

  private constructor(
    readonly lab: Lab,
    readonly password: string,
  ) {}

  static async start(): Promise<Power> {
    const { snapshot, first } = prepared()
    return new Power(await Lab.start(snapshot), first.password)
  }

  get port(): number {
    return this.lab.machine.ports.https
  }

  async write(count: number): Promise<void> {
    const writer = new Writer(this, this.port)
    const before = this.acknowledged.size
    for (let n = 0; n < count; n++) await writer.write()
    writer.stop()
    expect(this.acknowledged.size).toBe(before + count)
  }

  private async answers(browser: Browser): Promise<boolean> {
    try {
      const asked = browser.ask('GET', '/api/config').then(({ status }) => status === 200)
      return await Promise.race([asked, sleep(5000, false)])
    } catch (error) {
      if (!isCut(error)) throw error
      return false
    }
  }

  readonly stored = async (): Promise<Stored> => JSON.parse(await this.lab.machine.sh(stored))

  /** What a user gets, as soon as there is a page: the way in, the notes. */
  async served(): Promise<{ version: string; notes: string[] }> {
    const browser = new Browser(this.port)
    try {
      for (const late = Date.now() + 300_000; !(await this.answers(browser)); await sleep(500))
        if (Date.now() > late) throw new Error(`No page: ${JSON.stringify(await healthyHost(this.lab))}`)
      expect((await browser.login(adminEmail, this.password)).status).toBe(200)
      const notes = JSON.parse((await browser.ask('GET', '/api/notes')).body)
      const { version } = JSON.parse((await browser.ask('GET', '/api/config')).body)
      return { version, notes }
    } finally {
      browser.close()
    }
  }
}

interface Work {
  /** How long it takes about, without a cut. */
  readonly usualMs: number
  prepare?(power: Power): Promise<string>
  begin(host: Host, power: Power, prepared: string): Promise<unknown>
  /** Whether the machine afterwards runs another version, so that the same work can't be repeated. */
  readonly isLast?: boolean
}

/** As the nightly timer does. */
const dump = ({ lab }: Power) =>
  lab.machine.sh('flock /opt/librechat-lab/lock /opt/librechat-lab/bin/dump make nightly')

const updateTo = (version: string): Work => ({
  usualMs: 150_000,
  isLast: true,
  prepare: async ({ lab }) => {
    lab.pin(libreChat(version))
    lab.migratesBelow(version)
    await runStage(lab.host, 'images', { timeoutSeconds: 900, withFiles: true })
    return version
  },
  begin: (host, { lab }) =>
    runStage(host, 'stack', {
      input: { ...stackInput(lab.settings, lab.templates), 'try-again': 'yes' },
      timeoutSeconds: 3600,
    }),
})

const works = {
  'a user writes': { usualMs: 10_000, begin: () => new Promise(() => {}) },
  'the nightly dump is made': { usualMs: 40_000, begin: (_, power) => dump(power) },
  'a backup is made': {
    usualMs: 60_000,
    prepare: async () =>
      generateKeyPairSync('rsa', { modulusLength: 3072 })
        .publicKey.export({ type: 'spki', format: 'pem' })
        .toString(),
    begin: (host, _, key) => offerDump(host, key, '{}'),
  },
  'a dump is restored': {
    usualMs: 120_000,
    prepare: async (power) => {
      if (Object.keys((await power.stored()).dumps).length === 0) await dump(power)
      const [oldest = ''] = Object.keys((await power.stored()).dumps)
      await power.write(3)
      return oldest
    },
    begin: (host, _, id) => restoreDump(host, { id }),
  },
  'LibreChat is updated': updateTo('v0.8.9'),
  // Its migration fails.
  'an update is rolled back': { ...updateTo('v0.8.10'), usualMs: 250_000 },
} satisfies Readonly<Record<string, Work>>

type Kind = keyof typeof works
const first: readonly Kind[] = [
  'a user writes',
  'the nightly dump is made',
  'a backup is made',
  'a dump is restored',
]
const order: readonly Kind[] = [...first, 'LibreChat is updated', ...first, 'an update is rolled back']
const planned = Array.from({ length: cuts }, (_, n) => ({
  cut: n + 1,
  kind: order[n % order.length] as Kind,
  share: random.next().value,
}))
console.error(`power cuts: POWER_SEED=${seed}`)

let power: Power | undefined
async function end(): Promise<void> {
  await power?.lab.stop()
  power = undefined
}
afterAll(end)

it.each(planned)(
  'cut $cut, while $kind, loses nothing that was acknowledged',
  async ({ cut, kind, share }) => {
    const spent = stopwatch()
    power ??= await Power.start()
    const { lab } = power
    onTestFailed(end)
    const work: Work = works[kind]
    spent('start')
    await power.write(3)
    const given = (await work.prepare?.(power)) ?? ''
    const before = await power.stored()
    const known = [...power.acknowledged]
    spent('prepare')

    const command = new AbortController()
    const going = work.begin({ ...lab.host, signal: command.signal }, power, given).then(
      () => 'it had ended',
      (error) => `it had failed: ${error}`,
    )
    const writer = new Writer(power, power.port)
    const writing = writer.keepWriting()
    const after = Math.round(share * work.usualMs)
    const ended = await Promise.race([going, sleep(after).then(() => 'it was under way')])
    const moment = await lab.machine.sh(
      `cd /opt/librechat-lab/state; exec 2>/dev/null; echo $(cat running step update.json; ls librechat-stopped; ls /var/lib/librechat-lab/dumps | grep part)`,
    )
    spent(ended === 'it was under way' ? 'work' : 'all of the work')
    const booting = lab.machine.reset()
    command.abort()
    writer.stop()
    await writing
    await booting
    spent('boot')
    // Of a file system that was mounted at the cut. After a shutdown in good order the kernel doesn't print it.
    expect(await lab.machine.sh('dmesg | grep EXT4-fs')).toContain('(vda): recovery complete')

    // Nobody runs a command: the host goes on with what was interrupted, or takes it back.
    await lab.machine.sh(`cd /opt/librechat-lab/state
for _ in $(seq 900); do
  [ -e librechat-stopped ] || [ -e update.json ] || systemctl -q is-active librechat-lab-update || exit 0
  sleep 1
done
ls
exit 1`)
    spent('marks gone')
    const { version, notes } = await power.served()
    spent('served')
    const now = await power.stored()
    spent('look')
    console.error(
      `cut ${cut} after ${after} ms of "${kind}", ${ended} (${moment}): ${known.length} notes known, ${power.acknowledged.size} acknowledged, ${notes.length} served, data "${now.data}", ${version}, dumps ${Object.keys(now.dumps).join(' ')}; ${spent.text()}`,
    )
    expect([...power.asked]).toEqual(expect.arrayContaining(notes))
    // A dump that has its name is kept, and holds what was known when it was begun.
    const made = Object.keys(now.dumps).filter((id) => !(id in before.dumps))
    for (const id of made) expect(now.dumps[id]).toEqual(expect.arrayContaining(known))
    if (kind !== 'an update is rolled back') expect(ended).not.toContain('failed')
    if (ended === 'it had ended' && /dump|backup/.test(kind)) expect(made).not.toEqual([])
    if (kind === 'a dump is restored' && now.data !== before.data) {
      // What .env names serves: all of the restored dump, and the data from before is in the dump made for that.
      expect(notes).toEqual(expect.arrayContaining([...(before.dumps[given] ?? [])]))
      const kept = made.filter((id) => id.endsWith('-before-restore')).flatMap((id) => now.dumps[id] ?? [])
      expect([...notes, ...kept]).toEqual(expect.arrayContaining([...power.acknowledged]))
    } else expect(notes).toEqual(expect.arrayContaining([...power.acknowledged]))
    // The data is of the version that serves, never between two.
    expect(now.migrated).toEqual(version === 'v0.8.8' ? before.migrated : now.migrated.map(() => version))
    power.acknowledged = new Set(notes)
    if (!work.isLast) return
    await healthyHost(lab)
    await end()
  },
  1_200_000,
)

/** Notes the seconds since the last note; `text` has them all. */
function stopwatch() {
  const laps: string[] = []
  let last = performance.now()
  const lap = (name: string): void => {
    const now = performance.now()
    laps.push(`${name} ${((now - last) / 1000).toFixed(1)}`)
    last = now
  }
  return Object.assign(lap, { text: () => `${laps.join(', ')} s` })
}
