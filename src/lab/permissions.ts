import type { ResourceActions } from '../engine/resource.js'
import { addressActions } from '../resources/address.js'
import { associationActions } from '../resources/association.js'
import { backupGrantActions } from '../resources/backup-grant.js'
import { budgetActions } from '../resources/budget.js'
import { hostSetupActions } from '../resources/host-setup.js'
import { claimsActions, identityActions } from '../resources/identity.js'
import { instanceActions } from '../resources/instance.js'
import { instanceProfileActions } from '../resources/instance-profile.js'
import { roleActions } from '../resources/role.js'
import { scheduleGroupActions } from '../resources/schedule-group.js'
import { scheduleRoleActions } from '../resources/schedule-role.js'
import { schedulesActions } from '../resources/schedules.js'
import { securityGroupActions } from '../resources/security-group.js'
import { settingsParameterActions } from '../resources/settings-parameter.js'
import { snapshotActions } from '../resources/snapshots.js'
import { copyActions } from './copies.js'
import type { LabGraph } from './graph.js'
import { launchTargetActions } from './launch-target.js'
import { leftoverActions } from './leftovers.js'
import { modelMetricsActions } from './model-metrics.js'

/** What a command needs of IAM. `sts:GetCallerIdentity` needs no permission: AWS answers it even when it is denied. */
export interface Needs {
  /** Which policy it belongs to if one document is too small. */
  readonly feature: Feature
  /** "ec2:RunInstances" */
  readonly actions: readonly string[]
  /** The Systems Manager documents that its sessions and commands name. */
  readonly documents?: readonly string[]
  /** Puts the lab's tags on a security group that has none. */
  readonly adopts?: boolean
}

/** Creating and changing the lab; reaching its services; managing its users. */
export const features = ['lab', 'access', 'users'] as const
type Feature = (typeof features)[number]

/** A resource of the graph without its actions does not compile. */
const resources = {
  identity: identityActions,
  settings: settingsParameterActions,
  role: roleActions,
  profile: instanceProfileActions,
  group: securityGroupActions,
  address: addressActions,
  instance: instanceActions,
  association: associationActions,
  scheduleRole: scheduleRoleActions,
  scheduleGroup: scheduleGroupActions,
  schedules: schedulesActions,
  budget: budgetActions,
} satisfies Readonly<Record<Exclude<keyof LabGraph, 'all'>, ResourceActions>>
const all = <Method extends keyof ResourceActions>(method: Method) =>
  Object.values(resources).flatMap((actions): readonly Action<Method>[] => actions[method])
type Action<Method extends keyof ResourceActions> = (typeof resources)[keyof typeof resources][Method][number]

const schedule = <Method extends keyof ResourceActions>(method: Method) =>
  [scheduleRoleActions, scheduleGroupActions, schedulesActions].flatMap(
    (actions): readonly ScheduleAction<Method>[] => actions[method],
  )
type ScheduleAction<Method extends keyof ResourceActions> = (
  | typeof scheduleRoleActions
  | typeof scheduleGroupActions
  | typeof schedulesActions
)[Method][number]

const settings = ['ssm:GetParameter'] as const
/** The settings and what has the lab's tags: which instance is the lab's. */
const find = [...settings, ...claimsActions] as const
const lock = ['ssm:GetParameter', 'ssm:PutParameter', 'ssm:DeleteParameter'] as const
const runCommand = ['ssm:SendCommand', 'ssm:GetCommandInvocation'] as const
const shellScript = ['AWS-RunShellScript'] as const
const session = [
  'ssm:StartSession',
  'ssm:ResumeSession',
  'ssm:TerminateSession',
  'ssmmessages:OpenDataChannel',
  // Shows since when the agent has not answered.
  'ssm:DescribeInstanceInformation',
] as const
const models = [
  'bedrock:ListFoundationModels',
  'bedrock:ListInferenceProfiles',
  'bedrock:GetFoundationModelAvailability',
  'bedrock:GetUseCaseForModelAccess',
  'bedrock:GetAccountDataRetention',
] as const
/** Only to request access to models: https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html */
const access = [
  'bedrock:PutUseCaseForModelAccess',
  'bedrock:ListFoundationModelAgreementOffers',
  'bedrock:CreateFoundationModelAgreement',
  'aws-marketplace:Subscribe',
  'aws-marketplace:ViewSubscriptions',
] as const
const replace = [...instanceActions.remove, ...associationActions.remove]
const host = [...find, ...runCommand]
const status = [...settings, ...all('observe'), ...launchTargetActions, ...models]

