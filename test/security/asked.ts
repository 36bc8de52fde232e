import {
  DescribeAddressesCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeTagsCommand,
} from '@aws-sdk/client-ec2'
import type { Witness } from '../support/clients.js'
import type { Call } from '../support/gateway/call.js'
import { type Asked, reference } from './judge.js'

type Context = Record<string, string | string[]>

/** By the beginning of an id, the kind of resource in the service authorization reference. */
const kinds: Record<string, string> = {
  i: 'instance',
  vol: 'volume',
  sg: 'security-group',
  eni: 'network-interface',
  eipalloc: 'elastic-ip',
  subnet: 'subnet',
  vpc: 'vpc',
  ami: 'image',
  snap: 'snapshot',
}
/** What a creating call makes; each is asked about before it has an id. */
const made: Record<string, readonly string[]> = {
  RunInstances: ['i', 'vol', 'eni'],
  AllocateAddress: ['eipalloc'],
  CreateSecurityGroup: ['sg'],
  CreateSnapshot: ['snap'],
}
const bedrock: readonly (readonly [RegExp, string])[] = [
  [/^GET \/foundation-models$/, 'ListFoundationModels'],
  [/^GET \/inference-profiles$/, 'ListInferenceProfiles'],
  [/^GET \/foundation-model-availability\//, 'GetFoundationModelAvailability'],
  [/^GET \/use-case-for-model-access$/, 'GetUseCaseForModelAccess'],
  [/^GET \/data-retention$/, 'GetAccountDataRetention'],
  [/^POST \/use-case-for-model-access$/, 'PutUseCaseForModelAccess'],
  [/^GET \/list-foundation-model-agreement-offers\//, 'ListFoundationModelAgreementOffers'],
  [/^POST \/create-foundation-model-agreement$/, 'CreateFoundationModelAgreement'],
]

/**
 * What AWS asks IAM about one call: the action on each resource that it names or makes, with their tags, and what
 * it asks besides (`besides`). After https://docs.aws.amazon.com/service-authorization/latest/reference/
 */
export async function askedOf(
  call: Call,
  at: (region: string) => Witness,
  account: string,
): Promise<Asked[]> {
  const witness = at(call.region)
  switch (call.service) {
    case 'ec2':
      return await ofEc2(call, witness, account)
    case 'iam':
      return ofIam(call, account)
    case 'ssm':
      return await ofSsm(call, witness, account)
    case 'bedrock':
      return ofBedrock(call)
    case 'scheduler':
      return ofScheduler(call, account)
    case 'budgets':
      return ofBudgets(call, account)
    case 'monitoring':
      return [{ action: `cloudwatch:${call.action}`, resource: '*', context: {} }]
    case 'sts':
      // GetCallerIdentity needs no permission: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
      return []
    default:
      throw new Error(`nobody has said what AWS asks about ${call.service}`)
  }
}

async function ofEc2(call: Call, { ec2 }: Witness, account: string): Promise<Asked[]> {
  const action = `ec2:${call.action}`
  const arn = (id: string) => {
    const kind = kinds[id.split('-')[0] ?? ''] ?? 'nothing'
    return `arn:aws:ec2:${call.region}:${kind === 'image' || kind === 'snapshot' ? '' : account}:${kind}/${id}`
  }
  const tags = requestTags(call)
  const named = await Promise.all(idsIn(call).map((id) => behind(id, { ec2 })))
  const takes = (await reference(action)).resources.map(({ name }) => name)
  const asked: Asked[] = []
  for (const id of named.flat()) {
    if (!takes.includes(kinds[id.split('-')[0] ?? ''] ?? '')) continue
    const { Tags = [] } = await ec2.send(
      new DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values: [id] }] }),
    )
    const own = Object.fromEntries(Tags.map(({ Key, Value }) => [`aws:ResourceTag/${Key}`, Value ?? '']))
    asked.push({
      action,
      resource: arn(id),
      context: { ...own, ...(call.action === 'CreateTags' ? tags : {}) },
    })
  }
  for (const kind of made[call.action] ?? []) {
    const resource = arn(`${kind}-0123456789abcdef0`)
    asked.push({ action, resource, context: tags })
    if (Object.keys(tags).length > 0) {
      const context = { ...tags, 'ec2:CreateAction': call.action }
      asked.push({ action: 'ec2:CreateTags', resource, context, besides: true })
    }
  }
  if (takes.length === 0) asked.push({ action, resource: '*', context: {} })
  if (asked.length === 0) throw new Error(`${action} names no resource: ${JSON.stringify(call.params)}`)
  return [...asked, ...passed(call, account)]
}

/** Passing a role is asked about wherever a profile is given to an instance. */
function passed({ params }: Call, account: string): Asked[] {
  const profile = String(params['IamInstanceProfile.Arn'] ?? '')
    .split('/')
    .pop()
  return profile ? [pass(profile, account)] : []
}

