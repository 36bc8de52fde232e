import type { Region, Tags } from '../account.js'
import type { Answers } from '../answers.js'
import { mayTouchAddress } from '../caller.js'
import { Refusal } from '../refusal.js'
import { toTags, type World } from '../world.js'

export const tags = {
  CreateTags(input, world) {
    for (const id of input.Resources ?? []) {
      Object.assign(tagsToChange('ec2:CreateTags', id, world), toTags(input.Tags))
    }
    return {}
  },
} satisfies Answers<typeof import('@aws-sdk/client-ec2')>

function tagsToChange(action: string, id: string, world: World): Tags {
  const there = tagsOf(world.here, id)
  if (world.here.addresses[id]) mayTouchAddress(action, id, there, world)
  return there
}

/** The tags of any EC2 resource; the error code depends on the id's prefix. */
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
