import {
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  type IAMClient,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  type Role,
  TagRoleCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam'
import { ignoreErrors } from '../aws/errors.js'
import type { PolicyDocument } from '../core/policy.js'
import type { Change, Resource, ResourceActions } from '../engine/resource.js'
import { type Creation, type CreationProof, creationOf, type Proven } from './creation.js'
import type { InstanceState } from './instance.js'
import type { LabId } from './ownership.js'
import { attachedPolicies, canonical, inlinePolicies, onceKnown, withdraw } from './role.js'

export interface ScheduleRoleState extends Proven {
  arn: string
  name: string
  trust: string
  boundary: string | undefined
  /** The document of the lab's inline policy, in canonical form. */
  inline: string
  /** ARNs of managed policies and names of inline policies that the lab did not add. */
  foreign: { attached: readonly string[]; inline: readonly string[] }
}

/** Kept separate from the host's role: nothing on the host can assume it. */
const policyName = 'LibreChatSchedule'

/**
 * Only Scheduler, for this account and the lab's own group of schedules, may assume it:
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
 */
const trustOf = ({ account }: LabId, groupArn: string): PolicyDocument => ({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Service: 'scheduler.amazonaws.com' },
      Action: 'sts:AssumeRole',
      Condition: { StringEquals: { 'aws:SourceAccount': account, 'aws:SourceArn': groupArn } },
    },
  ],
})

const policyOf = ({ partition, region, account }: LabId, instanceId: string): PolicyDocument => ({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Action: ['ec2:StartInstances', 'ec2:StopInstances'],
      Resource: `arn:${partition}:ec2:${region}:${account}:instance/${instanceId}`,
    },
  ],
})

interface Options {
  iam: IAMClient
  lab: LabId
  adopt: boolean
  name: string
  groupArn: string
  permissionsBoundary: string | undefined
  proof: CreationProof
  instance: Resource<InstanceState>
  after: readonly Resource[]
}

/** The role with which Scheduler starts and stops the lab's instance, and no other instance. */
export function scheduleRole(options: Options): Resource<ScheduleRoleState> {
  const { iam, lab, name, instance } = options
  const creation = creationOf(options, 'role')
  const trust = canonical(JSON.stringify(trustOf(lab, options.groupArn)))
  const wantedInline = (host: InstanceState | undefined) =>
    canonical(JSON.stringify(policyOf(lab, host?.instanceId ?? 'none')))
  return {
    name: `role ${name}`,
    after: [instance, ...options.after],
    id: (state) => state.name,

    async observe(seen) {
      await seen(instance)
      const found = await ignoreErrors(['NoSuchEntity'], () =>
        iam.send(new GetRoleCommand({ RoleName: name })),
      )
      if (!found?.Role) return undefined
      const proven = await creation.check(found.Role.Tags, seen)
      return { ...proven, ...(await inspectRole(options, found.Role)) }
    },

    changes(state, seen) {
      if (!state) return [{ what: 'may start and stop', to: 'the instance, for EventBridge Scheduler' }]
      return [
        ...creation.changes(state),
        ...differences(state, options, { trust, inline: wantedInline(seen(instance)) }),
      ]
    },

    async ensure(state, work) {
      const host = await work.ready(instance)
      const inline = wantedInline(host)
      const RoleName = name
      const arn = state?.arn ?? (await create(options, creation))
      if (state) await repair(options, creation, state, trust)
      if (state?.inline !== inline) {
        const PolicyDocument = JSON.stringify(policyOf(lab, host.instanceId))
        await onceKnown(work, () =>
          iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: policyName, PolicyDocument })),
        )
      }
      const foreign = { attached: [], inline: [] }
      return {
        arn,
        name,
        owned: true,
        marked: true,
        trust,
        boundary: options.permissionsBoundary,
        inline,
        foreign,
      }
    },

    async remove() {
      await ignoreErrors(['NoSuchEntity'], async () => {
        const { attached, inline } = await policiesOf(options)
        await withdraw(iam, name, attached, inline)
      })
      await ignoreErrors(['NoSuchEntity'], () => iam.send(new DeleteRoleCommand({ RoleName: name })))
    },
  }
}

