import {
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeInstancesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2'
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  DeleteInstanceProfileCommand,
  GetInstanceProfileCommand,
  IAMClient,
  RemoveRoleFromInstanceProfileCommand,
  TagInstanceProfileCommand,
} from '@aws-sdk/client-iam'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import { instanceProfile, profileUsers } from '../../src/resources/instance-profile.js'
import type { RoleState } from '../../src/resources/role.js'
import { awsError, claim, context, lab, observed, proofOf, seen } from './context.js'

const iam = mockClient(IAMClient)
beforeEach(() => iam.reset())

const name = 'LibreChatInstanceRole'
const marked = [{ Key: 'librechat-lab:creation', Value: '0123456789abcdef' }, ...claim]
const resource = (adopt = false, proof = proofOf({})) =>
  instanceProfile({
    iam: new IAMClient({ region: 'us-east-1' }),
    lab,
    adopt,
    name,
    role: observed<RoleState>('role', undefined),
    proof,
  })
const profile = (RoleNames: string[], Tags = marked) => ({
  InstanceProfile: {
    InstanceProfileName: name,
    Arn: 'arn',
    InstanceProfileId: 'AIPA',
    Roles: RoleNames.map((RoleName) => ({ RoleName })),
    Tags,
  } as never,
})
const state = { arn: 'arn', id: 'AIPA', owned: true, marked: true, roles: [name] }

describe('the instance profile', () => {
  it('exists with its role, does not exist, or is not the lab’s', async () => {
    iam
      .on(GetInstanceProfileCommand)
      .rejectsOnce(awsError('NoSuchEntity'))
      .resolvesOnce(profile([name]))
      .resolves(profile([], []))
    expect(await resource().observe(seen)).toBeUndefined()
    expect(await resource().observe(seen)).toEqual(state)
    await expect(resource().observe(seen)).rejects.toMatchObject({ code: 'unowned' })
    expect(await resource(true).observe(seen)).toMatchObject({ owned: false })
  })

  it('is not the lab’s without its creation id, unless the proven instance uses it', async () => {
    iam.on(GetInstanceProfileCommand).resolves(profile([name], claim))
    await expect(resource().observe(seen)).rejects.toMatchObject({
      code: 'unowned',
      stranger: { kind: 'profile', id: name },
    })
    const using = (Id: string) => proofOf({ instance: { IamInstanceProfile: { Id } } })
    await expect(resource(false, using('AIPAOTHER')).observe(seen)).rejects.toMatchObject({ code: 'unowned' })
    expect(await resource(false, using('AIPA')).observe(seen)).toEqual({ ...state, marked: false })
    const older = proofOf({ isRecorded: false })
    const found = await resource(false, older).observe(seen)
    expect(resource().changes(found, () => undefined)).toEqual([
      { what: 'creation id', from: 'missing', to: 'tagged' },
    ])
    await resource().ensure(found, context())
    expect(iam.commandCalls(TagInstanceProfileCommand)[0]?.args[0].input.Tags).toEqual(marked.slice(0, 1))
  })

  it('shows another role and missing tags', () => {
    expect(resource().changes(state, () => undefined)).toEqual([])
    expect(resource().changes({ ...state, owned: false, roles: ['other'] }, () => undefined)).toMatchObject([
      { what: 'ownership' },
      { what: 'role', from: 'other', to: name },
    ])
  })

  it('is created with its tags and its role', async () => {
    iam.on(CreateInstanceProfileCommand).resolves(profile([]))
    iam.on(AddRoleToInstanceProfileCommand).resolves({})
    expect(await resource().ensure(undefined, context())).toEqual(state)
    expect(iam.commandCalls(CreateInstanceProfileCommand)[0]?.args[0].input.Tags).toEqual(marked)
  })

  it('has another role taken out, and takes it for done when the role is in already', async () => {
    iam.on(RemoveRoleFromInstanceProfileCommand).resolves({})
    iam.on(TagInstanceProfileCommand).resolves({})
    iam.on(AddRoleToInstanceProfileCommand).rejects(awsError('LimitExceeded'))
    iam
      .on(GetInstanceProfileCommand)
      .resolvesOnce(profile([name]))
      .resolves(profile(['other']))
    const drifted = { ...state, owned: false, roles: ['other'] }
    expect(await resource().ensure(drifted, context())).toEqual(state)
    expect(iam.commandCalls(TagInstanceProfileCommand)).toHaveLength(1)
    await expect(resource().ensure(drifted, context())).rejects.toMatchObject({ name: 'LimitExceeded' })
  })

  it('has the users that are not the lab’s and have not ended, of every page', async () => {
    const ec2 = mockClient(EC2Client)
    const uses = (InstanceId: string, Arn = 'arn') => ({ InstanceId, IamInstanceProfile: { Arn } })
    ec2
      .on(DescribeIamInstanceProfileAssociationsCommand)
      .resolvesOnce({
        IamInstanceProfileAssociations: [uses('i-lab'), uses('i-web', 'other')],
        NextToken: 'more',
      })
      .resolvesOnce({ IamInstanceProfileAssociations: [uses('i-db'), uses('i-gone')] })
      .resolves({ IamInstanceProfileAssociations: [uses('i-lab')] })
    ec2.on(DescribeInstancesCommand).resolves({ Reservations: [{ Instances: [{ InstanceId: 'i-db' }] }] })
    const client = new EC2Client({ region: 'us-east-1' })
    expect(await profileUsers(client, 'arn', ['i-lab'])).toEqual(['i-db'])
    const [asked] = ec2.commandCalls(DescribeInstancesCommand)
    expect(asked?.args[0].input.Filters?.[0]).toEqual({ Name: 'instance-id', Values: ['i-db', 'i-gone'] })
    expect(await profileUsers(client, 'arn', ['i-lab'])).toEqual([])
  })

  it('loses its role and goes; gone already is success', async () => {
    iam.on(RemoveRoleFromInstanceProfileCommand).rejects(awsError('NoSuchEntity'))
    iam
      .on(DeleteInstanceProfileCommand)
      .rejectsOnce(awsError('NoSuchEntity'))
      .rejects(awsError('DeleteConflict'))
    await resource().remove(state, context())
    await expect(resource().remove(state, context())).rejects.toMatchObject({ name: 'DeleteConflict' })
  })
})
