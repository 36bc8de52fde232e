import type { InstanceProfile } from '../account.js'
import type { Answers } from '../answers.js'
import { found, Refusal } from '../refusal.js'
import { fromTags, toTags, type World } from '../world.js'
import { iamId, noSuch, profileArn } from './common.js'
import { roleOf, roleView } from './roles.js'

/** How long it takes until EC2 knows a new instance profile, in milliseconds. */
const spreadsIn = 5_000

const profileOf = ({ account }: World, name: string | undefined): InstanceProfile =>
  found(account.profiles, name, ...noSuch(`instance profile with name ${name}`))

const profileView = (name: string, profile: InstanceProfile, { account }: World) => {
  const role = profile.role ? account.roles[profile.role] : undefined
  return {
    Path: '/',
    InstanceProfileName: name,
    InstanceProfileId: profile.id,
    Arn: profileArn(name),
    CreateDate: new Date(profile.createdAt),
    Roles: profile.role && role ? [roleView(profile.role, role)] : [],
    Tags: fromTags(profile.tags),
  }
}

export const profiles = {
  CreateInstanceProfile(input, world) {
    const name = input.InstanceProfileName ?? ''
    if (world.account.profiles[name]) {
      throw new Refusal('EntityAlreadyExists', `Instance Profile ${name} already exists.`, 409)
    }
    const profile: InstanceProfile = {
      id: iamId('AIPA', world),
      createdAt: world.now,
      tags: toTags(input.Tags),
      knownAt: world.after(spreadsIn),
    }
    world.account.profiles[name] = profile
    return { InstanceProfile: profileView(name, profile, world) }
  },

  GetInstanceProfile(input, world) {
    const profile = profileOf(world, input.InstanceProfileName)
    return { InstanceProfile: profileView(input.InstanceProfileName ?? '', profile, world) }
  },

  ListInstanceProfilesForRole(input, world) {
    roleOf(world, input.RoleName)
    const holding = Object.entries(world.account.profiles).filter(([, { role }]) => role === input.RoleName)
    return {
      InstanceProfiles: holding.map(([name, profile]) => profileView(name, profile, world)),
      IsTruncated: false,
    }
  },

  TagInstanceProfile(input, world) {
    Object.assign(profileOf(world, input.InstanceProfileName).tags, toTags(input.Tags))
    return {}
  },

  AddRoleToInstanceProfile(input, world) {
    const profile = profileOf(world, input.InstanceProfileName)
    roleOf(world, input.RoleName)
    if (profile.role) {
      throw new Refusal('LimitExceeded', 'Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1', 409)
    }
    profile.role = input.RoleName ?? ''
    return {}
  },

  RemoveRoleFromInstanceProfile(input, world) {
    const profile = profileOf(world, input.InstanceProfileName)
    if (profile.role !== input.RoleName) {
      throw new Refusal(...noSuch(`role with name ${input.RoleName}`))
    }
    delete profile.role
    return {}
  },

  DeleteInstanceProfile(input, world) {
    const profile = profileOf(world, input.InstanceProfileName)
    if (profile.role) {
      throw new Refusal(
        'DeleteConflict',
        'Cannot delete entity, must remove roles from instance profile first.',
        409,
      )
    }
    delete world.account.profiles[input.InstanceProfileName ?? '']
    return {}
  },
} satisfies Answers<typeof import('@aws-sdk/client-iam')>
