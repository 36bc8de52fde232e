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
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  NoSuchEntityException,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import type { PolicyDocument } from '../../src/core/policy.js'
import type { EnsureContext } from '../../src/engine/resource.js'
import { type RoleState, role } from '../../src/resources/role.js'
import { fastClock } from '../engine/fake-resources.js'
import { judge } from '../security/judge.js'
import { awsError, proofOf, seen } from './context.js'

const lab = { name: 'default', region: 'us-east-1', account: '123456789012', partition: 'aws' }
const arn = 'arn:aws:iam::123456789012:role/LibreChatInstanceRole'
const managed = 'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore'
const administrator = 'arn:aws:iam::aws:policy/AdministratorAccess'
const models: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Sid: 'Models', Effect: 'Allow', Action: ['bedrock:InvokeModel'], Resource: '*' }],
}
const tags = [
  { Key: 'librechat-lab:name', Value: 'default' },
  { Key: 'librechat-lab:region', Value: 'us-east-1' },
]

const marked = [{ Key: 'librechat-lab:creation', Value: '0123456789abcdef' }, ...tags]

const iam = mockClient(IAMClient)
beforeEach(() => iam.reset())
const gone = () =>
  Object.assign(new NoSuchEntityException({ message: 'The role cannot be found.', $metadata: {} }), {
    Code: 'NoSuchEntity',
  })

const theRole = (more: Partial<Parameters<typeof role>[0]> = {}) =>
  role({
    iam: new IAMClient({ region: 'us-east-1' }),
    lab,
    adopt: false,
    name: 'LibreChatInstanceRole',
    policyName: 'LibreChatBedrock',
    policy: models,
    permissionsBoundary: undefined,
    proof: proofOf({}),
    after: [],
    ...more,
  })

const work = (): EnsureContext => ({
  ready: () => Promise.reject(new Error('the role waits for nothing')),
  seen: () => undefined,
  progress: () => {},
  clock: fastClock(),
  signal: new AbortController().signal,
})

/** The inline policy that a new role gets. */
async function ownDocument(): Promise<string> {
  iam.on(CreateRoleCommand).resolves({ Role: { Arn: arn } as never })
  await theRole().ensure(undefined, work())
  const [put] = iam.commandCalls(PutRolePolicyCommand)
  iam.reset()
  return put?.args[0].input.PolicyDocument ?? ''
}

/** Answers as IAM does for a role as `up` left it. */
async function asItShouldBe() {
  const document = await ownDocument()
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' } }],
  }
  const AssumeRolePolicyDocument = encodeURIComponent(JSON.stringify(trust))
  const Role = { Arn: arn, RoleId: 'AROA', AssumeRolePolicyDocument, Tags: marked } as never
  iam.on(GetRoleCommand).resolves({ Role })
  iam.on(ListAttachedRolePoliciesCommand).resolves({ AttachedPolicies: [{ PolicyArn: managed }] })
  iam.on(ListRolePoliciesCommand).resolves({ PolicyNames: ['LibreChatBedrock'] })
  iam.on(GetRolePolicyCommand).resolves({ PolicyDocument: encodeURIComponent(document) } as never)
  return Role
}

const none = () => {
  throw new Error('changes asked for another resource')
}
const changesOf = (state: RoleState | undefined, of = theRole()) => of.changes(state, none)
const observe = (of = theRole()) => of.observe(seen)

