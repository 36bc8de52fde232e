import {
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Resource } from '../../src/engine/resource.js'
import type { InstanceState } from '../../src/resources/instance.js'
import { type ScheduleRoleState, scheduleRole } from '../../src/resources/schedule-role.js'
import { awsError, claim, context, lab, marked, observed, proofOf, seen } from './context.js'

const sdk = mockClient(IAMClient)
const iam = new IAMClient({ region: 'us-east-1' })
const gone = awsError('NoSuchEntity')
const RoleName = 'LibreChatScheduleRole'
const arn = `arn:aws:iam::123456789012:role/${RoleName}`
const boundary = 'arn:aws:iam::123456789012:policy/Boundary'

const host = observed('instance', { instanceId: 'i-lab' } as InstanceState)
const states = () => ({ instanceId: 'i-lab' }) as never
const work = context([[host as Resource<never>, { instanceId: 'i-lab' }]])

const role = ({
  adopt = false,
  permissionsBoundary,
}: {
  adopt?: boolean
  permissionsBoundary?: string
} = {}) =>
  scheduleRole({
    iam,
    lab,
    adopt,
    name: RoleName,
    groupArn: 'arn:aws:scheduler:us-east-1:123456789012:schedule-group/LibreChat',
    permissionsBoundary,
    // The settings are stored and the instance is there: both prove nothing about this role.
    proof: proofOf({ instance: { InstanceId: 'i-lab' } }),
    instance: host,
    after: [],
  })

const inputsOf = (command: Parameters<typeof sdk.commandCalls>[0]) =>
  sdk.commandCalls(command).map(({ args }) => args[0].input)

const found = (Tags: typeof claim, more: object = {}) =>
  sdk.on(GetRoleCommand).resolves({ Role: { Arn: arn, Tags, ...more } as never })

/** The role as the program has created it. */
async function created(): Promise<ScheduleRoleState> {
  sdk.on(CreateRoleCommand).resolves({ Role: { Arn: arn } as never })
  sdk.on(PutRolePolicyCommand).resolves({})
  const state = await role().ensure(undefined, work)
  sdk.resetHistory()
  return state
}

beforeEach(() => {
  sdk.reset()
  sdk.on(ListAttachedRolePoliciesCommand).resolves({ AttachedPolicies: [] })
  sdk.on(ListRolePoliciesCommand).resolves({ PolicyNames: [] })
  sdk.on(GetRolePolicyCommand).rejects(gone)
})

