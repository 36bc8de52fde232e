import { CreateTagsCommand, type EC2Client, type Instance } from '@aws-sdk/client-ec2'
import { tagKeys, tagValue } from '../resources/ownership.js'
import type { LabSnapshot } from '../resources/snapshots.js'

/** The last backup outside the host: a file that was read back, or a complete snapshot. */
export interface LastBackup {
  kind: 'file' | 'snapshot'
  /** Milliseconds since the epoch. */
  at: number
}

/**
 * Read from a tag of the instance, so it is known for a stopped one too. Anyone who can tag the instance can change
 * it.
 */
export function lastBackupOf(
  instance: Instance | undefined,
  snapshots: readonly LabSnapshot[],
): LastBackup | undefined {
  const file = Date.parse(tagValue(instance?.Tags, tagKeys.backedUp) ?? '')
  const found: LastBackup[] = [
    ...(Number.isNaN(file) ? [] : [{ kind: 'file' as const, at: file }]),
    ...snapshots
      .filter(({ state }) => state === 'completed')
      .map(({ at }) => ({ kind: 'snapshot' as const, at: Date.parse(at) })),
  ]
  return found.sort((a, b) => b.at - a.at)[0]
}

/** Records on the instance that a backup file was read back. */
export async function noteBackup(ec2: EC2Client, instanceId: string, at: number): Promise<void> {
  const Tags = [{ Key: tagKeys.backedUp, Value: new Date(at).toISOString() }]
  await ec2.send(new CreateTagsCommand({ Resources: [instanceId], Tags }))
}

/** "3 days ago (2026-11-23 10:15 UTC)", "less than a minute ago (…)" */
export function agoText(at: number, now: number): string {
  const minutes = Math.max(0, Math.round((now - at) / 60_000))
  const date = new Date(at).toISOString().slice(0, 16).replace('T', ' ')
  if (minutes < 1) return `less than a minute ago (${date} UTC)`
  const [amount, unit] =
    minutes < 120
      ? [minutes, 'minute']
      : minutes < 48 * 60
        ? [Math.round(minutes / 60), 'hour']
        : [Math.round(minutes / 1440), 'day']
  return `${amount} ${unit}${amount === 1 ? '' : 's'} ago (${date} UTC)`
}
