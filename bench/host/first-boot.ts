// npm run bench:host: from nothing to healthy on a booted machine, with the first boot's work and without.
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { payloads } from '../../src/host/payload.js'
import { setUpHost } from '../../src/host/setup.js'
import { disk } from '../../test/host/disk.js'
import { Lab } from '../../test/host/lab.js'
import type { Snapshot } from '../../test/host/machine.js'
import { table } from '../measure.js'
import { Network } from './network.js'
import { megabytes, names, Registry } from './registry.js'

/**
 * The guest unpacks so many times more slowly than the machine behind bench/first.ts's range, for it has no hardware
 * virtualization. Images and bandwidth are divided by it, so that unpacking and downloading take the seconds that they
 * take on AWS. Measured as `unpack` below.
 */
const slower = Number(process.env.BENCH_SLOWER ?? 16)
/** The middle of each of bench/first.ts's ranges: launch to the first script, and to the agent; MB a second. */
const usual = { bootMs: 22_000, agentMs: 60_000, MBps: 60, roundTripMs: 20 }

const networks = [
  ['delays halved, bandwidth doubled', 0.5],
  ['as cited', 1],
  ['delays doubled, bandwidth halved', 2],
] as const

const work = mkdtempSync(join(tmpdir(), 'librechat-lab-bench-'))
const say = (text: string): void => console.error(`bench: ${text}`)
const snapshot: Snapshot = { image: join(work, 'disk.qcow2'), memory: join(work, 'memory.zst') }

async function installDocker({ host, machine }: Lab): Promise<void> {
  for (const script of payloads(host, {}, 'bash "$CODE/run.sh" system docker', { withFiles: true }))
    await machine.sh(script)
}

/**
 * A machine on which nothing was set up, but whose Docker will find the stand-ins' own layers, so that what it downloads
 * is what has the real images' sizes.
 */
async function prepare(): Promise<void> {
  const lab = await Lab.start(undefined, 'loopback')
  try {
    const { machine } = lab
    await machine.sh(
      `mkdir -p /etc/docker; echo '{"insecure-registries": ["10.0.2.0/24"]}' >/etc/docker/daemon.json`,
    )
    await installDocker(lab)
    for (const name of names)
      await machine.sh(`docker pull -q 127.0.0.1:5000/${name}:$(ls /srv/registry/tags/${name} | head -n 1)`)
    await machine.sh(`systemctl stop docker docker.socket containerd librechat-lab-metadata
dpkg -r $(for deb in /srv/debs/*.deb; do dpkg-deb -f $deb Package; done) >/dev/null
swapoff /swapfile
rm -rf /swapfile /opt/librechat-lab /var/log/librechat-lab /run/librechat-lab /etc/sysctl.d/90-librechat-lab.conf
rm -rf /etc/systemd/system/librechat-lab-* /etc/systemd/system/docker.service.d
systemctl daemon-reload
echo '{"insecure-registries": ["10.0.2.0/24"]}' >/etc/docker/daemon.json`)
    await machine.save(snapshot)
  } finally {
    await lab.stop()
  }
}

/** Stages one after another and nothing before the agent is there, as version 0.1.0 did it. */
function oneAfterAnother(templates: string): void {
  appendFileSync(
    join(templates, 'stages/images.sh'),
    '\nwhile systemctl -q is-active librechat-lab-fetch; do sleep 0.2; done\n',
  )
  const daemon = join(templates, 'daemon.json')
  const { 'max-concurrent-downloads': _, ...rest } = JSON.parse(readFileSync(daemon, 'utf8'))
  writeFileSync(daemon, JSON.stringify(rest))
}

interface Went {
  seconds: number
  stages: string
  megabytes: number
}

