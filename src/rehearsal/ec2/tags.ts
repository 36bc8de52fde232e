import type { Region } from '../account.js'
import type { Answers } from '../answers.js'
import { mayTouchAddress } from '../caller.js'
import { Refusal } from '../refusal.js'
import { fromTags, type Tags, toTags, type World } from '../world.js'
import { passes } from './filter.js'

export const tags = {
  CreateTags(input, world) {
    for (const id of input.Resources ?? []) {
      Object.assign(tagsToChange('ec2:CreateTags', id, world), toTags(input.Tags))
    }
    return {}
  },

  DeleteTags(input, world) {
    for (const id of input.Resources ?? []) {
      const there = tagsToChange('ec2:DeleteTags', id, world)
      const going = input.Tags ?? Object.keys(there).map((Key) => ({ Key, Value: undefined }))
      for (const { Key = '', Value } of going) {
        if (Value === undefined || there[Key] === Value) delete there[Key]
      }
    }
    return {}
  },

  DescribeTags(input, { here }) {
    const all = Object.entries({
      ...mapTags('instance', here.instances),
      ...mapTags('security-group', here.groups),
      ...mapTags('elastic-ip', here.addresses),
    })
    return {
      Tags: all.flatMap(([ResourceId, { kind, tags }]) =>
        fromTags(tags)
          .filter(({ Key, Value }) =>
            passes(input.Filters, tags, {
              'resource-id': ResourceId,
              'resource-type': kind,
              key: Key,
              value: Value,
            }),
          )
          .map((tag) => ({ ...tag, ResourceId, ResourceType: kind as never })),
      ),
    }
  },
} satisfies Answers<typeof import('@aws-sdk/client-ec2')>

function tagsToChange(action: string, id: string, world: World): Tags {
  const there = tagsOf(world.here, id)
  if (world.here.addresses[id]) mayTouchAddress(action, id, there, world)
  return there
}

const mapTags = (kind: string, things: Record<string, { tags: Tags }>) =>
  Object.fromEntries(Object.entries(things).map(([id, { tags }]) => [id, { kind, tags }]))

/** The tags of anything that EC2 tags; the refusal's code depends on the id's beginning. */
function tagsOf(here: Region, id: string): Tags {
  const volume = Object.values(here.instances).find((instance) => instance.volume.id === id)?.volume
  const rule = Object.values(here.groups)
    .flatMap((group) => group.rules)
    .find((one) => one.id === id)
  const thing = here.instances[id] ?? here.groups[id] ?? here.addresses[id] ?? volume ?? rule
  if (thing) return thing.tags
  const codes: Record<string, string> = {
    i: 'InvalidInstanceID.NotFound',
    sg: 'InvalidGroup.NotFound',
    eipalloc: 'InvalidAllocationID.NotFound',
    vol: 'InvalidVolume.NotFound',
  }
  throw new Refusal(codes[id.split('-')[0] ?? ''] ?? 'InvalidID', `The ID '${id}' is not valid`)
}
