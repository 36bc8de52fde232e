import { ROLE_INLINE_LIMIT } from '../../core/policy.js'
import type { Role } from '../account.js'
import type { Answers } from '../answers.js'
import { found, Refusal } from '../refusal.js'
import { fromTags, toTags, type World } from '../world.js'
import { checkDocument, encoded, iamId, noSuch, roleArn } from './common.js'

export const roleOf = ({ account }: World, name: string | undefined): Role =>
  found(account.roles, name, ...noSuch(`role with name ${name}`))
export const roleView = (name: string, role: Role) => ({
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

export const roles = {
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

  TagRole(input, world) {
    Object.assign(roleOf(world, input.RoleName).tags, toTags(input.Tags))
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
    const { inline } = roleOf(world, input.RoleName)
    const after = { ...inline, [input.PolicyName ?? '']: checkDocument(input.PolicyDocument) }
    // All inline policies of a role share one limit, without whitespace.
    if (Object.values(after).join('').replace(/\s/g, '').length > ROLE_INLINE_LIMIT) {
      const message = `Maximum policy size of ${ROLE_INLINE_LIMIT} bytes exceeded for role ${input.RoleName}`
      throw new Refusal('LimitExceeded', message, 409)
    }
    Object.assign(inline, after)
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
} satisfies Answers<typeof import('@aws-sdk/client-iam')>
