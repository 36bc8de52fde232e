import type { LabGraph } from './graph.js'
import { launchTargetActions } from './launch-target.js'
import { leftoverActions } from './leftovers.js'

/** What a command needs of IAM. `sts:GetCallerIdentity` needs no permission, and a refusal of it is no refusal. */
export interface Needs {
  /** "ec2:RunInstances" */
  readonly actions: readonly string[]
  /** The Systems Manager documents that its sessions and commands name. */
  readonly documents?: readonly string[]
  /** Puts the lab's tags on a stranger's security group. */
  readonly adopts?: boolean
}

const settings = ['ssm:GetParameter']
/** The settings and what bears the lab's tags: which instance is the lab's. */
const find = [...settings, 'ec2:DescribeInstances', 'ec2:DescribeAddresses', 'ec2:DescribeSecurityGroups']
const lock = ['ssm:GetParameter', 'ssm:PutParameter', 'ssm:DeleteParameter']
const runCommand = ['ssm:SendCommand', 'ssm:GetCommandInvocation']
const online = ['ssm:DescribeInstanceInformation']
const shellScript = ['AWS-RunShellScript']
const session = [
  'ssm:StartSession',
  'ssm:ResumeSession',
  'ssm:TerminateSession',
  'ssmmessages:OpenDataChannel',
  // When the agent does not answer, since when.
  'ssm:DescribeInstanceInformation',
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

/** What each command needs; `adopt` is what `up --adopt` needs besides. */
export function needsOf(graph: LabGraph): Record<string, Needs> {
  const all = (method: 'observe' | 'ensure' | 'remove') => graph.all.flatMap(({ actions }) => actions[method])
  const replace = [...graph.instance.actions.remove, ...graph.association.actions.remove]
  const host = { actions: [...find, ...runCommand], documents: shellScript }
  // A password that a person typed travels as a parameter.
  const secret = ['ssm:PutParameter', 'ssm:DeleteParameter']
  const status = [...settings, ...all('observe'), ...launchTargetActions, ...models]
  return {
    up: {
      actions: [
        ...status,
        ...leftoverActions.read,
        ...runCommand,
        ...online,
        ...all('ensure'),
        ...replace,
        ...lock,
        ...access,
        'ec2:CreateDefaultVpc',
      ],
      documents: shellScript,
    },
    adopt: { actions: ['ec2:CreateTags'], adopts: true },
    status: {
      actions: [...status, ...leftoverActions.read, ...runCommand, ...online],
      documents: shellScript,
    },
    destroy: {
      actions: [
        ...settings,
        ...all('observe'),
        ...all('remove'),
        ...lock,
        ...leftoverActions.read,
        ...leftoverActions.write,
      ],
    },
    tunnel: {
      actions: [...find, ...session, 'ssm:DescribeSessions'],
      documents: ['AWS-StartPortForwardingSession'],
    },
    shell: { actions: [...find, ...session], documents: ['SSM-SessionManagerRunShell'] },
    logs: { actions: [...find, ...session], documents: ['AWS-StartInteractiveCommand'] },
    open: { actions: find },
    list: { actions: [...find, 'ssm:GetParametersByPath', 'ec2:DescribeRegions'] },
    models: { actions: models },
    doctor: { actions: [...status, 'ec2:DescribeAccountAttributes'] },
    user: { ...host, actions: [...host.actions, ...secret] },
    portainer: host,
    // Who may write a user's policies may give himself everything: attaching is an administrator's.
    address: { actions: find },
  }
}
