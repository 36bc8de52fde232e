import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetInstanceProfileCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  type IAMClient,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  paginateListAttachedRolePolicies,
  paginateListInstanceProfilesForRole,
  paginateListRolePolicies,
  TagRoleCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam'
import { ignoreErrors, isCode } from '../aws/errors.js'
import { collect } from '../core/collect.js'
import { LabError } from '../core/error.js'
import { type PolicyDocument, policySize, ROLE_INLINE_LIMIT } from '../core/policy.js'
import { retryWhile } from '../core/wait.js'
import type { EnsureContext, Resource, ResourceActions } from '../engine/resource.js'
import { backupPolicyName } from './backup-grant.js'
import { type CreationProof, creationOf, type Proven } from './creation.js'
import type { LabId } from './ownership.js'

export interface RoleState extends Proven {
  arn: string
  name: string
  trust: string
  boundary: string | undefined
  /** ARNs of all attached managed policies. */
  attached: readonly string[]
  /** The document of the lab's inline policy, in canonical form. */
  inline: string | undefined
  /** Names of inline policies that are not the lab's. */
  foreignInline: readonly string[]
}

/** IAM is eventually consistent: a new role may not be known everywhere. */
export const onceKnown = <T>({ clock, signal }: EnsureContext, action: () => Promise<T>): Promise<T> =>
  retryWhile(
    { for: 'the role to be available', deadlineMs: 60_000, clock, signal },
    (error) => isCode(error, 'NoSuchEntity'),
    action,
  )

const trust: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
}

/** A policy's canonical form, independent of the order of keys and of IAM's URL encoding. */
export const canonical = (text: string | undefined): string => {
  if (!text) return ''
  const plain = text.trimStart().startsWith('%') ? decodeURIComponent(text) : text
  try {
    return JSON.stringify(JSON.parse(plain), (_, value) =>
      value && typeof value === 'object' && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
        : value,
    )
  } catch {
    return plain
  }
}

/**
 * AmazonSSMManagedInstanceCore lets the host read every parameter in the account and region. The agent reads one only
 * for a document that refers to it (`{{ssm:…}}`), or for credentials of aws:downloadContent; the lab uses neither.
 * Source: aws/amazon-ssm-agent, agent/framework/docparser and agent/plugins/downloadcontent.
 */
const denyParameters = {
  Sid: 'NoParameters',
  Effect: 'Deny',
  Action: 'ssm:GetParameter*',
  Resource: '*',
} as const

const tooLarge = (size: number): LabError =>
  new LabError({
    code: 'role-policy-too-large',
    what: `The role's policy has ${size} characters, and IAM accepts ${ROLE_INLINE_LIMIT}.`,
    why: 'It lists each inference profile of the chosen models.',
    fix: [{ command: { path: 'up', flags: { models: '<ids>' } }, text: 'sets up fewer models' }],
  })