export const scheduleRoleActions = {
  observe: ['iam:GetRole', 'iam:ListAttachedRolePolicies', 'iam:ListRolePolicies', 'iam:GetRolePolicy'],
  ensure: [
    'iam:CreateRole',
    'iam:TagRole',
    'iam:PutRolePolicy',
    'iam:UpdateAssumeRolePolicy',
    'iam:PutRolePermissionsBoundary',
    'iam:DeleteRolePermissionsBoundary',
    'iam:DetachRolePolicy',
    'iam:DeleteRolePolicy',
  ],
  remove: [
    'iam:ListAttachedRolePolicies',
    'iam:ListRolePolicies',
    'iam:DetachRolePolicy',
    'iam:DeleteRolePolicy',
    'iam:DeleteRole',
  ],
} as const satisfies ResourceActions

async function policiesOf({ iam, name }: Options) {
  const [attached, inline] = await Promise.all([attachedPolicies(iam, name), inlinePolicies(iam, name)])
  return { attached, inline }
}

async function inspectRole(options: Options, found: Role): Promise<Omit<ScheduleRoleState, keyof Proven>> {
  const { iam, name } = options
  const [{ attached, inline }, own] = await Promise.all([
    policiesOf(options),
    ignoreErrors(['NoSuchEntity'], () =>
      iam.send(new GetRolePolicyCommand({ RoleName: name, PolicyName: policyName })),
    ),
  ])
  return {
    arn: found.Arn ?? '',
    name,
    trust: canonical(found.AssumeRolePolicyDocument),
    boundary: found.PermissionsBoundary?.PermissionsBoundaryArn,
    inline: canonical(own?.PolicyDocument),
    foreign: { attached, inline: inline.filter((one) => one !== policyName) },
  }
}

function differences(
  state: ScheduleRoleState,
  { permissionsBoundary }: Options,
  wanted: { trust: string; inline: string },
): Change[] {
  const changes: Change[] = []
  if (state.trust !== wanted.trust)
    changes.push({ what: 'who may assume it', from: 'changed', to: 'Scheduler, for this lab only' })
  if (state.boundary !== permissionsBoundary)
    changes.push({
      what: 'permissions boundary',
      from: state.boundary ?? 'none',
      to: permissionsBoundary ?? 'none',
    })
  if (state.inline !== wanted.inline)
    changes.push({
      what: 'may start and stop',
      from: state.inline ? 'something else' : 'nothing',
      to: 'this instance only',
    })
  return [
    ...changes,
    ...state.foreign.attached.map((from) => ({ what: 'foreign managed policy', from, to: 'detached' })),
    ...state.foreign.inline.map((from) => ({ what: 'foreign inline policy', from, to: 'deleted' })),
  ]
}

async function create(
  { iam, lab, name, groupArn, permissionsBoundary }: Options,
  creation: Creation,
): Promise<string> {
  const { Role } = await iam.send(
    new CreateRoleCommand({
      RoleName: name,
      Description: 'EventBridge Scheduler: starts and stops a LibreChat host. Made by librechat-lab.',
      AssumeRolePolicyDocument: JSON.stringify(trustOf(lab, groupArn)),
      Tags: creation.tags,
      ...(permissionsBoundary ? { PermissionsBoundary: permissionsBoundary } : {}),
    }),
  )
  return Role?.Arn ?? ''
}

async function repair(
  options: Options,
  creation: Creation,
  state: ScheduleRoleState,
  trust: string,
): Promise<void> {
  const { iam, lab, name: RoleName, groupArn, permissionsBoundary } = options
  const { foreign } = state
  const Tags = creation.missing(state)
  if (Tags.length > 0) await iam.send(new TagRoleCommand({ RoleName, Tags }))
  if (state.trust !== trust) {
    const PolicyDocument = JSON.stringify(trustOf(lab, groupArn))
    await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }))
  }
  if (state.boundary !== permissionsBoundary)
    await (permissionsBoundary
      ? iam.send(
          new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary: permissionsBoundary }),
        )
      : iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName })))
  await withdraw(options.iam, options.name, foreign.attached, foreign.inline)
}
