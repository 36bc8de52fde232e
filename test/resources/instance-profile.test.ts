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
import { awsError, claim, context, lab, observed, seen } from './context.js'

const iam = mockClient(IAMClient)
beforeEach(() => iam.reset())

const name = 'LibreChatInstanceRole'
const resource = (adopt = false) =>
  instanceProfile({
    iam: new IAMClient({ region: 'us-east-1' }),
    lab,
    adopt,
    name,
    role: observed<RoleState>('role', undefined),
  })
const profile = (RoleNames: string[], Tags = claim) => ({
  InstanceProfile: {
    InstanceProfileName: name,
    Arn: 'arn',
    InstanceProfileId: 'AIPA',
    Roles: RoleNames.map((RoleName) => ({ RoleName })),
    Tags,
  } as never,
})
const state = { arn: 'arn', id: 'AIPA', owned: true, roles: [name] }

describe('the instance profile', () => {
  it('is there with its role, or not there, or somebody else’s', async () => {
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
    expect(iam.commandCalls(CreateInstanceProfileCommand)[0]?.args[0].input.Tags).toEqual(claim)
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
