import { waitScale } from '../core/clock.js'
import type { Account, Region, Tags } from './account.js'
import type { Scenario } from './scenarios.js'

/** The factor by which a rehearsal is faster than AWS. */
export const usualSpeed = 20

/** Even faster if tests shorten waits to less than a tenth. */
export const speedWith = (env: NodeJS.ProcessEnv): number => Math.max(usualSpeed, 2 / waitScale(env, 1))

/** What an answer can read and change: the account's current state. */
export interface World {
  readonly account: Account
  /** The clients' region, and what is in it. */
  readonly region: string
  readonly here: Region
  readonly scenario: Scenario | undefined
  /** A scenario's state while the process runs, such as the throttled calls. */
  readonly memory: Map<string, string>
  /** Milliseconds since the epoch. */
  readonly now: number
  /** The time at which something is done that takes AWS `ms`. */
  after(ms: number): number
  /** A new id in AWS's form: `id('i')` is "i-" and 17 hexadecimal digits. */
  id(prefix: string): string
  /** Where this process's agent answers a session's data channel. */
  readonly streamUrl: string
}

type AnyTag = { Key?: string | undefined; Value?: string | undefined }

export const toTags = (tags: readonly AnyTag[] | undefined): Tags =>
  Object.fromEntries((tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value]))

export const fromTags = (tags: Tags): { Key: string; Value: string }[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))

/** The tags that a creating call gives to one kind of resource. */
export const tagsFor = (
  specifications:
    | readonly { ResourceType?: string | undefined; Tags?: readonly AnyTag[] | undefined }[]
    | undefined,
  kind: string,
): Tags => toTags(specifications?.filter((one) => one.ResourceType === kind).flatMap((one) => one.Tags ?? []))
