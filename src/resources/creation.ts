import type { Instance } from '@aws-sdk/client-ec2'
import { LabError } from '../core/error.js'
import type { Resource } from '../engine/resource.js'
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

/** What proves a role, an instance profile, a schedule group and a budget: anybody may give their names and tags. */
export interface CreationProof {
  /** The one-time id that the settings hold before the creating call, which gives it as a tag. */
  id: string
  /** Whether the settings held it before this run, or no older version made such a thing. */
  isRecorded: boolean
  settings: Resource
  identity: Resource<Identity>
}

export interface Proven {
  /** False: it is not the lab's yet, and the user adopts it. */
  owned: boolean
  /** Whether it has the id. */
  marked: boolean
}

const nouns = {
  role: 'role',
  profile: 'instance profile',
  'schedule-group': 'schedule group',
  budget: 'budget',
} as const
type Kind = keyof typeof nouns

/** It has the lab's name and tags, and no proof. `status` and `destroy` list it and leave it alone. */
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

/**
 * Accepts what has the id; what an older version made, as long as the lab's settings are stored; and what the proven
 * instance uses. LabError `unowned`, `other-region`; `adopt` accepts the former.
 */
export async function checkProven(
  about: { lab: LabId; adopt: boolean; kind: Kind; name: string; proof: CreationProof },
  tags: Parameters<typeof checkOwned>[2],
  seen: Seen,
  isUsedBy?: (host: Instance) => Promise<boolean>,
): Promise<Proven> {
  const { lab, adopt, kind, name, proof } = about
  const what = `${nouns[kind]} ${name}`
  if (!checkOwned(lab, what, tags, adopt)) return { owned: false, marked: false }
  const id = tagValue(tags, tagKeys.creation)
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
}

/** The tags of the creating call, and of an adoption. */
export const creationTags = (lab: LabId, { id }: CreationProof): Tag[] => [
  { Key: tagKeys.creation, Value: id },
  ...tagsOf(lab),
]

/** What is still missing of them. */
export const missingTags = (lab: LabId, proof: CreationProof, { owned, marked }: Proven): Tag[] =>
  owned ? (marked ? [] : creationTags(lab, proof).slice(0, 1)) : creationTags(lab, proof)

export const proofChanges = (lab: LabId, { owned, marked }: Proven) => [
  ...(owned ? [] : [{ what: 'ownership', from: 'not ours', to: `lab ${lab.name}` }]),
  ...(owned && !marked ? [{ what: 'creation id', from: 'missing', to: 'tagged' }] : []),
]
