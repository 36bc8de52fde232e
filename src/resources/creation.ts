import type { Instance } from '@aws-sdk/client-ec2'
import { LabError } from '../core/error.js'
import type { Change, Resource } from '../engine/resource.js'
import type { Identity, Stranger } from './identity.js'
import {
  adoptIt,
  checkOwned,
  type LabId,
  otherName,
  type Tag,
  tagKeys,
  tagsOf,
  tagValue,
} from './ownership.js'

/**
 * The proof of a role, an instance profile, a schedule group or a budget. Names and tags don't prove it: anyone can
 * set them.
 */
export interface CreationProof {
  /** A one-time id, stored in the settings before the creating call, which sets it as a tag. */
  id: string
  /** Whether the settings had it before this run, or no older version created this kind of resource. */
  isRecorded: boolean
  settings: Resource
  identity: Resource<Identity>
}

export interface Proven {
  /** False: the resource is not the lab's yet, and this run adopts it. */
  owned: boolean
  /** Whether it has the creation id. */
  marked: boolean
}

const nouns = {
  role: 'role',
  profile: 'instance profile',
  'schedule-group': 'schedule group',
  budget: 'budget',
} as const
type Kind = keyof typeof nouns

/**
 * A resource with the lab's name and tags, but without a proof. `status` and `destroy` list it and don't change it.
 */
export class Unproven extends LabError {
  constructor(readonly stranger: Stranger) {
    const { kind, id } = stranger
    super({
      code: 'unowned',
      what: `There is already ${kind === 'profile' ? 'an' : 'a'} ${nouns[kind as Kind]} ${id}, and it is not proven to be this lab's.`,
      why: `${stranger.why} Nothing was changed.`,
      fix: [otherName, adoptIt],
    })
  }
}

type Seen = Parameters<Resource['observe']>[0]

/** Checks the creation id and the tags of a resource, and gives the wanted tags and the plan's changes. */
export interface Creation {
  /**
   * Accepts a resource with the id; one of an older version, if the lab's settings are stored; and one that the
   * proven instance uses. LabError `unowned`, `other-region`; `adopt` accepts the former.
   */
  check(
    tags: Parameters<typeof checkOwned>[2],
    seen: Seen,
    isUsedBy?: (host: Instance) => Promise<boolean>,
  ): Promise<Proven>
  /** The tags of the creating call, and of an adoption. */
  readonly tags: Tag[]
  /** The tags that are missing. */
  missing(state: Proven): Tag[]
  changes(state: Proven): Change[]
}

export function creationOf(
  { lab, adopt, name, proof }: { lab: LabId; adopt: boolean; name: string; proof: CreationProof },
  kind: Kind,
): Creation {
  const tags: Tag[] = [{ Key: tagKeys.creation, Value: proof.id }, ...tagsOf(lab)]
  return {
    async check(found, seen, isUsedBy) {
      if (!checkOwned(lab, `${nouns[kind]} ${name}`, found, adopt)) return { owned: false, marked: false }
      const id = tagValue(found, tagKeys.creation)
      if (id === proof.id) return { owned: true, marked: true }
      const isOlder = !proof.isRecorded && id === undefined && (await seen(proof.settings)) !== undefined
      if (isOlder) return { owned: true, marked: false }
      const host = isUsedBy && (await seen(proof.identity))?.instance
      if (host && (await isUsedBy(host))) return { owned: true, marked: false }
      if (adopt) return { owned: false, marked: false }
      throw new Unproven({
        kind,
        id: name,
        name: '',
        why: `It has the lab’s tags, but not the creation id in the settings${isUsedBy ? ', and the lab’s instance does not use it' : ''}.`,
      })
    },
    tags,
    missing: ({ owned, marked }) => (owned ? (marked ? [] : tags.slice(0, 1)) : tags),
    changes: ({ owned, marked }) => [
      ...(owned ? [] : [{ what: 'ownership', from: 'not ours', to: `lab ${lab.name}` }]),
      ...(owned && !marked ? [{ what: 'creation id', from: 'missing', to: 'tagged' }] : []),
    ],
  }
}