/** The instance's role: permissions for Systems Manager and the models. */
export function role(options: {
  iam: IAMClient
  lab: LabId
  adopt: boolean
  name: string
  /** The inline policy: which models it may call. */
  policyName: string
  policy: PolicyDocument
  permissionsBoundary: string | undefined
  proof: CreationProof
  after: readonly Resource[]
}): Resource<RoleState> {
  const { iam, lab, name, policyName } = options
  const creation = creationOf(options, 'role')
  const RoleName = name
  const managedPolicy = `arn:${lab.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore`
  const document: PolicyDocument = {
    ...options.policy,
    Statement: [...options.policy.Statement, denyParameters],
  }
  const size = policySize(document)
  const wanted = canonical(JSON.stringify(document))
  const wantedTrust = canonical(JSON.stringify(trust))

  const foreignManaged = (state: RoleState) => state.attached.filter((arn) => arn !== managedPolicy)

  const setBoundary = (): Promise<unknown> =>
    options.permissionsBoundary
      ? iam.send(
          new PutRolePermissionsBoundaryCommand({
            RoleName,
            PermissionsBoundary: options.permissionsBoundary,
          }),
        )
      : iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName }))

  return {
    name: `role ${name}`,
    after: options.after,
    id: (state) => state.name,

    async observe(seen) {
      const found = await ignoreErrors(['NoSuchEntity'], () => iam.send(new GetRoleCommand({ RoleName })))
      if (!found?.Role) return undefined
      const [attached, inlineNames, inline] = await Promise.all([
        ignoreErrors(['NoSuchEntity'], () => attachedPolicies(iam, RoleName)),
        ignoreErrors(['NoSuchEntity'], () => inlinePolicies(iam, RoleName)),
        ignoreErrors(['NoSuchEntity'], () =>
          iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: policyName })),
        ),
      ])
      const { RoleId } = found.Role
      const proven = await creation.check(found.Role.Tags, seen, (host) =>
        hasRole(iam, host.IamInstanceProfile?.Arn, RoleId),
      )
      return {
        ...proven,
        arn: found.Role.Arn ?? '',
        name,
        trust: canonical(found.Role.AssumeRolePolicyDocument),
        boundary: found.Role.PermissionsBoundary?.PermissionsBoundaryArn,
        attached: attached ?? [],
        inline: canonical(inline?.PolicyDocument),
        foreignInline: (inlineNames ?? []).filter((one) => one !== policyName),
      }
    },

    changes(state) {
      if (size > ROLE_INLINE_LIMIT) throw tooLarge(size)
      if (!state) {
        return [
          { what: 'managed policy', to: 'AmazonSSMManagedInstanceCore' },
          { what: 'may call', to: 'Bedrock models (InvokeModel, InvokeModelWithResponseStream)' },
        ]
      }
      return [
        ...creation.changes(state),
        ...(state.trust === wantedTrust
          ? []
          : [{ what: 'who may assume it', from: 'changed', to: 'EC2 only' }]),
        ...(state.boundary === options.permissionsBoundary
          ? []
          : [
              {
                what: 'permissions boundary',
                from: state.boundary ?? 'none',
                to: options.permissionsBoundary ?? 'none',
              },
            ]),
        ...(state.attached.includes(managedPolicy)
          ? []
          : [{ what: 'managed policy', from: 'detached', to: 'AmazonSSMManagedInstanceCore' }]),
        ...foreignManaged(state).map((from) => ({ what: 'foreign managed policy', from, to: 'detached' })),
        ...state.foreignInline.map((from) => ({
          what:
            from === backupPolicyName
              ? 'policy of a backup that runs or was interrupted'
              : 'foreign inline policy',
          from,
          to: 'deleted',
        })),
        ...(state.inline === wanted
          ? []
          : [
              {
                what: `policy ${policyName}`,
                from: state.inline ? 'changed' : 'missing',
                to: 'the chosen models',
              },
            ]),
      ]
    },

    async ensure(state, work) {
      let arn = state?.arn
      if (!state) {
        const { Role } = await iam.send(
          new CreateRoleCommand({
            RoleName,
            Description: 'LibreChat host: Systems Manager and Bedrock. Made by librechat-lab.',
            AssumeRolePolicyDocument: JSON.stringify(trust),
            Tags: creation.tags,
            ...(options.permissionsBoundary ? { PermissionsBoundary: options.permissionsBoundary } : {}),
          }),
        )
        arn = Role?.Arn
      }
      const Tags = state ? creation.missing(state) : []
      await Promise.all([
        Tags.length > 0 && iam.send(new TagRoleCommand({ RoleName, Tags })),
        state &&
          state.trust !== wantedTrust &&
          iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: JSON.stringify(trust) })),
        state && state.boundary !== options.permissionsBoundary && setBoundary(),
        !state?.attached.includes(managedPolicy) &&
          onceKnown(work, () =>
            iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: managedPolicy })),
          ),
        withdraw(iam, RoleName, state ? foreignManaged(state) : [], []),
      ])
      // All inline policies of a role share one size limit.
      await withdraw(iam, RoleName, [], state?.foreignInline ?? [])
      if (state?.inline !== wanted) {
        await onceKnown(work, () =>
          iam.send(
            new PutRolePolicyCommand({
              RoleName,
              PolicyName: policyName,
              PolicyDocument: JSON.stringify(document),
            }),
          ),
        )
      }
      return {
        arn: arn ?? '',
        name,
        owned: true,
        marked: true,
        trust: wantedTrust,
        boundary: options.permissionsBoundary,
        attached: [managedPolicy],
        inline: wanted,
        foreignInline: [],
      }
    },

    async remove({ attached, inline, foreignInline }) {
      const remove = () => ignoreErrors(['NoSuchEntity'], () => iam.send(new DeleteRoleCommand({ RoleName })))
      await withdraw(iam, RoleName, attached, [...(inline ? [policyName] : []), ...foreignInline])
      try {
        await remove()
      } catch (error) {
        // A policy was added after the observation.
        if (!isCode(error, 'DeleteConflict')) throw error
        await withdrawAll(iam, RoleName)
        await remove()
      }
    },
  }
}

