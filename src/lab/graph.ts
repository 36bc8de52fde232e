import { randomBytes } from 'node:crypto'
import type { Clients } from '../aws/clients.js'
import type { PolicyDocument } from '../core/policy.js'
import type { Resource } from '../engine/resource.js'
import { type AddressState, address } from '../resources/address.js'
import { type AssociationState, association } from '../resources/association.js'
import { type BudgetState, budget } from '../resources/budget.js'
import { type Identity, identity as identityOf, type Recorded } from '../resources/identity.js'
import { type InstanceState, instance } from '../resources/instance.js'
import { type InstanceProfileState, instanceProfile } from '../resources/instance-profile.js'
import { isStrangers, type LabId } from '../resources/ownership.js'
import { type RoleState, role } from '../resources/role.js'
import { groupArnOf, type ScheduleGroupState, scheduleGroup } from '../resources/schedule-group.js'
import { type ScheduleRoleState, scheduleRole } from '../resources/schedule-role.js'
import { type SchedulesState, schedules } from '../resources/schedules.js'
import { type Rule, type SecurityGroupState, securityGroup } from '../resources/security-group.js'
import {
  overwrite,
  type ReadSettings,
  readParameter,
  type SettingsParameterState,
  settingsConflict,
  settingsParameter,
} from '../resources/settings-parameter.js'
import type { LaunchTarget } from './launch-target.js'
import { names } from './names.js'
import { expressionsOf, scheduleText } from './schedule.js'
import { nothingChosen, type Settings, settingsSchema } from './settings.js'
import { describeSettingsChange, formatSettings, parseSettings } from './stored-settings.js'

/** The resources of a lab, and their dependencies. */
export interface LabGraph {
  settings: Resource<SettingsParameterState>
  role: Resource<RoleState>
  profile: Resource<InstanceProfileState>
  group: Resource<SecurityGroupState>
  address: Resource<AddressState>
  instance: Resource<InstanceState>
  association: Resource<AssociationState>
  scheduleRole: Resource<ScheduleRoleState>
  scheduleGroup: Resource<ScheduleGroupState>
  schedules: Resource<SchedulesState>
  budget: Resource<BudgetState>
  /** What is proven to be the lab's. Not itself a resource in AWS. */
  identity: Resource<Identity>
  /** All resources that the settings want, in the order of their dependencies. */
  all: Resource[]
}

/** The resources that start and stop the lab on a schedule. */
export const scheduleOf = ({ scheduleRole, scheduleGroup, schedules }: LabGraph): Resource[] => [
  scheduleRole,
  scheduleGroup,
  schedules,
]

export interface GraphOptions {
  clients: Clients
  lab: LabId
  settings: Settings
  /** What the role may call. */
  policy: PolicyDocument
  adopt: boolean
  /**
   * Where an instance and a group are created; called only if they are. Undefined for a command that neither creates
   * nor updates them or the address, which then makes fewer requests.
   */
  place: (() => Promise<LaunchTarget>) | undefined
  userData: Buffer | undefined
  /** Includes the schedule's resources even if the settings have no schedule, for commands that remove them. */
  withSchedule?: boolean
  /** Reads the settings parameter for the first observation. */
  settingsRead?: ReadSettings | undefined
  /** The instance that is being replaced; it stays until its data is moved. */
  replaces?: string | undefined
}