/** One first `up`, from the launch to healthy. */
async function firstUp(way: 'before' | 'after', network: Network, factor: number): Promise<Went> {
  network.bytesPerSecond = (usual.MBps * 1e6) / slower / factor
  network.roundTripMs = usual.roundTripMs * factor
  const lab = await Lab.start(snapshot, 'loopback')
  try {
    const image = (name: string) => `10.0.2.2:${network.port}/${name}:bench`
    lab.pin({
      LIBRECHAT_IMAGE: image('librechat-ai/librechat'),
      MONGODB_IMAGE: image('library/mongo'),
      MEILISEARCH_IMAGE: image('getmeili/meilisearch'),
      CADDY_IMAGE: image('library/caddy'),
      PORTAINER_IMAGE: image('portainer/portainer-ce'),
    })
    if (way === 'before') oneAfterAnother(lab.templates)
    const [begun, bytes] = [Date.now(), network.bytes]
    await sleep(usual.bootMs * factor)
    const boot = way === 'after' ? lab.firstBoot() : undefined
    await sleep((usual.agentMs - usual.bootMs) * factor)
    const beside = { isNew: way === 'after', run: async () => {} }
    const first = { email: 'me@example.org' }
    const { health } = await setUpHost(lab.host, lab.settings, first, undefined, beside)
    const seconds = (Date.now() - begun) / 1000
    expect(health.problems).toEqual([])
    if (boot) expect((await boot.result).code).toBe(0)
    const stages = await lab.machine.sh(
      `awk '$1 != "boot" { printf "%s%s %d s", sep, $1, $2; sep = ", " }' /opt/librechat-lab/state/first-setup`,
    )
    return { seconds, stages, megabytes: (network.bytes - bytes) / 1e6 }
  } finally {
    await lab.stop()
  }
}

/** How long the guest takes for LibreChat's layers alone, with a network that costs nothing. */
async function unpack(network: Network): Promise<number> {
  Object.assign(network, { bytesPerSecond: Number.POSITIVE_INFINITY, roundTripMs: 0 })
  const lab = await Lab.start(snapshot, 'loopback')
  try {
    await installDocker(lab)
    const begun = Date.now()
    await lab.machine.sh(`docker pull -q 10.0.2.2:${network.port}/librechat-ai/librechat:bench`)
    return (Date.now() - begun) / 1000
  } finally {
    await lab.stop()
  }
}

it('measures from nothing to healthy', async () => {
  const load = () => `load ${(loadavg()[0] ?? 0).toFixed(1)} on ${cpus().length} processors`
  const before = load()
  const registry = await Registry.start(join(work, 'storage'))
  const network = await Network.start(registry.port)
  try {
    say('filling the registry')
    await registry.fill(disk(say).image, work, 1 / slower)
    say('preparing the machine')
    await prepare()
    const alone = await unpack(network)
    const rows: string[][] = []
    const stages: string[] = []
    const only = process.env.BENCH_ONLY?.split(',').map(Number)
    for (const [name, factor] of networks.filter(([, one]) => !only || only.includes(one))) {
      const went = {
        before: await firstUp('before', network, factor),
        after: await firstUp('after', network, factor),
      }
      say(JSON.stringify({ name, ...went, load: load() }))
      const { before: one, after: other } = went
      rows.push([
        name,
        `${Math.round(one.seconds)} s`,
        `${Math.round(other.seconds)} s`,
        `${(one.seconds / other.seconds).toFixed(2)}×`,
      ])
      stages.push(`${name}, before: ${one.stages} (${one.megabytes.toFixed(0)} MB)`)
      stages.push(`${name}, after: ${other.stages} (${other.megabytes.toFixed(0)} MB)`)
    }
    const size = names.reduce((sum, name) => sum + megabytes(name), 0)
    const text = [
      table(['', 'without the first boot', 'with it', 'without ÷ with'], rows),
      ...stages.map((one) => `- ${one}`),
      `Images of ${Math.round(size)} MB, divided by ${slower}; LibreChat’s alone: ${alone.toFixed(1)} s without a network.`,
      `At ${before} before, ${load()} after.`,
    ]
    process.stdout.write(`\n${text.join('\n\n')}\n`)
  } finally {
    network.stop()
    registry.stop()
    rmSync(work, { recursive: true, force: true })
  }
})