/** The ARNs of a role's managed policies. */
export const attachedPolicies = (iam: IAMClient, RoleName: string): Promise<string[]> =>
  collect(paginateListAttachedRolePolicies({ client: iam }, { RoleName }), ({ AttachedPolicies = [] }) =>
    AttachedPolicies.map(({ PolicyArn = '' }) => PolicyArn),
  )

/** The names of a role's inline policies. */
export const inlinePolicies = (iam: IAMClient, RoleName: string): Promise<string[]> =>
  collect(paginateListRolePolicies({ client: iam }, { RoleName }), ({ PolicyNames }) => PolicyNames)

/** Removes all policies from a role, also foreign ones. */
async function withdrawAll(iam: IAMClient, RoleName: string): Promise<void> {
  const [attached, inline] = await Promise.all([
    ignoreErrors(['NoSuchEntity'], () => attachedPolicies(iam, RoleName)),
    ignoreErrors(['NoSuchEntity'], () => inlinePolicies(iam, RoleName)),
  ])
  await withdraw(iam, RoleName, attached ?? [], inline ?? [])
}

/** Removes policies from a role; ignores those that are already gone. */
export async function withdraw(
  iam: IAMClient,
  RoleName: string,
  attached: readonly string[],
  inline: readonly string[],
): Promise<void> {
  await Promise.all([
    ...attached.map((PolicyArn) =>
      ignoreErrors(['NoSuchEntity'], () => iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn }))),
    ),
    ...inline.map((PolicyName) =>
      ignoreErrors(['NoSuchEntity'], () => iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName }))),
    ),
  ])
}

/** Whether the instance profile has this exact role: a re-created role has another id. */
async function hasRole(iam: IAMClient, profileArn = '', RoleId = ''): Promise<boolean> {
  const InstanceProfileName = profileArn.split('/').at(-1) ?? ''
  if (InstanceProfileName === '') return false
  const found = await ignoreErrors(['NoSuchEntity'], () =>
    iam.send(new GetInstanceProfileCommand({ InstanceProfileName })),
  )
  return found?.InstanceProfile?.Roles?.some((role) => role.RoleId === RoleId) ?? false
}

/** The names of all instance profiles with the role, also foreign ones. */
export const profilesOf = async (iam: IAMClient, RoleName: string): Promise<string[]> =>
  (await ignoreErrors(['NoSuchEntity'], () =>
    collect(paginateListInstanceProfilesForRole({ client: iam }, { RoleName }), ({ InstanceProfiles = [] }) =>
      InstanceProfiles.map(({ InstanceProfileName = '' }) => InstanceProfileName),
    ),
  )) ?? []

export const roleActions = {
  observe: [
    'iam:GetRole',
    'iam:GetInstanceProfile',
    'iam:ListAttachedRolePolicies',
    'iam:ListRolePolicies',
    'iam:GetRolePolicy',
  ],
  ensure: [
    'iam:CreateRole',
    'iam:TagRole',
    'iam:AttachRolePolicy',
    'iam:PutRolePolicy',
    'iam:UpdateAssumeRolePolicy',
    'iam:PutRolePermissionsBoundary',
    'iam:DeleteRolePermissionsBoundary',
    'iam:DetachRolePolicy',
    'iam:DeleteRolePolicy',
  ],
  remove: [
    'iam:ListInstanceProfilesForRole',
    'iam:ListAttachedRolePolicies',
    'iam:ListRolePolicies',
    'iam:DetachRolePolicy',
    'iam:DeleteRolePolicy',
    'iam:DeleteRole',
  ],
} as const satisfies ResourceActions
