import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { type Clock, systemClock } from '../../src/core/clock.js'
import type { Event } from '../../src/core/event.js'
import { payloads } from '../../src/host/payload.js'
import { setUpHost } from '../../src/host/setup.js'
import { Lab } from '../../test/host/lab.js'
import type { Snapshot } from '../../test/host/machine.js'
import { middle, type Range, ranges } from '../ranges.js'
import { Network } from './network.js'
import { names, type Registry, sample } from './registry.js'

/** Seconds; the slow end is across an ocean. The requests of a pull are few, so this hardly counts. */
const roundTrip: { range: Range; source: string } = {
  range: [0.003, 0.079],
  source:
    'cited: at most 3.4 ms within a region (xkyle.com/Measuring-AWS-Region-and-AZ-Latency), 79 ms from Ireland to Canada (fed135, AWS region-to-region latency calculator)',
}

/** What is delayed, at the middle of its range: seconds, and for the download seconds a GB. */
export const delays = {
  boot: middle(ranges.boot.range),
  agent: middle(ranges.agent.range),
  download: middle([1000 / ranges.downloadMBps.range[0], 1000 / ranges.downloadMBps.range[1]]),
  roundTrip: middle(roundTrip.range),
}

export const delaysInWords: readonly (readonly [what: string, length: string, source: string])[] = [
  ['launch to the first script', `${delays.boot} s`, ranges.boot.source],
  ['launch to the agent', `${delays.agent} s`, ranges.agent.source],
  ['download, from each registry', `${(1000 / delays.download).toFixed(0)} MB/s`, ranges.downloadMBps.source],
  ['round trip', `${delays.roundTrip * 1000} ms`, roundTrip.source],
]

export const ways = ['before', 'after'] as const
export type Way = (typeof ways)[number]

/**
 * How many times slower than a t3.medium the emulated machine is: in what it installs and starts, and in unpacking.
 * Everything else follows: delays are multiplied by `work`, the bandwidth is divided by `unpack`, and the images are
 * divided by `unpack / work`, so that all of it goes `work` times slower than on AWS.
 */
export interface Slowness {
  readonly work: number
  readonly unpack: number
}

export interface Went {
  /** Of the emulated machine, from the launch to healthy. */
  readonly seconds: number
  readonly megabytes: number
  /** What happened when, in its seconds since the launch. */
  readonly events: readonly (readonly [name: string, from: number, to: number])[]
}

/** A t3.medium's. */
const processors = 2

/** A first `up` that takes longer hangs. */
const timeoutMs = 30 * 60_000

const insecure = `mkdir -p /etc/docker; echo '{"insecure-registries": ["10.0.2.0/24"]}' >/etc/docker/daemon.json`

/** The stages of the first set-up and their lengths, as the host has written them down. */
const stages = async ({ machine }: Lab): Promise<(readonly [name: string, took: number, ended: number])[]> =>
  (await machine.sh('cat /opt/librechat-lab/state/first-setup'))
    .split('\n')
    .map((line) => line.split(' '))
    .map(([name = '', took, ended]) => [name, Number(took), Number(ended)] as const)
    .filter(([name]) => name !== 'boot')

/**
 * Leaves a snapshot of a machine on which nothing was set up, but whose Docker will find the layers of the stand-ins, so
 * that what it downloads is what has the real images' sizes. Measures on the way how slow the machine is.
 */
export async function prepare(snapshot: Snapshot, registry: Registry): Promise<Slowness> {
  const lab = await Lab.start(undefined, 'loopback', processors)
  const network = await Network.start(registry.port)
  try {
    const { host, machine } = lab
    await machine.sh(insecure)
    oneAfterAnother(lab.templates)
    for (const script of payloads(host, {}, 'bash "$CODE/run.sh" system docker', { withFiles: true }))
      await machine.sh(script)
    const installed = (await stages(lab)).reduce((sum, [, took]) => sum + took, 0)
    const { system, dnf, daemon } = ranges
    const usual = middle(system.range) + middle(dnf.range) + middle(daemon.range)
    for (const name of names)
      await machine.sh(`docker pull -q 127.0.0.1:5000/${name}:$(ls /srv/registry/tags/${name} | head -n 1)`)
    const unpacked = await unpack(lab, network.port)
    await machine.sh(`systemctl stop docker docker.socket containerd librechat-lab-metadata
dpkg -r $(for deb in /srv/debs/*.deb; do dpkg-deb -f $deb Package; done) >/dev/null
swapoff /swapfile
rm -rf /swapfile /opt/librechat-lab /var/log/librechat-lab /run/librechat-lab /etc/sysctl.d/90-librechat-lab.conf
rm -rf /etc/systemd/system/librechat-lab-* /etc/systemd/system/docker.service.d
systemctl daemon-reload
${insecure}`)
    await machine.save(snapshot)
    return { work: installed / usual, unpack: unpacked / middle(ranges.unpackSecondsPerGB.range) }
  } finally {
    network.stop()
    await lab.stop()
  }
}

/** Seconds for a GB: from the end of a layer's download to the end of its unpacking. */
async function unpack({ machine }: Lab, port: number): Promise<number> {
  const image = `10.0.2.2:${port}/${sample.name}:bench`
  const output = await machine.sh(
    `docker pull ${image} | while read -r line; do echo "$(date +%s.%N) $line"; done; docker rmi ${image} >/dev/null`,
  )
  const at = (words: string): number => {
    const line = output.split('\n').find((one) => one.endsWith(words))
    if (line === undefined) throw new Error(`docker pull did not print "${words}":\n${output}`)
    return Number.parseFloat(line)
  }
  return ((at(': Pull complete') - at(': Download complete')) * 1000) / sample.megabytes
}

