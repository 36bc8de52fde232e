import {
  type EC2Client,
  paginateDescribeIamInstanceProfileAssociations,
  paginateDescribeInstances,
} from '@aws-sdk/client-ec2'
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  DeleteInstanceProfileCommand,
  GetInstanceProfileCommand,
  type IAMClient,
  RemoveRoleFromInstanceProfileCommand,
  TagInstanceProfileCommand,
} from '@aws-sdk/client-iam'
import { ignoreErrors, isCode } from '../aws/errors.js'
import { collect } from '../core/collect.js'
import type { Resource, ResourceActions } from '../engine/resource.js'
import { type CreationProof, creationOf, type Proven } from './creation.js'
import type { LabId } from './ownership.js'
import { onceKnown, type RoleState } from './role.js'

export interface InstanceProfileState extends Proven {
  arn: string
  /** AWS's unique id, "AIPA…". A re-created profile has the same name and another id. */
  id: string
  roles: readonly string[]
}

/** The instance profile, which attaches the role to the instance. */
export function instanceProfile(options: {
  iam: IAMClient
  lab: LabId
  adopt: boolean
  name: string
  role: Resource<RoleState>
  proof: CreationProof
}): Resource<InstanceProfileState> {
  const { iam, name, role } = options
  const creation = creationOf(options, 'profile')
  const InstanceProfileName = name

  return {
    name: `instance profile ${name}`,
    after: [role, options.proof.settings],
    id: () => name,

    async observe(seen) {
      const found = await ignoreErrors(['NoSuchEntity'], () =>
        iam.send(new GetInstanceProfileCommand({ InstanceProfileName })),
      )
      const profile = found?.InstanceProfile
      if (!profile) return undefined
      const id = profile.InstanceProfileId ?? ''
      const proven = await creation.check(
        profile.Tags,
        seen,
        async (host) => host.IamInstanceProfile?.Id === id,
      )
      return {
        ...proven,
        arn: profile.Arn ?? '',
        id,
        roles: (profile.Roles ?? []).map((r) => r.RoleName ?? ''),
      }
    },

    changes(state) {
      if (!state) return [{ what: 'role', to: name }]
      return [
        ...creation.changes(state),
        ...(state.roles.length === 1 && state.roles[0] === name
          ? []
          : [{ what: 'role', from: state.roles.join(', ') || 'none', to: name }]),
      ]
    },

    async ensure(state, work) {
      let { arn = '', id = '' } = state ?? {}
      if (!state) {
        const { InstanceProfile } = await iam.send(
          new CreateInstanceProfileCommand({ InstanceProfileName, Tags: creation.tags }),
        )
        arn = InstanceProfile?.Arn ?? ''
        id = InstanceProfile?.InstanceProfileId ?? ''
      }
      const Tags = state ? creation.missing(state) : []
      if (Tags.length > 0) await iam.send(new TagInstanceProfileCommand({ InstanceProfileName, Tags }))
      for (const RoleName of (state?.roles ?? []).filter((r) => r !== name)) {
        await iam.send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName, RoleName }))
      }
      if (!state?.roles.includes(name)) {
        await work.ready(role)
        try {
          await onceKnown(work, () =>
            iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName: name })),
          )
        } catch (error) {
          // A profile can have one role, so this code is also returned if the role is already in it.
          if (!isCode(error, 'LimitExceeded')) throw error
          const { InstanceProfile } = await iam.send(new GetInstanceProfileCommand({ InstanceProfileName }))
          if (InstanceProfile?.Roles?.[0]?.RoleName !== name) throw error
        }
      }
      return { arn, id, owned: true, marked: true, roles: [name] }
    },

    async remove(state) {
      await Promise.all(
        state.roles.map((RoleName) =>
          ignoreErrors(['NoSuchEntity'], () =>
            iam.send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName, RoleName })),
          ),
        ),
      )
      await ignoreErrors(['NoSuchEntity'], () =>
        iam.send(new DeleteInstanceProfileCommand({ InstanceProfileName })),
      )
    },
  }
}

/** Foreign instances in this region that use the profile. AWS cannot filter associations by profile. */
export async function profileUsers(
  ec2: EC2Client,
  arn: string,
  ours: readonly (string | undefined)[],
): Promise<string[]> {
  const Filters = [{ Name: 'state', Values: ['associating', 'associated'] }]
  const users = await collect(
    paginateDescribeIamInstanceProfileAssociations({ client: ec2 }, { Filters }),
    ({ IamInstanceProfileAssociations = [] }) =>
      IamInstanceProfileAssociations.flatMap(({ IamInstanceProfile, InstanceId = '' }) =>
        IamInstanceProfile?.Arn === arn && !ours.includes(InstanceId) ? [InstanceId] : [],
      ),
  )
  if (users.length === 0) return []
  // An association can exist for a moment after its instance is terminated.
  const live = [
    { Name: 'instance-id', Values: users },
    { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] },
  ]
  return await collect(
    paginateDescribeInstances({ client: ec2 }, { Filters: live }),
    ({ Reservations = [] }) =>
      Reservations.flatMap(({ Instances = [] }) => Instances.map(({ InstanceId = '' }) => InstanceId)),
  )
}

export const instanceProfileActions = {
  observe: ['iam:GetInstanceProfile'],
  ensure: [
    'iam:CreateInstanceProfile',
    'iam:TagInstanceProfile',
    'iam:AddRoleToInstanceProfile',
    'iam:RemoveRoleFromInstanceProfile',
    'iam:PassRole',
  ],
  remove: [
    'ec2:DescribeIamInstanceProfileAssociations',
    'ec2:DescribeInstances',
    'iam:RemoveRoleFromInstanceProfile',
    'iam:DeleteInstanceProfile',
  ],
} as const satisfies ResourceActions