const pass = (role: string, account: string, service = 'ec2.amazonaws.com'): Asked => ({
  action: 'iam:PassRole',
  resource: `arn:aws:iam::${account}:role/${role}`,
  context: { 'iam:PassedToService': service },
  besides: true,
})

const idsIn = ({ params }: Call): string[] => [
  ...new Set(
    Object.values(params)
      .map(String)
      .filter((value) =>
        /^(i|vol|sg|eni|eipalloc|subnet|vpc|ami|snap|eipassoc|iip-assoc)-[0-9a-f]+$/.test(value),
      ),
  ),
]

/** An association is judged by what it ties together. */
async function behind(id: string, { ec2 }: Pick<Witness, 'ec2'>): Promise<string[]> {
  if (id.startsWith('eipassoc-')) {
    const { Addresses = [] } = await ec2.send(new DescribeAddressesCommand({}))
    return Addresses.flatMap((one) => (one.AssociationId === id ? [one.AllocationId ?? ''] : []))
  }
  if (id.startsWith('iip-assoc-')) {
    const { IamInstanceProfileAssociations: [found] = [] } = await ec2.send(
      new DescribeIamInstanceProfileAssociationsCommand({ AssociationIds: [id] }),
    )
    return [found?.InstanceId ?? '']
  }
  return [id]
}

/** Tags that the call sets, of whichever protocol: `….Tag.1.Key` beside `….Tag.1.Value`, or a list of objects. */
function requestTags({ params }: Call): Context {
  const flat = Object.entries(params).flatMap(([key, value]) =>
    /(^|\.)Tags?\.(member\.)?\d+\.Key$/.test(key)
      ? [[String(value), String(params[key.replace(/Key$/, 'Value')])] as const]
      : [],
  )
  const listed = Array.isArray(params.Tags) ? params.Tags : []
  const tags = [...flat, ...listed.map(({ Key, Value }) => [Key, Value] as const)]
  if (tags.length === 0) return {}
  return {
    ...Object.fromEntries(tags.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    'aws:TagKeys': [...new Set(tags.map(([key]) => key))],
  }
}

function ofIam(call: Call, account: string): Asked[] {
  const { params } = call
  const action = `iam:${call.action}`
  const tags = requestTags(call)
  const name = params.InstanceProfileName ?? params.RoleName ?? params.UserName
  const kind = params.InstanceProfileName ? 'instance-profile' : params.RoleName ? 'role' : 'user'
  const resource = `arn:aws:iam::${account}:${kind}/${name}`
  const attached = /^(Attach|Detach)/.test(call.action) ? { 'iam:PolicyARN': String(params.PolicyArn) } : {}
  const asked: Asked[] = [{ action, resource, context: { ...tags, ...attached } }]
  // Tags in the creating call are a permission of their own.
  const tagging = { CreateRole: 'iam:TagRole', CreateInstanceProfile: 'iam:TagInstanceProfile' }[call.action]
  if (tagging && Object.keys(tags).length > 0)
    asked.push({ action: tagging, resource, context: tags, besides: true })
  if (call.action === 'AddRoleToInstanceProfile') asked.push(pass(String(params.RoleName), account))
  return asked
}

async function ofSsm(call: Call, { ec2 }: Witness, account: string): Promise<Asked[]> {
  const { params, region } = call
  const action = `ssm:${call.action}`
  const parameters = [params.Name, params.Names, params.Path, params.ResourceId].flat().filter(Boolean)
  if ((await reference(action)).resources.length === 0) return [{ action, resource: '*', context: {} }]
  if (call.action === 'SendCommand' || call.action === 'StartSession')
    return await ofHost(call, { ec2 }, account)
  if (params.SessionId) {
    const context = { 'ssm:resourceTag/aws:ssmmessages:session-id': 'AIDAOPERATOR' }
    const own = { action, resource: `arn:aws:ssm:${region}:${account}:session/${params.SessionId}`, context }
    return call.action === 'ResumeSession' ? [own, channel] : [own]
  }
  const tags = requestTags(call)
  const asked = parameters.map((name) => {
    // AWS's own public parameters have no account in their ARN; the evaluator wants one in every ARN.
    const resource = `arn:aws:ssm:${region}:${account}:parameter${name}`
    return {
      action,
      resource,
      context: call.action === 'PutParameter' || call.action === 'AddTagsToResource' ? tags : {},
    }
  })
  if (asked.length === 0) throw new Error(`${action} names no parameter: ${JSON.stringify(params)}`)
  const tagging = call.action === 'PutParameter' && Object.keys(tags).length > 0
  return tagging
    ? [...asked, ...asked.map((one) => ({ ...one, action: 'ssm:AddTagsToResource', besides: true }))]
    : asked
}

/** The data channel that a session is: opened over a WebSocket, where no emulator of AWS's API sees it. */
const channel: Asked = { action: 'ssmmessages:OpenDataChannel', resource: '*', context: {}, besides: true }

/** A command or a session is asked about twice: for its document, and for the host that it goes to. */
async function ofHost(call: Call, { ec2 }: Pick<Witness, 'ec2'>, account: string): Promise<Asked[]> {
  const { params, region } = call
  const action = `ssm:${call.action}`
  const isSession = call.action === 'StartSession'
  const document = String(params.DocumentName ?? 'SSM-SessionManagerRunShell')
  const id = String(isSession ? params.Target : (params.InstanceIds as string[])[0])
  const { Tags = [] } = await ec2.send(
    new DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values: [id] }] }),
  )
  const tags = Object.fromEntries(Tags.map(({ Key, Value }) => [`ssm:resourceTag/${Key}`, Value ?? '']))
  const check: Context = isSession ? { 'ssm:SessionDocumentAccessCheck': 'true' } : {}
  return [
    { action, resource: `arn:aws:ssm:${region}:${account}:document/${document}`, context: check },
    { action, resource: `arn:aws:ec2:${region}:${account}:instance/${id}`, context: { ...tags, ...check } },
    ...(isSession ? [channel] : []),
  ]
}

