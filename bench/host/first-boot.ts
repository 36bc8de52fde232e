// npm run bench:host: from nothing to healthy on a booted machine, with the work of the first boot and without.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { it } from 'vitest'
import { disk } from '../../test/host/disk.js'
import type { Snapshot } from '../../test/host/machine.js'
import { table } from '../measure.js'
import { delaysInWords, firstUp, prepare, type Slowness, type Way, type Went, ways } from './first-up.js'
import { megabytes, names, Registry } from './registry.js'

const networks = [
  ['delays and bandwidth in the middle of their ranges', 1],
  ['half the delays, twice the bandwidth', 0.5],
  ['twice the delays, half the bandwidth', 2],
] as const

/** Kept on the disk: what was interrupted goes on where it was. */
interface Progress {
  readonly begun: number
  slowness?: Slowness
  /** What the registry's images were divided by. */
  divisor?: number
  runs: Record<string, Partial<Record<Way, Went>> & { load: string }>
}

const folder = new URL('../../.cache/bench/host/', import.meta.url).pathname
const progressFile = join(folder, 'progress.json')
const hour = 3_600_000
const say = (text: string): void => console.error(`bench: ${new Date().toISOString().slice(11, 19)} ${text}`)
const load = () => `load ${(loadavg()[0] ?? 0).toFixed(1)} on ${cpus().length} processors`
const snapshot: Snapshot = { image: join(folder, 'machine.qcow2'), memory: join(folder, 'machine.zst') }

function readProgress(): Progress {
  if (existsSync(progressFile)) {
    const progress: Progress = JSON.parse(readFileSync(progressFile, 'utf8'))
    if (Date.now() - progress.begun < 3 * hour) return progress
  }
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  return { begun: Date.now(), runs: {} }
}

function save(progress: Progress): void {
  writeFileSync(`${progressFile}.new`, JSON.stringify(progress, undefined, 2))
  renameSync(`${progressFile}.new`, progressFile)
}

function report({ divisor = 1, runs }: Progress, slow: Slowness): string {
  const scaled = (seconds: number) => `${Math.round(seconds / slow.work)} s`
  const rows = networks.flatMap(([name, factor]) => {
    const { before, after, load = '' } = runs[factor] ?? {}
    if (!before || !after) return []
    return [
      [
        name,
        scaled(before.seconds),
        scaled(after.seconds),
        `${(before.seconds / after.seconds).toFixed(2)}×`,
        load,
      ],
    ]
  })
  const events = networks.flatMap(([name, factor]) =>
    ways.flatMap((way) => {
      const went = runs[factor]?.[way]
      if (!went) return []
      const list = went.events.map(([what, from, to]) =>
        from === to ? `${what} at ${scaled(from)}` : `${what} ${scaled(from)} to ${scaled(to)}`,
      )
      return [`- ${name}, ${way} (${went.megabytes.toFixed(0)} MB): ${list.join(', ')}`]
    }),
  )
  const size = names.reduce((sum, name) => sum + megabytes(name), 0)
  return [
    table(['', 'before', 'after', 'before ÷ after', ''], rows),
    events.join('\n'),
    table(['delay', 'middle', 'source'], delaysInWords),
    `The machine is ${slow.work.toFixed(1)} times slower in what it installs and ${slow.unpack.toFixed(1)} times in unpacking: delays are multiplied by the first, the bandwidth is divided by the second, and the images of ${Math.round(size)} MB by ${divisor}. The seconds above are divided by the first.`,
  ].join('\n\n')
}

it('measures from nothing to healthy', async () => {
  const progress = readProgress()
  const registry = await Registry.start(join(folder, 'storage'))
  try {
    if (!progress.slowness) {
      say(`preparing a machine, at ${load()}`)
      await registry.addSample()
      progress.slowness = await prepare(snapshot, registry)
      save(progress)
    }
    const slow = progress.slowness
    say(`slower than a t3.medium: ${JSON.stringify(slow)}`)
    if (!progress.divisor) {
      const divisor = Math.round((slow.unpack / slow.work) * 100) / 100
      say(`filling the registry, divided by ${divisor}`)
      await registry.fill(disk(say).image, folder, divisor)
      progress.divisor = divisor
      save(progress)
    }
    // One after the other, because each takes both processors.
    for (const [name, factor] of networks) {
      const went = progress.runs[factor] ?? { load: load() }
      progress.runs[factor] = went
      for (const way of ways) {
        if (went[way]) continue
        say(`${name}, ${way}, at ${load()}`)
        went[way] = await firstUp(way, snapshot, registry, slow, factor, say)
        save(progress)
      }
      process.stdout.write(`\n${report(progress, slow)}\n\n`)
    }
    renameSync(progressFile, join(folder, 'results.json'))
  } finally {
    registry.stop()
  }
})
