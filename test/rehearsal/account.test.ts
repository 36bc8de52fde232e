import * as ec2 from '@aws-sdk/client-ec2'
import * as iam from '@aws-sdk/client-iam'
import * as ssm from '@aws-sdk/client-ssm'
import { describe, expect, it } from 'vitest'
import { roles } from '../../src/rehearsal/iam/roles.js'
import { launchInput, makeInstance, makeProfile, play } from './played.js'

const codeOf = (error: { name: string; Code?: string }) => error.Code ?? error.name

describe('the rehearsal account', () => {
  it('continues where an earlier command left it, and time passes in between', async () => {
    const first = await play()
    const { Instances } = await first.clients.ec2.send(new ec2.RunInstancesCommand(await launchInput(first)))
    expect(Instances?.[0]?.State?.Name).toBe('pending')
    const later = await play({ statePath: first.statePath })
    later.clock.turn(60_000)
    const { Reservations } = await later.clients.ec2.send(new ec2.DescribeInstancesCommand({}))
    expect(Reservations?.[0]?.Instances?.[0]).toMatchObject({
      InstanceId: Instances?.[0]?.InstanceId,
      State: { Name: 'running' },
    })
  })

  it('makes one instance for one token, and none for the token with another wish', async () => {
    const played = await play()
    const input = { ...(await launchInput(played)), ClientToken: 'once' }
    const ids = []
    for (let i = 0; i < 2; i++) {
      const { Instances } = await played.clients.ec2.send(new ec2.RunInstancesCommand(input))
      ids.push(Instances?.[0]?.InstanceId)
    }
    expect(ids[0]).toBe(ids[1])
    const other = played.clients.ec2.send(new ec2.RunInstancesCommand({ ...input, InstanceType: 't3.large' }))
    await expect(other.catch(codeOf)).resolves.toBe('IdempotentParameterMismatch')
  })

  it('has not heard of a new instance profile for a moment, in AWS’s own words', async () => {
    const played = await play()
    await makeProfile(played)
    const input = { ...(await launchInput(played)), IamInstanceProfile: { Name: 'Role' } }
    await played.clients.iam.send(new iam.CreateInstanceProfileCommand({ InstanceProfileName: 'New' }))
    const tooEarly = played.clients.ec2.send(
      new ec2.RunInstancesCommand({ ...input, IamInstanceProfile: { Name: 'New' } }),
    )
    await expect(tooEarly).rejects.toMatchObject({
      name: 'InvalidParameterValue',
      message: expect.stringContaining('Invalid IAM Instance Profile name'),
    })
    played.clock.turn(10_000)
    await expect(played.clients.ec2.send(new ec2.RunInstancesCommand(input))).resolves.toBeTruthy()
  })

  it('has an image of its own for each architecture in every region, so that ARM types launch', async () => {
    for (const region of ['us-east-1', 'ap-southeast-1', 'eu-west-1']) {
      const { clients } = await play({ region })
      const image = async (architecture: string) => {
        const Name = `/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${architecture}`
        return (await clients.ssm.send(new ssm.GetParameterCommand({ Name }))).Parameter?.Value
      }
      const arm = await image('arm64')
      expect(arm).toMatch(/^ami-[0-9a-f]{17}$/)
      expect(arm).not.toBe(await image('x86_64'))
      const launch = { ImageId: arm, InstanceType: 't4g.medium', MinCount: 1, MaxCount: 1 } as const
      await expect(clients.ec2.send(new ec2.RunInstancesCommand(launch))).resolves.toBeTruthy()
    }
  })

  it('has no t3 in us-east-1e, as in life', async () => {
    const played = await play()
    const launch = played.clients.ec2.send(
      new ec2.RunInstancesCommand(await launchInput(played, 'us-east-1e')),
    )
    await expect(launch.catch(codeOf)).resolves.toBe('Unsupported')
  })

  it('does nothing in a dry run, and says that it would have', async () => {
    const { clients } = await play()
    const { AllocationId } = await clients.ec2.send(new ec2.AllocateAddressCommand({}))
    const dry = clients.ec2.send(new ec2.ReleaseAddressCommand({ AllocationId, DryRun: true }))
    await expect(dry).rejects.toMatchObject({ name: 'DryRunOperation', $metadata: { httpStatusCode: 412 } })
    const { Addresses } = await clients.ec2.send(new ec2.DescribeAddressesCommand({}))
    expect(Addresses).toHaveLength(1)
  })

  it('refuses a release that a policy of the caller denies for the address’s tag', async () => {
    const { clients } = await play()
    const Tags = [{ Key: 'librechat-lab:protected', Value: 'true' }]
    const [tagged, plain] = await Promise.all([
      clients.ec2.send(
        new ec2.AllocateAddressCommand({ TagSpecifications: [{ ResourceType: 'elastic-ip', Tags }] }),
      ),
      clients.ec2.send(new ec2.AllocateAddressCommand({})),
    ])
    const deny = {
      Effect: 'Deny',
      Action: ['ec2:ReleaseAddress'],
      Resource: '*',
      Condition: { StringEquals: { 'aws:ResourceTag/librechat-lab:protected': 'true' } },
    }
    await clients.iam.send(
      new iam.PutUserPolicyCommand({
        UserName: 'rehearsal',
        PolicyName: 'deny',
        PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [deny] }),
      }),
    )
    const release = (AllocationId: string | undefined) =>
      clients.ec2.send(new ec2.ReleaseAddressCommand({ AllocationId, DryRun: true })).catch(codeOf)
    await expect(release(tagged.AllocationId)).resolves.toBe('UnauthorizedOperation')
    await expect(release(plain.AllocationId)).resolves.toBe('DryRunOperation')
    // In earnest the refusal names the action and the address, which EC2 itself hides in a code.
    const earnest = clients.ec2.send(new ec2.ReleaseAddressCommand({ AllocationId: tagged.AllocationId }))
    await expect(earnest).rejects.toThrow(/A policy denies ec2:ReleaseAddress on arn:aws:ec2:.*eipalloc-/)
  })

  it('keeps a group while an instance uses it, and frees the address of one that ended', async () => {
    const played = await play()
    const { ec2: client } = played.clients
    const { GroupId } = await client.send(
      new ec2.CreateSecurityGroupCommand({ GroupName: 'g', Description: 'g' }),
    )
    const input = { ...(await launchInput(played)), SecurityGroupIds: [GroupId ?? ''] }
    const { Instances } = await client.send(new ec2.RunInstancesCommand(input))
    const InstanceId = Instances?.[0]?.InstanceId ?? ''
    played.clock.turn(60_000)
    const { AllocationId } = await client.send(new ec2.AllocateAddressCommand({}))
    await client.send(new ec2.AssociateAddressCommand({ AllocationId, InstanceId }))
    await client.send(new ec2.TerminateInstancesCommand({ InstanceIds: [InstanceId] }))
    const tooEarly = client.send(new ec2.DeleteSecurityGroupCommand({ GroupId }))
    await expect(tooEarly.catch(codeOf)).resolves.toBe('DependencyViolation')
    played.clock.turn(60_000)
    await client.send(new ec2.DeleteSecurityGroupCommand({ GroupId }))
    const { Addresses } = await client.send(new ec2.DescribeAddressesCommand({}))
    expect(Addresses?.[0]).not.toHaveProperty('AssociationId')
    expect(Addresses?.[0]).not.toHaveProperty('InstanceId')
  })

  it('sees the agent only while its role allows it', async () => {
    const played = await play()
    const id = await makeInstance(played)
    const ping = async () => {
      const { InstanceInformationList } = await played.clients.ssm.send(
        new ssm.DescribeInstanceInformationCommand({}),
      )
      return InstanceInformationList?.find(({ InstanceId }) => InstanceId === id)?.PingStatus
    }
    await expect(ping()).resolves.toBe('Online')
    const PolicyArn = 'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore'
    await played.clients.iam.send(new iam.DetachRolePolicyCommand({ RoleName: 'Role', PolicyArn }))
    await expect(ping()).resolves.not.toBe('Online')
    const send = played.clients.ssm.send(
      new ssm.SendCommandCommand({
        InstanceIds: [id],
        DocumentName: 'AWS-RunShellScript',
        Parameters: { commands: [':'] },
      }),
    )
    await expect(send).rejects.toBeInstanceOf(ssm.InvalidInstanceId)
  })

  // Asked directly: the SDK takes LimitExceededException for throttling and repeats the call for half a minute.
  it('refuses an inline policy that is too large for its role together with the others', () => {
    const world = { account: { roles: { Role: { inline: {} } } } } as never
    const put = (PolicyName: string, characters: number) => {
      const PolicyDocument = JSON.stringify({ Statement: [{ Sid: 'A'.repeat(characters) }] })
      return roles.PutRolePolicy({ RoleName: 'Role', PolicyName, PolicyDocument }, world)
    }
    put('A', 6_000)
    expect(() => put('B', 6_000)).toThrow(expect.objectContaining({ code: 'LimitExceeded', status: 409 }))
    put('A', 9_000)
  })

  it('keeps regions apart, and roles together', async () => {
    const here = await play()
    await makeProfile(here)
    await here.clients.ec2.send(new ec2.AllocateAddressCommand({}))
    const there = await play({ statePath: here.statePath, region: 'eu-west-1' })
    const { Addresses } = await there.clients.ec2.send(new ec2.DescribeAddressesCommand({}))
    expect(Addresses).toEqual([])
    await expect(there.clients.iam.send(new iam.GetRoleCommand({ RoleName: 'Role' }))).resolves.toBeTruthy()
  })

  it('throws the SDK’s own exceptions, with a request id', async () => {
    const { clients } = await play()
    const role = clients.iam.send(new iam.GetRoleCommand({ RoleName: 'none' }))
    await expect(role).rejects.toBeInstanceOf(iam.NoSuchEntityException)
    const group = clients.ec2.send(new ec2.DescribeSecurityGroupsCommand({ GroupIds: ['sg-01234567'] }))
    await expect(group).rejects.toBeInstanceOf(ec2.EC2ServiceException)
    await expect(group).rejects.toMatchObject({
      $metadata: { requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    })
  })

  it('says so when it has no answer, instead of making one up', async () => {
    const { clients } = await play()
    await expect(clients.ec2.send(new ec2.DescribeFleetsCommand({}))).rejects.toMatchObject({
      name: 'InvalidAction',
    })
  })
})
