import { type Hint, LabError } from '../core/error.js'

/** A lab: its name, and the account and region that it is in. */
export interface LabId {
  /** "default" when none was given. */
  readonly name: string
  readonly region: string
  readonly account: string
  readonly partition: string
  /** The user's own tags for new resources. */
  readonly tags?: Readonly<Record<string, string>>
}

/** The tags that name the owner. IAM is global, so the region distinguishes the roles of two labs. */
export const tagKeys = {
  lab: 'librechat-lab:name',
  region: 'librechat-lab:region',
  protected: 'librechat-lab:protected',
  /** A one-time id that is stored in the settings before the resource is created. */
  creation: 'librechat-lab:creation',
  /** An address's own allocation id, to detect copied tags. */
  allocation: 'librechat-lab:allocation',
  /** On the instance: when it was stopped, and by which command. */
  stopped: 'librechat-lab:stopped',
  /** On the instance: when a backup file of it was last read back. */
  backedUp: 'librechat-lab:backed-up',
  /** A snapshot's name, as `backup list` shows it. */
  snapshot: 'librechat-lab:snapshot',
} as const

export interface Tag {
  Key: string
  Value: string
}

export const tagsOf = (lab: LabId): Tag[] => [
  { Key: tagKeys.lab, Value: lab.name },
  { Key: tagKeys.region, Value: lab.region },
  ...Object.entries(lab.tags ?? {}).map(([Key, Value]) => ({ Key, Value })),
]

/** The filters for this lab's resources in EC2's describe calls. */
export const ownedFilters = (lab: { name: string; region: string }) => [
  { Name: `tag:${tagKeys.lab}`, Values: [lab.name] },
  { Name: `tag:${tagKeys.region}`, Values: [lab.region] },
]

/** A lab of this name is in another region. */
export class OtherRegion extends LabError {
  constructor(
    lab: LabId,
    what: string,
    readonly there: string,
  ) {
    super({
      code: 'other-region',
      what: `The lab "${lab.name}" is in ${there}, not in ${lab.region}.`,
      why: `The ${what} is global, so a lab's name is used in one region only.`,
      fix: [
        { command: { path: 'up', flags: { region: there } }, text: 'uses the lab there' },
        {
          command: { path: 'up', flags: { name: lab.region, region: lab.region } },
          text: 'creates a second lab here',
        },
      ],
    })
  }
}

type AnyTag = { Key?: string | undefined; Value?: string | undefined }
export const tagValue = (tags: readonly AnyTag[] | undefined, key: string) =>
  tags?.find((tag) => tag.Key === key)?.Value

export const isOwned = (lab: Pick<LabId, 'name' | 'region'>, tags: readonly AnyTag[] | undefined): boolean =>
  tagValue(tags, tagKeys.lab) === lab.name && tagValue(tags, tagKeys.region) === lab.region

/**
 * Checks that a resource has this lab's tags. LabError `unowned` for a foreign resource, `other-region` if a lab of
 * the same name in another region owns it. With `adopt`, returns false for a foreign one.
 */
export function checkOwned(
  lab: LabId,
  what: string,
  tags: readonly AnyTag[] | undefined,
  adopt: boolean,
): boolean {
  const name = tagValue(tags, tagKeys.lab)
  const region = tagValue(tags, tagKeys.region)
  if (isOwned(lab, tags)) return true
  if (name === lab.name && region !== undefined) throw new OtherRegion(lab, what, region)
  if (adopt && name === undefined) return false
  throw new LabError({
    code: 'unowned',
    what: `There is already a ${what} that is not this lab's.`,
    why: name
      ? `It belongs to the lab "${name}".`
      : 'It does not carry the tags of librechat-lab, so it is left as it is.',
    fix: [otherName, ...(name ? [] : [adoptIt])],
  })
}

/** The advice about a resource that has the lab's name and is not proven to be the lab's. */
export const otherName: Hint = {
  command: { path: 'up', flags: { name: 'my-lab' } },
  text: 'creates a lab of another name',
}
export const adoptIt: Hint = {
  command: { keeps: true, path: 'up', flags: { adopt: true } },
  text: 'adopts it, if it is yours and librechat-lab may change it',
}

/** Whether a resource has the lab's name but is not the lab's. */
export const isStrangers = (error: unknown): boolean =>
  error instanceof LabError && (error.code === 'unowned' || error.code === 'other-region')
