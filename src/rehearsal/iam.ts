import { accountId, type InstanceProfile, type Role, userName } from './account.js'
import type { Answers } from './answers.js'
import { found, Refusal } from './refusal.js'
import { fromTags, toTags, type World } from './world.js'

/** How long it takes until EC2 has heard of a new instance profile, in milliseconds. */
const spreadsIn = 5_000

const roleArn = (name: string) => `arn:aws:iam::${accountId}:role/${name}`
export const profileArn = (name: string) => `arn:aws:iam::${accountId}:instance-profile/${name}`

const noSuch = (what: string) => ['NoSuchEntity', `The ${what} cannot be found.`, 404] as const
const roleOf = ({ account }: World, name: string | undefined): Role =>
  found(account.roles, name, ...noSuch(`role with name ${name}`))
const profileOf = ({ account }: World, name: string | undefined): InstanceProfile =>
  found(account.profiles, name, ...noSuch(`instance profile with name ${name}`))

/** IAM keeps documents as they were given and answers them percent-encoded (RFC 3986). */
const encoded = (document: string) =>
  encodeURIComponent(document).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

function checkDocument(document: string | undefined): string {
  try {
    const { Statement } = JSON.parse(document ?? '')
    if (Statement) return document ?? ''
  } catch {
    // Not JSON: refused below, as any other malformed document.
  }
  throw new Refusal('MalformedPolicyDocument', 'Syntax errors in policy.')
}

const roleView = (name: string, role: Role) => ({
  Path: '/',
  RoleName: name,
  RoleId: role.id,
  Arn: roleArn(name),
  CreateDate: new Date(role.createdAt),
  AssumeRolePolicyDocument: encoded(role.trust),
  ...(role.description ? { Description: role.description } : {}),
  MaxSessionDuration: role.maxSession,
  ...(role.boundary
    ? {
        PermissionsBoundary: {
          PermissionsBoundaryType: 'PermissionsBoundaryPolicy' as const,
          PermissionsBoundaryArn: role.boundary,
        },
      }
    : {}),
  Tags: fromTags(role.tags),
})

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

/** "AROA…", "AIPA…": a kind and 17 capitals and digits. */
const iamId = (kind: string, { id }: World) => `${kind}${id('x').slice(2).toUpperCase()}`

