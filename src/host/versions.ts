import * as z from 'zod'
import { LabError } from '../core/error.js'
import { templates } from './archive.js'
import type { HostHealth } from './host-health.js'

/** The services that hold data, with the names of their pins: their versions change only after a dump. */
const services = {
  librechat: { name: 'LibreChat', pin: 'LIBRECHAT_IMAGE' },
  mongodb: { name: 'MongoDB', pin: 'MONGODB_IMAGE' },
  meilisearch: { name: 'Meilisearch', pin: 'MEILISEARCH_IMAGE' },
} as const

type Service = keyof typeof services

export interface Move {
  readonly service: Service
  /** As the user reads it. */
  readonly name: string
  readonly from: string
  readonly to: string
}

/** Migrations that a release of LibreChat requires for data of an older one: `templates/migrations.json`. */
const migration = z.object({
  name: z.string(),
  /** For data of a version below this one. */
  below: z.string(),
  dryRun: z.array(z.string()),
  command: z.array(z.string()),
  /** LibreChat's documentation of it. */
  source: z.string(),
})
export type Migration = z.infer<typeof migration>

/** The versions that this release installs. */
export function pinnedVersions(directory?: string): Readonly<Record<Service, string>> {
  const pins = templates(directory).get('pins.env') ?? ''
  const version = (pin: string) =>
    new RegExp(`^${pin}=(.*)$`, 'm').exec(pins)?.[1]?.split('@')[0]?.split(':').at(-1) ?? ''
  return {
    librechat: version(services.librechat.pin),
    mongodb: version(services.mongodb.pin),
    meilisearch: version(services.meilisearch.pin),
  }
}

/** The services with another version than this release. Empty for a host that doesn't report versions. */
export function movesOf({ versions }: Pick<HostHealth, 'versions'>, directory?: string): Move[] {
  const pinned = pinnedVersions(directory)
  return (Object.keys(services) as Service[]).flatMap((service) => {
    const [from, to] = [versions[service], pinned[service]]
    return from === undefined || from === to ? [] : { service, name: services[service].name, from, to }
  })
}

/** Whether exactly these versions were rolled back: then only `update` tries them again. */
export const isHeld = ({ updates }: Pick<HostHealth, 'updates'>, moves: readonly Move[]): boolean =>
  updates.librechat?.result === 'rolled-back' &&
  moves.every(({ service, to }) => updates.librechat?.to?.[service] === to)

/** The migrations of LibreChat's data that these updates run. */
export function migrationsOf(moves: readonly Move[], directory?: string): Migration[] {
  const move = moves.find(({ service }) => service === 'librechat')
  if (!move) return []
  const all = z.array(migration).parse(JSON.parse(templates(directory).get('migrations.json') ?? '[]'))
  return all.filter(({ below }) => isOlder(move.from, below) && !isOlder(move.to, below))
}

/** "LibreChat v0.8.7 to v0.8.8, MongoDB 8.0.20 to 8.0.21" */
export const movesText = (moves: readonly Move[]): string =>
  moves.map(({ name, from, to }) => `${name} ${from} to ${to}`).join(', ')

/** LabError `older-version` if a service on the host is newer than this release: its data can't be downgraded. */
export function refuseOlder(moves: readonly Move[]): void {
  const older = moves.filter(({ from, to }) => isOlder(to, from))
  if (older.length === 0) return
  throw new LabError({
    code: 'older-version',
    what: `This version of librechat-lab has older services than the lab: ${movesText(older)}.`,
    why: 'Older versions can’t read what newer ones have written. Nothing was changed.',
    fix: [{ run: 'npx librechat-lab@latest', text: 'runs the newest version' }],
  })
}

/**
 * Compares by numbers. A release candidate is older than its release; text that is not a version is older than all
 * (as in host/update.py).
 */
function isOlder(one: string, other: string): boolean {
  const [a, b] = [parts(one), parts(other)]
  const at = a.findIndex((part, index) => part !== b[index])
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0)
}

const parts = (version: string): number[] => {
  const [, major, minor, patch = '0', candidate] = /^v?(\d+)\.(\d+)(?:\.(\d+))?(-.+)?$/.exec(version) ?? []
  if (major === undefined) return [0, 0, 0, 0]
  return [Number(major), Number(minor), Number(patch), candidate === undefined ? 1 : 0]
}