/** What each command needs; `adopt` is what `up --adopt` needs besides `up`. */
export const commandNeeds = {
  up: {
    feature: 'lab',
    actions: [
      ...status,
      ...leftoverActions.read,
      ...leftoverActions.write,
      ...hostSetupActions.observe,
      ...hostSetupActions.ensure,
      ...all('ensure'),
      ...replace,
      ...lock,
      ...access,
      'ec2:CreateDefaultVpc',
      'ec2:DescribeAccountAttributes',
    ],
    documents: shellScript,
  },
  adopt: { feature: 'lab', actions: ['ec2:CreateTags'], adopts: true },
  // What `up --replace-instance` needs besides `up`: the data moves through tunnels.
  replace: {
    feature: 'access',
    actions: session,
    documents: ['AWS-StartPortForwardingSession'],
  },
  status: {
    feature: 'lab',
    // It reads the settings together with other parameters under the lab's path.
    actions: [...status, ...leftoverActions.read, ...hostSetupActions.observe].filter(
      (action) => action !== 'ssm:GetParameter',
    ),
    documents: shellScript,
  },
  destroy: {
    feature: 'lab',
    // It doesn't ask whether the address is offered to another account.
    actions: [
      ...settings,
      ...all('observe'),
      ...all('remove'),
      ...lock,
      ...leftoverActions.read,
      ...leftoverActions.write,
      ...copyActions.read,
    ].filter((action) => action !== 'ec2:DescribeAddressTransfers'),
  },
  stop: { feature: 'lab', actions: [...find, ...lock, 'ec2:StopInstances', 'ec2:CreateTags'] },
  // It updates the rules and the address after changes while the lab was stopped.
  start: {
    feature: 'lab',
    actions: [
      ...find,
      ...settingsParameterActions.observe,
      ...instanceActions.observe,
      ...securityGroupActions.observe,
      ...addressActions.observe,
      'ec2:AuthorizeSecurityGroupIngress',
      'ec2:RevokeSecurityGroupIngress',
      'ec2:AuthorizeSecurityGroupEgress',
      'ec2:AssociateAddress',
      'ec2:StartInstances',
      ...lock,
      ...runCommand,
      'ssm:DescribeInstanceInformation',
    ],
    documents: shellScript,
  },
  schedule: {
    feature: 'lab',
    actions: [
      ...find,
      ...instanceActions.observe,
      ...settingsParameterActions.observe,
      ...schedule('observe'),
      ...schedule('ensure'),
      ...schedule('remove'),
      ...lock,
      'ec2:CreateTags',
    ],
  },
  update: {
    feature: 'lab',
    actions: [...host, ...hostSetupActions.observe, ...lock],
    documents: shellScript,
  },
  tunnel: {
    feature: 'access',
    actions: [...find, ...session, 'ssm:DescribeSessions'],
    documents: ['AWS-StartPortForwardingSession'],
  },
  shell: { feature: 'access', actions: [...find, ...session], documents: ['SSM-SessionManagerRunShell'] },
  logs: { feature: 'access', actions: [...find, ...session], documents: ['AWS-StartInteractiveCommand'] },
  // To check that the host serves the domain in the settings.
  open: { feature: 'access', actions: [...find, ...hostSetupActions.observe], documents: shellScript },
  list: {
    feature: 'lab',
    actions: [...claimsActions, 'ssm:GetParametersByPath', 'ec2:DescribeRegions'],
  },
  models: { feature: 'lab', actions: models },
  doctor: { feature: 'lab', actions: [...status, 'ec2:DescribeAccountAttributes'] },
  access: {
    feature: 'lab',
    actions: [
      ...settings,
      ...identityActions.observe,
      ...settingsParameterActions.observe,
      ...securityGroupActions.observe,
      ...lock,
      'ec2:AuthorizeSecurityGroupIngress',
      'ec2:RevokeSecurityGroupIngress',
      'ec2:AuthorizeSecurityGroupEgress',
    ],
  },
  user: { feature: 'users', actions: host, documents: shellScript },
  // It shows CloudWatch's figures too.
  usage: { feature: 'users', actions: [...host, ...modelMetricsActions], documents: shellScript },
  graduate: { feature: 'users', actions: host, documents: shellScript },
  portainer: { feature: 'users', actions: host, documents: shellScript },
  backup: {
    feature: 'access',
    actions: [...host, ...session, ...lock, ...snapshotActions.read, 'ec2:CreateTags'],
    documents: ['AWS-RunShellScript', 'AWS-StartPortForwardingSession'],
  },
  // What `backup --snapshot` and `backup remove` need.
  snapshot: {
    feature: 'lab',
    actions: [...find, ...snapshotActions.read, ...snapshotActions.create, ...snapshotActions.remove],
  },
  // What `backup --to` needs: the role gets a permission for as long as it takes.
  s3: {
    feature: 'lab',
    actions: [
      ...host,
      ...identityActions.observe,
      ...roleActions.observe,
      ...backupGrantActions,
      ...lock,
      'ec2:CreateTags',
    ],
    documents: shellScript,
  },
  restore: {
    feature: 'access',
    actions: [...host, ...session, ...lock],
    documents: ['AWS-RunShellScript', 'AWS-StartPortForwardingSession'],
  },
  // Anyone who can write a user's policies can get every permission, so an administrator attaches it.
  address: { feature: 'lab', actions: find },
} as const satisfies Readonly<Record<string, Needs>>

export type CommandWithNeeds = keyof typeof commandNeeds

/** Every action that some command needs: "ec2:RunInstances". */
export type NeededAction = (typeof commandNeeds)[CommandWithNeeds]['actions'][number]