/**
 * The stages as they were before the first boot worked: nothing beside anything, Docker's own number of downloads, four
 * of LibreChat's scripts for the first user, the units at the end, all of systemd's units read again for each that is
 * enabled, all services looked at again when the proxy starts, and a wait for the models' cost.
 */
function oneAfterAnother(templates: string): void {
  const change = (path: string, from: string, to: string) => {
    const file = join(templates, path)
    const text = readFileSync(file, 'utf8')
    if (!text.includes(from)) throw new Error(`${path} has no ${from}`)
    writeFileSync(file, text.replace(from, to))
  }
  change(
    'stages/images.sh',
    'if [ ! -s "$LAB/state/release" ] && ! have "$LIBRECHAT_IMAGE"; then',
    'if false; then',
  )
  change('stages/images.sh', 'declare -A pulls\n', 'fetch_compose\ndeclare -A pulls\n')
  change('stages/images.sh', 'fetch_compose & compose', 'true & compose')
  change('daemon.json', ',\n  "max-concurrent-downloads": 12', '')
  change('stages/stack.sh', '[ -f "$INPUT/request.json" ] && timeout 120', 'false && timeout 120')
  change('host/user.py', 'if named(email, there):', 'if known(email):')
  change('host/user.py', '("created successfully" in result.stdout or known(email))', 'known(email)')
  change('stages/open.sh', 'later=(--no-block)', 'later=()')
  change('stages/stack.sh', '  place_units\n', '')
  change('stages/stack.sh', '  docker compose create --pull never proxy || true\n', '')
  change(
    'stages/open.sh',
    'then up --remove-orphans; else up proxy; fi',
    'then true; fi; up --remove-orphans',
  )
  change('stages/common.sh', 'systemctl enable --no-reload', 'systemctl enable')
  change('stages/open.sh', 'systemctl disable --no-reload', 'systemctl disable')
}

/** LibreChat's image from a registry of its own, the others from Docker Hub. */
function pins(librechatPort: number, hubPort: number): Record<string, string> {
  const image = (port: number, name: string) => `10.0.2.2:${port}/${name}:bench`
  const librechat = image(librechatPort, 'librechat-ai/librechat')
  const mongodb = image(hubPort, 'library/mongo')
  const caddy = image(hubPort, 'library/caddy')
  return {
    LIBRECHAT_IMAGE: librechat,
    LIBRECHAT_IMAGE_FALLBACK: librechat,
    MONGODB_IMAGE: mongodb,
    MONGODB_IMAGE_FALLBACK: mongodb,
    MEILISEARCH_IMAGE: image(hubPort, 'getmeili/meilisearch'),
    CADDY_IMAGE: caddy,
    CADDY_IMAGE_FALLBACK: caddy,
    PORTAINER_IMAGE: image(hubPort, 'portainer/portainer-ce'),
  }
}

/** When the images were there and the containers started. */
const milestones = `cd /opt/librechat-lab/images && for i in *_IMAGE; do echo "$i $(date -u -r "$i" +%FT%T.%NZ)"; done
docker inspect -f '{{.Name}} {{.State.StartedAt}}' $(docker ps -aq)`

/** One first `up`, from the launch to healthy. */
export async function firstUp(
  way: Way,
  snapshot: Snapshot,
  registry: Registry,
  { work, unpack }: Slowness,
  factor: number,
  say: (text: string) => void,
): Promise<Went> {
  const limits = {
    bytesPerSecond: 1e9 / delays.download / unpack / factor,
    roundTripMs: delays.roundTrip * 1000 * work * factor,
  }
  // A T3's 5 Gbit/s are enough for both: what limits a download is the registry.
  const networks = {
    librechat: await Network.start(registry.port, limits),
    hub: await Network.start(registry.port, limits),
  }
  const lab = await Lab.start(snapshot, 'loopback', processors)
  try {
    lab.pin(pins(networks.librechat.port, networks.hub.port))
    if (way === 'before') oneAfterAnother(lab.templates)
    const [boot, agent] = [delays.boot * work * factor, delays.agent * work * factor]
    // Until its first script, the machine has nothing to do: that time is counted and not waited for.
    const counted = way === 'after' ? boot : agent
    const launched = Date.now() - counted * 1000
    const running = way === 'after' ? lab.firstBoot() : undefined
    await sleep((agent - counted) * 1000)
    const clock: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms * work, signal) }
    const emit = (event: Event) => {
      if (event.type === 'task' && event.state === 'done')
        say(`${way}: ${event.name} at ${Math.round((Date.now() - launched) / 1000)} s`)
    }
    const host = { ...lab.host, emit, clock, signal: AbortSignal.timeout(timeoutMs) }
    const beside = { isNew: way === 'after', run: async () => {} }
    const { health } = await setUpHost(host, lab.settings, { email: 'me@example.org' }, undefined, beside)
    const seconds = (Date.now() - launched) / 1000
    expect(health.problems).toEqual([])
    expect(health.healthy).toBe(true)
    if (running) expect(await running.result).toMatchObject({ code: 0 })
    const since = (ms: number) => Math.round(ms - launched) / 1000
    const events: [string, number, number][] = (await stages(lab)).map(([name, took, ended]) => [
      name,
      since((ended - took) * 1000),
      since(ended * 1000),
    ])
    for (const line of (await lab.machine.sh(milestones)).split('\n')) {
      const [name = '', time = ''] = line.split(' ')
      events.push([name.replace(/^\//, ''), since(Date.parse(time)), since(Date.parse(time))])
    }
    return {
      seconds,
      megabytes: (networks.librechat.bytes + networks.hub.bytes) / 1e6,
      events: events.sort((a, b) => a[1] - b[1]),
    }
  } finally {
    networks.librechat.stop()
    networks.hub.stop()
    await lab.stop()
  }
}