export const iam = {
  CreateRole(input, world) {
    const name = input.RoleName ?? ''
    if (world.account.roles[name]) {
      throw new Refusal('EntityAlreadyExists', `Role with name ${name} already exists.`, 409)
    }
    const role: Role = {
      id: iamId('AROA', world),
      trust: checkDocument(input.AssumeRolePolicyDocument),
      ...(input.Description ? { description: input.Description } : {}),
      ...(input.PermissionsBoundary ? { boundary: input.PermissionsBoundary } : {}),
      maxSession: input.MaxSessionDuration ?? 3600,
      createdAt: world.now,
      tags: toTags(input.Tags),
      attached: [],
      inline: {},
    }
    world.account.roles[name] = role
    return { Role: roleView(name, role) }
  },

  GetRole(input, world) {
    return { Role: roleView(input.RoleName ?? '', roleOf(world, input.RoleName)) }
  },

  ListRoles(_input, world) {
    return {
      Roles: Object.entries(world.account.roles).map(([name, role]) => roleView(name, role)),
      IsTruncated: false,
    }
  },

  ListRoleTags(input, world) {
    return { Tags: fromTags(roleOf(world, input.RoleName).tags), IsTruncated: false }
  },

  TagRole(input, world) {
    Object.assign(roleOf(world, input.RoleName).tags, toTags(input.Tags))
    return {}
  },

  UntagRole(input, world) {
    const { tags } = roleOf(world, input.RoleName)
    for (const key of input.TagKeys ?? []) delete tags[key]
    return {}
  },

  UpdateAssumeRolePolicy(input, world) {
    roleOf(world, input.RoleName).trust = checkDocument(input.PolicyDocument)
    return {}
  },

  PutRolePermissionsBoundary(input, world) {
    roleOf(world, input.RoleName).boundary = input.PermissionsBoundary ?? ''
    return {}
  },

  DeleteRolePermissionsBoundary(input, world) {
    delete roleOf(world, input.RoleName).boundary
    return {}
  },

  AttachRolePolicy(input, world) {
    const role = roleOf(world, input.RoleName)
    const arn = input.PolicyArn ?? ''
    if (!role.attached.includes(arn)) role.attached.push(arn)
    return {}
  },

  DetachRolePolicy(input, world) {
    const role = roleOf(world, input.RoleName)
    if (!role.attached.includes(input.PolicyArn ?? '')) {
      throw new Refusal('NoSuchEntity', `Policy ${input.PolicyArn} was not found.`, 404)
    }
    role.attached = role.attached.filter((arn) => arn !== input.PolicyArn)
    return {}
  },

  ListAttachedRolePolicies(input, world) {
    const { attached } = roleOf(world, input.RoleName)
    return {
      AttachedPolicies: attached.map((PolicyArn) => ({ PolicyArn, PolicyName: PolicyArn.split('/').at(-1) })),
      IsTruncated: false,
    }
  },

  PutRolePolicy(input, world) {
    roleOf(world, input.RoleName).inline[input.PolicyName ?? ''] = checkDocument(input.PolicyDocument)
    return {}
  },

  GetRolePolicy(input, world) {
    const { inline } = roleOf(world, input.RoleName)
    const document = found(inline, input.PolicyName, ...noSuch(`role policy with name ${input.PolicyName}`))
    return { RoleName: input.RoleName, PolicyName: input.PolicyName, PolicyDocument: encoded(document) }
  },

  ListRolePolicies(input, world) {
    return { PolicyNames: Object.keys(roleOf(world, input.RoleName).inline), IsTruncated: false }
  },

  DeleteRolePolicy(input, world) {
    const { inline } = roleOf(world, input.RoleName)
    found(inline, input.PolicyName, ...noSuch(`role policy with name ${input.PolicyName}`))
    delete inline[input.PolicyName ?? '']
    return {}
  },

  DeleteRole(input, world) {
    const name = input.RoleName ?? ''
    const role = roleOf(world, name)
    const conflict = (what: string) =>
      new Refusal('DeleteConflict', `Cannot delete entity, must ${what} first.`, 409)
    if (Object.values(world.account.profiles).some((profile) => profile.role === name)) {
      throw conflict('remove roles from instance profile')
    }
    if (role.attached.length > 0) throw conflict('detach all policies')
    if (Object.keys(role.inline).length > 0) throw conflict('delete policies')
    delete world.account.roles[name]
    return {}
  },

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
    return {
      InstanceProfiles: Object.entries(world.account.profiles)
        .filter(([, profile]) => profile.role === input.RoleName)
        .map(([name, profile]) => profileView(name, profile, world)),
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

  GetUser(input, world) {
    const name = input.UserName ?? userName
    found(world.account.users, name, ...noSuch(`user with name ${name}`))
    return {
      User: {
        Path: '/',
        UserName: name,
        UserId: 'AIDAREHEARSAL',
        Arn: `arn:aws:iam::${accountId}:user/${name}`,
        CreateDate: new Date(0),
      },
    }
  },

  PutUserPolicy(input, world) {
    const policies = found(world.account.users, input.UserName, ...noSuch(`user with name ${input.UserName}`))
    policies[input.PolicyName ?? ''] = checkDocument(input.PolicyDocument)
    return {}
  },

  GetUserPolicy(input, world) {
    const policies = found(world.account.users, input.UserName, ...noSuch(`user with name ${input.UserName}`))
    const document = found(policies, input.PolicyName, ...noSuch(`user policy with name ${input.PolicyName}`))
    return { UserName: input.UserName, PolicyName: input.PolicyName, PolicyDocument: encoded(document) }
  },

  DeleteUserPolicy(input, world) {
    const policies = found(world.account.users, input.UserName, ...noSuch(`user with name ${input.UserName}`))
    found(policies, input.PolicyName, ...noSuch(`user policy with name ${input.PolicyName}`))
    delete policies[input.PolicyName ?? '']
    return {}
  },
} satisfies Answers<typeof import('@aws-sdk/client-iam')>