describe('the schedule’s role', () => {
  it('is created with the creation id, for Scheduler and this instance only', async () => {
    sdk.on(CreateRoleCommand).resolves({ Role: { Arn: arn } as never })
    sdk.on(PutRolePolicyCommand).rejectsOnce(gone).resolves({})
    expect(role().changes(undefined, states)).toHaveLength(1)
    const state = await role().ensure(undefined, work)
    const [asked] = inputsOf(CreateRoleCommand) as { Tags: object[]; AssumeRolePolicyDocument: string }[]
    expect(asked?.Tags).toEqual(marked)
    expect(JSON.parse(asked?.AssumeRolePolicyDocument ?? '').Statement[0]).toMatchObject({
      Principal: { Service: 'scheduler.amazonaws.com' },
      Condition: { StringEquals: { 'aws:SourceAccount': '123456789012' } },
    })
    const [, put] = inputsOf(PutRolePolicyCommand) as { PolicyDocument: string }[]
    expect(JSON.parse(put?.PolicyDocument ?? '').Statement[0].Resource).toMatch(/:instance\/i-lab$/)
    expect(role().changes(state, states)).toEqual([])
  })

  it('is created with the permissions boundary', async () => {
    sdk.on(CreateRoleCommand).resolves({ Role: { Arn: arn } as never })
    await role({ permissionsBoundary: boundary }).ensure(undefined, work)
    expect(inputsOf(CreateRoleCommand)).toMatchObject([{ PermissionsBoundary: boundary }])
  })

  it('is ours by its creation id, and is read as it was created', async () => {
    const state = await created()
    found(marked, { AssumeRolePolicyDocument: encodeURIComponent(state.trust) })
    sdk.on(GetRolePolicyCommand).resolves({ PolicyDocument: encodeURIComponent(state.inline) } as never)
    sdk.on(ListRolePoliciesCommand).resolves({ PolicyNames: ['LibreChatSchedule'] })
    expect(await role().observe(seen)).toEqual(state)
  })

  it('is not there where IAM has none of its name', async () => {
    sdk.on(GetRoleCommand).rejects(gone)
    expect(await role().observe(seen)).toBeUndefined()
  })

  it('is no role of that name with copied tags, unless the user adopts it', async () => {
    for (const Value of [undefined, 'fedcba9876543210']) {
      found([...(Value ? [{ Key: 'librechat-lab:creation', Value }] : []), ...claim])
      await expect(role().observe(seen)).rejects.toMatchObject({
        code: 'unowned',
        stranger: { kind: 'role', id: RoleName },
      })
      sdk.resetHistory()
      const adopting = role({ adopt: true })
      const adopted = await adopting.observe(seen)
      const ownership = { what: 'ownership', from: 'not ours', to: 'lab default' }
      expect(adopting.changes(adopted, states)).toContainEqual(ownership)
      await adopting.ensure(adopted, work)
      expect(inputsOf(TagRoleCommand)).toMatchObject([{ Tags: marked }])
    }
  })

  it.each([
    ['the trust', { trust: '{}' }, 'who may assume it', UpdateAssumeRolePolicyCommand],
    ['the boundary', { boundary }, 'permissions boundary', DeleteRolePermissionsBoundaryCommand],
    ['the policy', { inline: '{}' }, 'may start and stop', PutRolePolicyCommand],
    [
      'a foreign managed policy',
      { foreign: { attached: ['arn:aws:iam::aws:policy/ReadOnlyAccess'], inline: [] } },
      'foreign managed policy',
      DetachRolePolicyCommand,
    ],
    [
      'a foreign inline policy',
      { foreign: { attached: [], inline: ['Everything'] } },
      'foreign inline policy',
      DeleteRolePolicyCommand,
    ],
  ] as const)('is shown with %s that was changed, and repaired', async (_, change, what, command) => {
    const state = await created()
    const changed = { ...state, ...change }
    expect(role().changes(changed, states)).toMatchObject([{ what }])
    expect(await role().ensure(changed, work)).toEqual(state)
    expect(sdk.calls()).toHaveLength(1)
    expect(sdk.commandCalls(command as typeof PutRolePolicyCommand)).toHaveLength(1)
  })

  it('gets the boundary back', async () => {
    const state = await created()
    const bounded = role({ permissionsBoundary: boundary })
    expect(bounded.changes(state, states)).toEqual([
      { what: 'permissions boundary', from: 'none', to: boundary },
    ])
    await bounded.ensure(state, work)
    expect(inputsOf(PutRolePermissionsBoundaryCommand)).toMatchObject([{ PermissionsBoundary: boundary }])
  })

  it('goes with every policy that it has, and may be gone already', async () => {
    const state = await created()
    const PolicyArn = 'arn:aws:iam::aws:policy/ReadOnlyAccess'
    sdk.on(ListAttachedRolePoliciesCommand).resolves({ AttachedPolicies: [{ PolicyArn }] })
    sdk.on(ListRolePoliciesCommand).resolves({ PolicyNames: ['LibreChatSchedule', 'Everything'] })
    sdk.on(DeleteRolePolicyCommand).rejectsOnce(gone).resolves({})
    await role().remove(state, work)
    expect(inputsOf(DetachRolePolicyCommand)).toMatchObject([{ PolicyArn }])
    expect(inputsOf(DeleteRolePolicyCommand)).toMatchObject([
      { PolicyName: 'LibreChatSchedule' },
      { PolicyName: 'Everything' },
    ])
    expect(inputsOf(DeleteRoleCommand)).toEqual([{ RoleName }])
    sdk.on(ListAttachedRolePoliciesCommand).rejects(gone)
    sdk.on(DeleteRoleCommand).rejects(gone)
    await role().remove(state, work)
  })
})