describe('the role of the host', () => {
  it('is absent when IAM knows no such role', async () => {
    iam.onAnyCommand().rejects(gone())
    expect(await observe()).toBeUndefined()
  })

  it('passes on an error that says nothing about the role', async () => {
    await asItShouldBe()
    const refused = Object.assign(new Error('not authorized'), { name: 'AccessDenied' })
    iam.on(ListRolePoliciesCommand).rejects(refused)
    await expect(observe()).rejects.toMatchObject({ name: 'AccessDenied' })
  })

  it('needs no change when it is as up left it, whatever the order of keys in its documents', async () => {
    await asItShouldBe()
    expect(changesOf(await observe())).toEqual([])
  })

  it('refuses a role without the tags of the lab', async () => {
    const Role = await asItShouldBe()
    iam.on(GetRoleCommand).resolves({ Role: { ...(Role as object), Tags: [] } as never })
    await expect(observe()).rejects.toMatchObject({ code: 'unowned' })
    const adopting = theRole({ adopt: true })
    expect(changesOf(await observe(adopting), adopting)).toMatchObject([{ what: 'ownership' }])
  })

  describe('with the lab’s tags and', () => {
    const profileArn = 'arn:aws:iam::123456789012:instance-profile/LibreChatInstanceRole'
    const instance = { InstanceId: 'i-lab', IamInstanceProfile: { Arn: profileArn } }
    const bears = async (Tags: typeof tags) => {
      const Role = await asItShouldBe()
      iam.on(GetRoleCommand).resolves({ Role: { ...(Role as object), Tags } as never })
    }
    const another = [{ Key: 'librechat-lab:creation', Value: 'fedcba9876543210' }, ...tags]

    it.each([
      ['no id where the settings hold one', tags, { isStored: true, isRecorded: true }],
      ['no id where no settings are stored', tags, { isStored: false, isRecorded: false }],
      ['another id', another, { isStored: true, isRecorded: false }],
    ])('%s is not the lab’s, and named', async (_, Tags, of) => {
      await bears(Tags)
      const error = await observe(theRole({ proof: proofOf(of) })).catch((caught: unknown) => caught)
      expect(error).toMatchObject({
        code: 'unowned',
        stranger: { kind: 'role', id: 'LibreChatInstanceRole' },
      })
      const adopting = theRole({ proof: proofOf(of), adopt: true })
      expect(changesOf(await observe(adopting), adopting)).toMatchObject([{ what: 'ownership' }])
    })

    it('no id is the lab’s where an older version stored the settings, and gets one', async () => {
      await bears(tags)
      const older = theRole({ proof: proofOf({ isStored: true, isRecorded: false }) })
      const state = await observe(older)
      expect(changesOf(state, older)).toEqual([{ what: 'creation id', from: 'missing', to: 'tagged' }])
      await older.ensure(state, work())
      expect(iam.commandCalls(TagRoleCommand).map(({ args }) => args[0].input.Tags)).toEqual([
        marked.slice(0, 1),
      ])
    })

    it('another id is the lab’s where the proven instance uses this very role', async () => {
      await bears(another)
      const used = theRole({ proof: proofOf({ instance }) })
      const holds = (RoleId: string) => ({ InstanceProfile: { Roles: [{ RoleId }] } as never })
      iam.on(GetInstanceProfileCommand).resolvesOnce(holds('AROA')).resolves(holds('AROAOTHER'))
      expect(await observe(used)).toMatchObject({ owned: true, marked: false })
      await expect(observe(used)).rejects.toMatchObject({ code: 'unowned' })
    })
  })

  it('shows policies that are not the lab’s, on every page of the lists, and up removes them', async () => {
    await asItShouldBe()
    iam
      .on(ListAttachedRolePoliciesCommand)
      .resolves({ AttachedPolicies: [{ PolicyArn: managed }], IsTruncated: true, Marker: 'more' })
      .on(ListAttachedRolePoliciesCommand, { Marker: 'more' })
      .resolves({ AttachedPolicies: [{ PolicyArn: administrator }] })
      .on(ListRolePoliciesCommand)
      .resolves({ PolicyNames: ['LibreChatBedrock'], IsTruncated: true, Marker: 'more' })
      .on(ListRolePoliciesCommand, { Marker: 'more' })
      .resolves({ PolicyNames: ['Everything'] })
    const state = await observe()
    expect(changesOf(state)).toEqual([
      { what: 'foreign managed policy', from: administrator, to: 'detached' },
      { what: 'foreign inline policy', from: 'Everything', to: 'deleted' },
    ])
    iam.on(DetachRolePolicyCommand).resolves({}).on(DeleteRolePolicyCommand).resolves({})
    const left = await theRole().ensure(state, work())
    expect(iam.commandCalls(DetachRolePolicyCommand).map(({ args }) => args[0].input.PolicyArn)).toEqual([
      administrator,
    ])
    expect(iam.commandCalls(DeleteRolePolicyCommand).map(({ args }) => args[0].input.PolicyName)).toEqual([
      'Everything',
    ])
    expect(iam.commandCalls(PutRolePolicyCommand)).toEqual([])
    expect(changesOf(left)).toEqual([])
  })

  it('deletes foreign inline policies before it writes its own, as all of them share one size limit', async () => {
    await asItShouldBe()
    iam.on(ListRolePoliciesCommand).resolves({ PolicyNames: ['Everything'] })
    iam.on(GetRolePolicyCommand).rejects(gone())
    const state = await observe()
    expect(changesOf(state)).toMatchObject([
      { what: 'foreign inline policy' },
      { what: 'policy LibreChatBedrock', from: 'missing' },
    ])
    await theRole().ensure(state, work())
    const order = iam.calls().map(({ args }) => args[0].constructor.name)
    expect(order.slice(-2)).toEqual(['DeleteRolePolicyCommand', 'PutRolePolicyCommand'])
  })

  it('ignores a foreign policy that was removed meanwhile', async () => {
    await asItShouldBe()
    iam.on(ListRolePoliciesCommand).resolves({ PolicyNames: ['LibreChatBedrock', 'Everything'] })
    iam.on(ListAttachedRolePoliciesCommand).resolves({
      AttachedPolicies: [{ PolicyArn: managed }, { PolicyArn: administrator }],
    })
    const state = await observe()
    iam.on(DetachRolePolicyCommand).rejects(gone()).on(DeleteRolePolicyCommand).rejects(gone())
    expect(changesOf(await theRole().ensure(state, work()))).toEqual([])
  })

  it('shows and restores its trust, its boundary and its own policies', async () => {
    const Role = await asItShouldBe()
    const open = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*', Action: 'sts:*' }] }
    iam.on(GetRoleCommand).resolves({
      Role: {
        ...(Role as object),
        AssumeRolePolicyDocument: JSON.stringify(open),
        PermissionsBoundary: { PermissionsBoundaryArn: administrator },
      } as never,
    })
    iam.on(ListAttachedRolePoliciesCommand).resolves({})
    iam.on(GetRolePolicyCommand).resolves({ PolicyDocument: JSON.stringify(models) } as never)
    const state = await observe()
    expect(changesOf(state)).toMatchObject([
      { what: 'who may assume it', to: 'EC2 only' },
      { what: 'permissions boundary', from: administrator, to: 'none' },
      { what: 'managed policy', from: 'detached' },
      { what: 'policy LibreChatBedrock', from: 'changed' },
    ])
    await theRole().ensure(state, work())
    expect(iam.commandCalls(UpdateAssumeRolePolicyCommand)).toHaveLength(1)
    expect(iam.commandCalls(DeleteRolePermissionsBoundaryCommand)).toHaveLength(1)
    expect(iam.commandCalls(AttachRolePolicyCommand)).toHaveLength(1)
    expect(iam.commandCalls(PutRolePolicyCommand)).toHaveLength(1)
    const bounded = theRole({ permissionsBoundary: managed })
    await bounded.ensure(state, work())
    const [put] = iam.commandCalls(PutRolePermissionsBoundaryCommand)
    expect(put?.args[0].input.PermissionsBoundary).toBe(managed)
  })

  it('is created with its tags and its boundary in one call', async () => {
    iam.on(CreateRoleCommand).resolves({ Role: { Arn: arn } as never })
    await theRole({ permissionsBoundary: managed }).ensure(undefined, work())
    const [create] = iam.commandCalls(CreateRoleCommand)
    expect(create?.args[0].input).toMatchObject({ Tags: marked, PermissionsBoundary: managed })
    expect(iam.commandCalls(TagRoleCommand)).toEqual([])
  })

  it('waits until IAM knows the new role everywhere', async () => {
    iam.on(CreateRoleCommand).resolves({ Role: { Arn: arn } as never })
    iam.on(AttachRolePolicyCommand).rejectsOnce(gone()).resolves({})
    iam.on(PutRolePolicyCommand).rejectsOnce(gone()).resolves({})
    expect(await theRole().ensure(undefined, work())).toMatchObject({ arn, attached: [managed] })
  })

  it('lets the host read no parameter, whatever another policy allows', async () => {
    const document = JSON.parse(await ownDocument()) as PolicyDocument
    const everything: PolicyDocument = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
    }
    const parameter = 'arn:aws:ssm:us-east-1:123456789012:parameter/prod/password'
    for (const name of ['GetParameter', 'GetParameters', 'GetParametersByPath', 'GetParameterHistory']) {
      const asked = { action: `ssm:${name}`, resource: parameter, context: {} }
      expect(await judge([document, everything], asked), name).toBe('ExplicitlyDenied')
    }
    // What the agent needs stays: https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html
    for (const action of [
      'ssm:UpdateInstanceInformation',
      'ssmmessages:OpenDataChannel',
      'ec2messages:GetMessages',
    ]) {
      const asked = { action, resource: '*', context: {} }
      expect(await judge([document, everything], asked), action).toBe('Allowed')
    }
  })

  it('is refused before anything changes when its policy exceeds what IAM stores', async () => {
    await asItShouldBe()
    const long = Array.from(
      { length: 200 },
      (_, i) => `arn:aws:bedrock:us-east-1::inference-profile/model-${i}`,
    )
    const huge = theRole({
      policy: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 'bedrock:*', Resource: long }],
      },
    })
    expect(() => changesOf(undefined, huge)).toThrow(
      expect.objectContaining({ code: 'role-policy-too-large' }),
    )
  })

  it('is removed with all its policies, also if it was deleted meanwhile', async () => {
    const Role = await asItShouldBe()
    iam
      .on(ListRolePoliciesCommand)
      .resolves({ PolicyNames: ['One'], IsTruncated: true, Marker: 'more' })
      .on(ListRolePoliciesCommand, { Marker: 'more' })
      .resolves({ PolicyNames: ['Two'] })
    const state = await observe()
    if (!state) throw new Error(`not found: ${JSON.stringify(Role)}`)
    await theRole().remove(state, work())
    expect(iam.commandCalls(DeleteRolePolicyCommand).map(({ args }) => args[0].input.PolicyName)).toEqual([
      'LibreChatBedrock',
      'One',
      'Two',
    ])
    expect(iam.commandCalls(DeleteRoleCommand)).toHaveLength(1)
    iam.reset()
    iam.onAnyCommand().rejects(gone())
    await theRole().remove(state, work())
  })

  it('goes with a policy that it got since it was looked at', async () => {
    await asItShouldBe()
    const state = await observe()
    if (!state) throw new Error('not found')
    iam.on(ListAttachedRolePoliciesCommand).resolves({ AttachedPolicies: [{ PolicyArn: administrator }] })
    iam.on(ListRolePoliciesCommand).resolves({ PolicyNames: ['Later'] })
    iam.on(DetachRolePolicyCommand).resolves({}).on(DeleteRolePolicyCommand).resolves({})
    iam.on(DeleteRoleCommand).rejectsOnce(awsError('DeleteConflict')).resolves({})
    await theRole().remove(state, work())
    expect(iam.commandCalls(DetachRolePolicyCommand).at(-1)?.args[0].input.PolicyArn).toBe(administrator)
    expect(iam.commandCalls(DeleteRolePolicyCommand).at(-1)?.args[0].input.PolicyName).toBe('Later')
    expect(iam.commandCalls(DeleteRoleCommand)).toHaveLength(2)
    iam.on(DeleteRoleCommand).rejects(awsError('AccessDenied'))
    await expect(theRole().remove(state, work())).rejects.toMatchObject({ name: 'AccessDenied' })
  })
})