export function labGraph({
  clients,
  lab: id,
  settings: chosen,
  policy,
  adopt,
  place,
  userData,
  withSchedule = false,
  settingsRead,
  replaces,
}: GraphOptions): LabGraph {
  const { budgets, ec2, ec2Once, iam, ssm } = clients
  const lab: LabId = chosen.tags ? { ...id, tags: chosen.tags } : id
  const called = names(lab.name)
  let recorded: Recorded = recordedIn(chosen)
  const { creations = {} } = chosen
  const created = {
    address: creations.address ?? newCreation(),
    group: creations.group ?? newCreation(),
    role: creations.role ?? newCreation(),
    profile: creations.profile ?? newCreation(),
    scheduleRole: creations.scheduleRole ?? newCreation(),
    scheduleGroup: creations.scheduleGroup ?? newCreation(),
    // Kept after the budget is removed, because a run that was killed may have left it.
    ...(chosen.budget || creations.budget ? { budget: creations.budget ?? newCreation() } : {}),
  }
  const identity = identityOf({
    ec2,
    lab,
    // A generation or creation id that this run stores counts immediately.
    recorded: () => ({ ...recorded, creations: created }),
    names: called,
  })
  const settingsFor = (seen: Identity | undefined): Settings => {
    const adopted = seen?.unconfirmed ? { ...recorded.adopted, ...seen.unconfirmed } : recorded.adopted
    const { generation, previousGeneration } = recorded
    const { scheduleRole: _, scheduleGroup: __, ...always } = created
    return settingsSchema.parse({
      ...chosen,
      generation,
      previousGeneration,
      creations: mayHaveSchedule(chosen) ? created : always,
      adopted,
    })
  }
  const settings = settingsParameter({
    ssm,
    lab,
    adopt,
    name: called.settings,
    value: (seen) => formatSettings(settingsFor(seen), lab),
    identity,
    read: settingsRead,
    describe: (before, after) => describeSettingsChange(before, after, lab),
  })
  // The settings come first, so that a run killed in the middle leaves them, and go last.
  const after = [settings]
  const proofOf = (kind: 'role' | 'profile' | 'scheduleRole' | 'scheduleGroup') => ({
    id: created[kind],
    // No released version made a schedule without an id.
    isRecorded: creations[kind] !== undefined || kind.startsWith('schedule'),
    settings,
    identity,
  })
  const instanceRole = role({
    iam,
    lab,
    adopt,
    name: called.role,
    policyName: called.policy,
    policy,
    permissionsBoundary: chosen.permissionsBoundary,
    proof: proofOf('role'),
    after,
  })
  const profile = instanceProfile({
    iam,
    lab,
    adopt,
    name: called.role,
    role: instanceRole,
    proof: proofOf('profile'),
  })
  const group = securityGroup({
    ec2,
    lab,
    adopt,
    name: called.group,
    vpcId: place && (async () => (await place()).vpcId),
    ingress: ingressOf(chosen),
    creation: created.group,
    identity,
    after,
  })
  const elasticIp = address({
    ec2,
    ec2Once,
    lab,
    name: called.instance,
    creation: created.address,
    withTransfers: place !== undefined,
    identity,
    after,
  })
  const host = instance({
    ec2,
    ec2Once,
    lab,
    name: called.instance,
    type: chosen.instanceType,
    diskGb: chosen.diskGb,
    place: place ?? nowhere,
    generation: () => recorded.generation,
    // This version stores the creation ids together with the generation.
    isNewGeneration: chosen.creations === undefined,
    identity,
    renew: async (seen) => {
      // The instance that is being replaced stays proven, however often its successor is launched.
      const previousGeneration = replaces ? recorded.previousGeneration : recorded.generation
      const generations = { generation: newGeneration(), previousGeneration }
      recorded = { ...recorded, ...generations }
      const value = formatSettings(settingsFor(seen), lab)
      const found = await readParameter(ssm, called.settings)
      const there = found && parseSettings(found.value, called.settings, lab)
      // Someone without the lock wrote the settings after this run did.
      if (!there || formatSettings({ ...there, ...generations }, lab) !== value)
        throw settingsConflict(called.settings)
      await overwrite(ssm, called.settings, value, found.version)
      return generations.generation
    },
    userData,
    replaces,
    profile,
    group,
    after,
  })
  const points = association({ ec2, address: elasticIp, instance: host })
  const ofAccount = budget({
    budgets,
    lab,
    adopt,
    name: called.budget,
    wanted: chosen.budget,
    // No older version made one without an id.
    proof: { id: created.budget ?? '', isRecorded: true, settings, identity },
    after,
  })
  const resting = scheduleResources(
    { clients, settings: chosen, instance: host, withSchedule },
    {
      role: { lab, adopt, proof: proofOf('scheduleRole'), after },
      group: { lab, adopt, proof: proofOf('scheduleGroup'), after: [...after, host] },
    },
  )
  return {
    settings,
    role: instanceRole,
    profile,
    group,
    address: elasticIp,
    instance: host,
    association: points,
    ...resting,
    budget: ofAccount,
    identity,
    all: [
      ...[settings, instanceRole, profile, group, elasticIp, host, points],
      ...(created.budget ? [ofAccount] : []),
      ...(mayHaveSchedule(chosen) || withSchedule
        ? [resting.scheduleRole, resting.scheduleGroup, resting.schedules]
        : []),
    ],
  }
}

