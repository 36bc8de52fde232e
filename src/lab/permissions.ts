import type { PolicyDocument } from '../resources/role.js'
import type { LabGraph } from './graph.js'
import { leftoverActions } from './leftovers.js'
import { placeActions } from './place.js'

/** Commands by what they need; everything else needs what `status` needs. */
const always = ['sts:GetCallerIdentity', 'ssm:GetParameter', 'ec2:DescribeInstances']
const runCommand = ['ssm:DescribeInstanceInformation', 'ssm:SendCommand', 'ssm:GetCommandInvocation']
const session = [
  'ssm:StartSession',
  'ssm:ResumeSession',
  'ssm:TerminateSession',
  'ssmmessages:OpenDataChannel',
]
const models = [
  'bedrock:ListFoundationModels',
  'bedrock:ListInferenceProfiles',
  'bedrock:GetFoundationModelAvailability',
  'bedrock:GetUseCaseForModelAccess',
]
/** Only where access is still to be arranged: https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html */
const access = [
  'bedrock:PutUseCaseForModelAccess',
  'bedrock:ListFoundationModelAgreementOffers',
  'bedrock:CreateFoundationModelAgreement',
  'aws-marketplace:Subscribe',
  'aws-marketplace:ViewSubscriptions',
]
const lock = ['ssm:GetParameter', 'ssm:PutParameter', 'ssm:DeleteParameter']
const users = [...runCommand, 'ssm:PutParameter', 'ssm:DeleteParameter']
const dryRun = ['ec2:ReleaseAddress']

/** The IAM actions that each command calls. */
export function actionsOf(graph: LabGraph): Record<string, string[]> {
  const read = graph.all.flatMap(({ actions }) => actions.read)
  const write = graph.all.flatMap(({ actions }) => actions.write)
  const status = [...always, ...read, ...placeActions, ...runCommand, ...models, ...dryRun]
  return {
    up: [...status, ...write, ...lock, ...access, 'ec2:CreateDefaultVpc'],
    status,
    destroy: [...always, ...read, ...write, ...lock, ...leftoverActions.read, ...leftoverActions.write],
    tunnel: [...always, ...session],
    shell: [...always, ...session],
    logs: [...always, ...session],
    open: [...always, 'ec2:DescribeAddresses'],
    list: [...always, 'ec2:DescribeAddresses', 'ssm:GetParametersByPath', 'ec2:DescribeRegions'],
    models: [...always, ...models],
    doctor: status,
    user: [...always, ...users],
    portainer: [...always, ...users],
    address: [...always, 'ec2:DescribeAddresses', 'iam:PutUserPolicy', 'iam:PutRolePolicy'],
  }
}

/** Where an action may be used: as narrow as AWS lets it be said. */
interface Scope {
  sid: string
  resource: string | readonly string[]
  condition?: Record<string, Record<string, string | readonly string[]>>
  matches: (action: string) => boolean
}

const ours = { Null: { 'aws:ResourceTag/librechat-lab:name': 'false' } }
const changesWhatIsThere =
  /^ec2:(Terminate|Start|Stop|Modify|Delete|Release|Disassociate|DisableAddress|Revoke|ReplaceIam|AssociateIam)/

/** https://docs.aws.amazon.com/service-authorization/latest/reference/ says which action takes which resource. */
const scopes = (partition: string): Scope[] => [
  {
    sid: 'PassTheRole',
    resource: `arn:${partition}:iam::*:role/LibreChatInstanceRole*`,
    condition: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
    matches: (action) => action === 'iam:PassRole',
  },
  {
    sid: 'ProtectTheAddress',
    resource: '*',
    matches: (action) => action === 'iam:PutUserPolicy',
  },
  {
    sid: 'RoleAndProfile',
    resource: [
      `arn:${partition}:iam::*:role/LibreChatInstanceRole*`,
      `arn:${partition}:iam::*:instance-profile/LibreChatInstanceRole*`,
    ],
    matches: (action) => action.startsWith('iam:'),
  },
  {
    sid: 'SettingsAndLock',
    resource: [
      `arn:${partition}:ssm:*:*:parameter/librechat-lab/*`,
      `arn:${partition}:ssm:*::parameter/aws/service/ami-amazon-linux-latest/*`,
    ],
    matches: (action) => /^ssm:.*(Parameter|TagsToResource|TagsForResource)/.test(action),
  },
  {
    sid: 'OwnSessions',
    resource: `arn:${partition}:ssm:*:*:session/*`,
    matches: (action) => action === 'ssm:ResumeSession' || action === 'ssm:TerminateSession',
  },
  {
    sid: 'OpenSessionsAndCommands',
    resource: [
      `arn:${partition}:ec2:*:*:instance/*`,
      `arn:${partition}:ssm:*:*:document/AWS-StartPortForwardingSession`,
      `arn:${partition}:ssm:*:*:document/SSM-SessionManagerRunShell`,
      `arn:${partition}:ssm:*:*:document/AWS-StartInteractiveCommand`,
      `arn:${partition}:ssm:*:*:document/AWS-RunShellScript`,
    ],
    matches: (action) => action === 'ssm:StartSession' || action === 'ssm:SendCommand',
  },
  {
    sid: 'ChangeWhatIsOurs',
    resource: '*',
    condition: ours,
    matches: (action) => changesWhatIsThere.test(action),
  },
  { sid: 'MakeAndLook', resource: '*', matches: () => true },
]

/** The least policy for these commands. */
export function operatorPolicy(partition: string, actions: readonly string[]): PolicyDocument {
  const rest = new Set([...actions].sort())
  const Statement = scopes(partition).flatMap(({ sid, resource, condition, matches }) => {
    const Action = [...rest].filter(matches)
    for (const action of Action) rest.delete(action)
    if (Action.length === 0) return []
    return [
      {
        Sid: sid,
        Effect: 'Allow' as const,
        Action,
        Resource: resource,
        ...(condition ? { Condition: condition } : {}),
      },
    ]
  })
  return { Version: '2012-10-17', Statement }
}
