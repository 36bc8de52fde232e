import type { Hint } from '../core/error.js'
import type { HostHealth } from '../host/host-health.js'
import { instanceMonthlyUsd, pricesOf } from './prices.js'

/** A resource that the host lacks: a stable code, and one sentence with the figures. */
interface Limit {
  code: 'memory' | 'processor' | 'credits' | 'disk' | 'restarts' | 'first-token'
  text: string
}

/** Advice only: it does not change whether a lab is healthy. */
export interface Capacity {
  limits: Limit[]
  /** The steps that help, the easiest first; empty if nothing is short. */
  next: Hint[]
}

export interface CapacityQuestion {
  region: string
  instanceType: string
  diskGb: number
  /** For each model that answered in the last proof. */
  firstTokenMs: readonly number[]
  health: Pick<HostHealth, 'disk' | 'memory' | 'load'>
}

const GiB = 1024 ** 3
const hour = 3600

/**
 * The share of each vCPU that a size of T3, T3a and T4g earns credits for. Above it on average over 24 hours,
 * "unlimited", which is their default, bills the surplus, and "standard" slows the processor down:
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-credits-baseline-concepts.html
 */
const baselines: Readonly<Record<string, number>> = {
  medium: 0.2,
  large: 0.3,
  xlarge: 0.4,
  '2xlarge': 0.4,
}

/** The types in order of size. After the largest, the next step is a cluster. */
const sizes = ['nano', 'micro', 'small', 'medium', 'large', 'xlarge']

const percent = (share: number): string => `${Math.round(share * 100)} %`

/** Whether a host has reached its limits, and the next step. */
export function capacityOf(question: CapacityQuestion): Capacity {
  const short = [
    ...memoryLimit(question),
    ...processorLimit(question),
    ...creditsLimit(question),
    ...restartsLimit(question),
  ]
  const disk = diskLimit(question)
  const slow = slowLimit(question)
  return {
    limits: [...short, ...disk, ...slow],
    next: [
      ...(short.length > 0 ? [nextSize(question)] : []),
      ...(disk.length > 0 ? [largerDisk(question)] : []),
      ...(slow.length > 0 && short.length === 0 ? [measureAgain] : []),
    ],
  }
}

function memoryLimit({ health: { memory, load } }: CapacityQuestion): Limit[] {
  const { availableBytes: available, totalBytes: total } = memory
  const pressure = load?.memoryPressure ?? 0
  const said = [
    ...(available < total / 10
      ? [`${(available / GiB).toFixed(1)} of ${(total / GiB).toFixed(1)} GiB are available`]
      : []),
    ...(load && load.oomKills > 0
      ? [`processes killed for lack of memory since the host started: ${load.oomKills}`]
      : []),
    ...(pressure >= 10 ? [`processes waited for memory ${pressure.toFixed(0)} % of the last 5 minutes`] : []),
  ]
  return said.length > 0 ? [{ code: 'memory', text: said.join('; ') }] : []
}

/** The set-up keeps a small machine busy for a while. */
function processorLimit({ health: { load } }: CapacityQuestion): Limit[] {
  if (!load || load.uptimeSeconds < hour || load.load15 < load.cores) return []
  const text = `load ${load.load15.toFixed(1)} on ${load.cores} vCPUs over 15 minutes`
  return [{ code: 'processor', text }]
}

function creditsLimit({ instanceType, health: { load } }: CapacityQuestion): Limit[] {
  const [, size = ''] = /^t\d[a-z]*\.(.+)$/.exec(instanceType) ?? []
  if (!load || size === '') return []
  if (load.uptimeSeconds >= hour && load.stealShare >= 0.05) {
    const text = `the host took ${percent(load.stealShare)} of the processor time away since it started, as it does when the credits are used up`
    return [{ code: 'credits', text }]
  }
  const baseline = baselines[size]
  if (baseline === undefined || load.uptimeSeconds < 24 * hour || load.busyShare <= baseline) return []
  const text = `${percent(load.busyShare)} busy on average since the host started, above the ${percent(baseline)} that ${instanceType} includes; AWS bills the rest`
  return [{ code: 'credits', text }]
}

function restartsLimit({ health: { load } }: CapacityQuestion): Limit[] {
  const often = Object.entries(load?.restarts ?? {}).filter(([, count]) => count >= 3)
  const text = often.map(([service, count]) => `${service} was restarted ${count} times`).join(', ')
  return often.length > 0 ? [{ code: 'restarts', text: `${text}, the last time in the past 24 hours` }] : []
}

/** The same limits as in templates/host/health.py. */
function diskLimit({ health: { disk } }: CapacityQuestion): Limit[] {
  if (disk.freeBytes >= Math.max(3 * GiB, disk.totalBytes / 10)) return []
  const text = `${(disk.freeBytes / GiB).toFixed(1)} of ${(disk.totalBytes / GiB).toFixed(1)} GiB are free`
  return [{ code: 'disk', text }]
}

/**
 * If only one model is slow, the model is the cause; if even the fastest is slow, it can be the host or the region.
 */
function slowLimit({ firstTokenMs }: CapacityQuestion): Limit[] {
  const fastest = Math.min(...firstTokenMs)
  if (firstTokenMs.length === 0 || fastest < 10_000) return []
  const text = `the fastest model sent its first token after ${(fastest / 1000).toFixed(1)} s; the host or Bedrock is slow`
  return [{ code: 'first-token', text }]
}

function nextSize({ region, instanceType }: CapacityQuestion): Hint {
  const [family = '', size = ''] = instanceType.split('.')
  const larger = sizes.includes(size) ? sizes[sizes.indexOf(size) + 1] : undefined
  if (larger === undefined)
    return {
      command: { path: 'graduate', flags: { out: 'kubernetes' } },
      text: `writes the files that move the lab to Kubernetes; ${instanceType} is large already`,
    }
  const type = `${family}.${larger}`
  const [before, after] = [instanceMonthlyUsd(region, instanceType), instanceMonthlyUsd(region, type)]
  const cost =
    before === undefined || after === undefined
      ? ''
      : `, for $${(after - before).toFixed(2)} more a month (${pricesOf})`
  return {
    command: { path: 'up', flags: { 'instance-type': type } },
    text: `changes ${instanceType} to the next size${cost}`,
  }
}

const largerDisk = ({ diskGb }: CapacityQuestion): Hint => ({
  command: { path: 'up', flags: { disk: String(diskGb * 2) } },
  text: 'makes the disk larger',
})

const measureAgain: Hint = {
  command: { path: 'status', flags: { chat: true } },
  text: 'measures again',
}