const schedulerActions: readonly (readonly [RegExp, string])[] = [
  [/^GET \/schedule-groups\/[^/]+$/, 'GetScheduleGroup'],
  [/^POST \/schedule-groups\/[^/]+$/, 'CreateScheduleGroup'],
  [/^DELETE \/schedule-groups\/[^/]+$/, 'DeleteScheduleGroup'],
  [/^GET \/schedules$/, 'ListSchedules'],
  [/^GET \/schedules\/[^/]+$/, 'GetSchedule'],
  [/^POST \/schedules\/[^/]+$/, 'CreateSchedule'],
  [/^PUT \/schedules\/[^/]+$/, 'UpdateSchedule'],
  [/^DELETE \/schedules\/[^/]+$/, 'DeleteSchedule'],
  [/^GET \/tags\/.+$/, 'ListTagsForResource'],
  [/^POST \/tags\/.+$/, 'TagResource'],
]

/** Scheduler speaks REST: method and path. https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html */
function ofScheduler({ action: asked, params, region }: Call, account: string): Asked[] {
  const name = schedulerActions.find(([path]) => path.test(asked))?.[1]
  if (!name) throw new Error(`nobody has said which action ${asked} is`)
  const action = `scheduler:${name}`
  const last = decodeURIComponent(asked.split('/').at(-1) ?? '')
  const group = String(params.GroupName ?? params.groupName ?? params.ScheduleGroup ?? 'default')
  const arn = (resource: string) => `arn:aws:scheduler:${region}:${account}:${resource}`
  if (/Tag/.test(name))
    return [{ action, resource: decodeURIComponent(asked.replace(/^\w+ \/tags\//, '')), context: {} }]
  if (name.endsWith('ScheduleGroup')) {
    const resource = arn(`schedule-group/${last}`)
    const tagging = { action: 'scheduler:TagResource', resource, context: {}, besides: true }
    return [{ action, resource, context: {} }, ...(name === 'CreateScheduleGroup' ? [tagging] : [])]
  }
  const own = {
    action,
    resource: name === 'ListSchedules' ? '*' : arn(`schedule/${group}/${last}`),
    context: {},
  }
  const role = (params.Target as { RoleArn?: string } | undefined)?.RoleArn?.split('/').pop()
  return role ? [own, pass(role, account, 'scheduler.amazonaws.com')] : [own]
}

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbudgetservice.html */
function ofBudgets({ action: call, params }: Call, account: string): Asked[] {
  const { BudgetName } = { ...params, ...(params.Budget as object), ...(params.NewBudget as object) } as {
    BudgetName?: string
  }
  const resource = String(params.ResourceARN ?? `arn:aws:budgets::${account}:budget/${BudgetName}`)
  const tagging = { action: 'budgets:TagResource', resource, context: {}, besides: true }
  if (/Tag/.test(call)) return [{ action: `budgets:${call}`, resource, context: {} }]
  const action = call.startsWith('Describe') ? 'budgets:ViewBudget' : 'budgets:ModifyBudget'
  const own = { action, resource, context: {} }
  return call === 'CreateBudget' && params.ResourceTags ? [own, tagging] : [own]
}

function ofBedrock({ action }: Call): Asked[] {
  const name = bedrock.find(([path]) => path.test(action))?.[1]
  if (!name) throw new Error(`nobody has said which action ${action} is`)
  const alone = { action: `bedrock:${name}`, resource: '*', context: {} }
  // Accepting an offer subscribes with the caller's rights: https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html
  const marketplace = ['aws-marketplace:Subscribe', 'aws-marketplace:ViewSubscriptions']
  return name === 'CreateFoundationModelAgreement'
    ? [alone, ...marketplace.map((other) => ({ ...alone, action: other, besides: true }))]
    : [alone]
}