/** The resources that start and stop the instance: EventBridge Scheduler, with its own role. */
function scheduleResources(
  {
    clients: { iam, scheduler },
    settings: { schedule, permissionsBoundary },
    instance,
    withSchedule,
  }: Pick<Required<GraphOptions>, 'clients' | 'settings' | 'withSchedule'> & {
    instance: Resource<InstanceState>
  },
  owned: Record<
    'role' | 'group',
    Pick<Parameters<typeof scheduleGroup>[0], 'lab' | 'adopt' | 'proof' | 'after'>
  >,
): Pick<LabGraph, 'scheduleRole' | 'scheduleGroup' | 'schedules'> {
  const { lab } = owned.role
  const { scheduleRole: roleName, scheduleGroup: groupName } = names(lab.name)
  const groupArn = groupArnOf(lab, groupName)
  const asWanted = <State>(resource: Resource<State>): Resource<State> =>
    schedule ? resource : unwanted(resource, withSchedule)
  const role = asWanted(
    scheduleRole({ ...owned.role, iam, name: roleName, groupArn, permissionsBoundary, instance }),
  )
  const group = asWanted(scheduleGroup({ ...owned.group, scheduler, name: groupName }))
  const wanted = schedule && {
    expressions: expressionsOf(schedule),
    timezone: schedule.timezone,
    text: scheduleText(schedule),
  }
  const roleArn = `arn:${lab.partition}:iam::${lab.account}:role/${roleName}`
  return {
    scheduleRole: role,
    scheduleGroup: group,
    schedules: asWanted(schedules({ scheduler, lab, groupName, wanted, role, roleArn, group, instance })),
  }
}

/**
 * A resource of a schedule that the settings don't have. It is shown, and only `schedule off` removes it: without it, the
 * lab would run all the time.
 * @param withStrangers whether one that is not the lab's is an error; otherwise it is left alone
 */
const unwanted = <State>(resource: Resource<State>, withStrangers: boolean): Resource<State> => ({
  ...resource,
  isUnwanted: true,
  observe: (seen) =>
    resource.observe(seen).catch((error) => {
      if (withStrangers || !isStrangers(error)) throw error
      return undefined
    }),
  changes: (state) =>
    state === undefined
      ? []
      : [
          {
            what: 'schedule',
            from: 'in AWS',
            to: 'none, as in the settings',
            byHand: [{ path: 'schedule off' }, ' deletes it'],
          },
        ],
})

/**
 * Whether AWS may have a schedule's resources. Their ids stay stored without a schedule: only `schedule off` drops them,
 * after it has removed the resources.
 */
export const mayHaveSchedule = ({ schedule, creations }: Settings): boolean =>
  [schedule, creations?.scheduleRole, creations?.scheduleGroup].some((one) => one !== undefined)

const nowhere = () => Promise.reject(new Error('This command creates no instance.'))

export const newGeneration = (): string => randomBytes(4).toString('hex')
const newCreation = (): string => randomBytes(8).toString('hex')

/** What a lab's settings say about its resources. */
export const recordedIn = (settings: Settings | undefined): Recorded => ({
  ...(settings ?? nothingChosen),
  mayAdopt: settings?.creations === undefined,
})

/**
 * Ports 80, 443 and 9443 from the chosen addresses, each rule with a description, and port 80 from everywhere if
 * chosen.
 */
function ingressOf({ allow, openPort80 }: Settings): Rule[] {
  const ports = [
    { port: 80, description: 'HTTP, redirects to HTTPS' },
    { port: 443, description: 'LibreChat over HTTPS' },
    { port: 9443, description: 'Portainer over HTTPS' },
  ]
  const rules = ports.flatMap(({ port, description }) =>
    allow.cidrs.map((source) => ({ protocol: 'tcp', fromPort: port, toPort: port, source, description })),
  )
  if (!openPort80 || allow.cidrs.includes('0.0.0.0/0')) return rules
  return [
    ...rules,
    {
      protocol: 'tcp',
      fromPort: 80,
      toPort: 80,
      source: '0.0.0.0/0',
      description: 'HTTP, for the certificate authority and redirects',
    },
  ]
}
