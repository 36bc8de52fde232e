import {
  AllocateAddressCommand,
  DescribeAddressesCommand,
  DescribeAddressTransfersCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  DisableAddressTransferCommand,
  EC2Client,
  EnableAddressTransferCommand,
  ModifyInstanceMetadataOptionsCommand,
  ReleaseAddressCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import {
  AddRoleToInstanceProfileCommand,
  AttachRolePolicyCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  GetInstanceProfileCommand,
  GetUserCommand,
  IAMClient,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam'
import {
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  GetParameterCommand,
  PutParameterCommand,
  SendCommandCommand,
  SSMClient,
} from '@aws-sdk/client-ssm'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { type Account, openAccount, operator } from '../support/account.js'
import { expiry, throttle } from '../support/gateway/faults.js'
import { describeAws } from '../support/moto.js'

/** The gateway's clock, which runs in this process, goes on only where the test says so. */
function stopTime(): void {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
}

// The tests' own AWS, seen through the SDK: what the suites lean on must itself be right.
describeAws('the gateway before moto', (moto) => {
  let account: Account
  let ec2: EC2Client
  let iam: IAMClient
  let ssm: SSMClient

  beforeEach(async () => {
    account = await openAccount(moto())
    const options = {
      endpoint: account.endpoint,
      credentials: account.credentials,
      region: 'us-east-1',
      maxAttempts: 1,
    }
    ec2 = new EC2Client(options)
    iam = new IAMClient(options)
    ssm = new SSMClient(options)
  })
  afterEach(() => account.close())

  const image = async () => {
    const Name = '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64'
    return (await ssm.send(new GetParameterCommand({ Name }))).Parameter?.Value
  }
  const launch = async (more: object = {}) => {
    const wanted = { ImageId: await image(), InstanceType: 't3.medium' as const, MinCount: 1, MaxCount: 1 }
    const { Instances } = await ec2.send(new RunInstancesCommand({ ...wanted, ...more }))
    return Instances?.[0]?.InstanceId ?? ''
  }
  const profile = async () => {
    const trust = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2' }, Action: '*' }],
    }
    await iam.send(new CreateRoleCommand({ RoleName: 'r', AssumeRolePolicyDocument: JSON.stringify(trust) }))
    const PolicyArn = 'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore'
    await iam.send(new AttachRolePolicyCommand({ RoleName: 'r', PolicyArn }))
    await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: 'p' }))
    await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName: 'p', RoleName: 'r' }))
    return { IamInstanceProfile: { Name: 'p' } }
  }

  it('refuses an inline policy that is too large for its role together with the others', async () => {
    const RoleName = 'Large'
    await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: '{"Statement":[]}' }))
    const put = (PolicyName: string, resources: number) => {
      const Resource = Array.from(
        { length: resources },
        (_, i) => `arn:aws:s3:::bucket-${String(i).padStart(80, '0')}`,
      )
      const Statement = [{ Effect: 'Allow', Action: 's3:GetObject', Resource }]
      const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement })
      return iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument }))
    }
    await put('A', 50)
    await expect(put('B', 50)).rejects.toMatchObject({ name: 'LimitExceededException' })
    await put('A', 60)
  })

  it('gives every test an account of its own, whose operator is a user', async () => {
    const options = { endpoint: account.endpoint, credentials: account.credentials, region: 'us-east-1' }
    const identity = await new STSClient(options).send(new GetCallerIdentityCommand({}))
    expect(identity.Account).toBe(account.id)
    expect(identity.Arn).toMatch(new RegExp(`:user/${operator}$`))
  })

  it('writes every call down', async () => {
    await ec2.send(new AllocateAddressCommand({ Domain: 'vpc' }))
    await iam.send(new GetUserCommand({ UserName: operator }))
    const ends = account.calls.map(({ service, action, changing, status, region }) => [
      `${service}:${action}`,
      changing,
      status,
      region,
    ])
    expect(ends).toEqual([
      ['ec2:AllocateAddress', true, 200, 'us-east-1'],
      ['iam:GetUser', false, 200, 'us-east-1'],
    ])
    expect(account.calls[0]?.params.Domain).toBe('vpc')
    expect(account.calls[0]?.requestId).toBeTruthy()
  })

  it('makes one instance for one token, and refuses other parameters under it', async () => {
    const first = await launch({ ClientToken: 'token' })
    expect(await launch({ ClientToken: 'token' })).toBe(first)
    await expect(launch({ ClientToken: 'token', InstanceType: 't3.large' })).rejects.toMatchObject({
      name: 'IdempotentParameterMismatch',
    })
    const { Reservations } = await account.at('us-east-1').ec2.send(new DescribeInstancesCommand({}))
    expect(Reservations).toHaveLength(1)
  })

  it('holds to termination protection, and gives the volume what was asked for', async () => {
    const ebs = { VolumeType: 'gp3' as const, VolumeSize: 30, Iops: 3000, Throughput: 125, Encrypted: true }
    const id = await launch({
      DisableApiTermination: true,
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: ebs }],
    })
    await expect(ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }))).rejects.toMatchObject({
      name: 'OperationNotPermitted',
    })
    const { Volumes } = await ec2.send(new DescribeVolumesCommand({}))
    expect(Volumes?.[0]).toMatchObject({ Iops: 3000, Throughput: 125, Encrypted: true, Size: 30 })
  })

  it('carries out no dry run, and lets a denying policy refuse', async () => {
    const { AllocationId } = await ec2.send(new AllocateAddressCommand({ Domain: 'vpc' }))
    const attempt = () => ec2.send(new ReleaseAddressCommand({ AllocationId, DryRun: true }))
    await expect(attempt()).rejects.toMatchObject({ name: 'DryRunOperation' })
    const deny = { Effect: 'Deny', Action: 'ec2:ReleaseAddress', Resource: '*' }
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [deny] })
    await iam.send(new PutUserPolicyCommand({ UserName: operator, PolicyName: 'guard', PolicyDocument }))
    await expect(attempt()).rejects.toMatchObject({ name: 'UnauthorizedOperation' })
    expect((await ec2.send(new DescribeAddressesCommand({}))).Addresses).toHaveLength(1)
    expect(account.calls.filter((call) => call.params.DryRun && call.changing)).toEqual([])
  })

  it('knows address transfers', async () => {
    const { AllocationId = '' } = await ec2.send(new AllocateAddressCommand({ Domain: 'vpc' }))
    const status = async () =>
      (await ec2.send(new DescribeAddressTransfersCommand({ AllocationIds: [AllocationId] })))
        .AddressTransfers?.[0]?.AddressTransferStatus
    expect(await status()).toBeUndefined()
    await ec2.send(new EnableAddressTransferCommand({ AllocationId, TransferAccountId: '210987654321' }))
    expect(await status()).toBe('pending')
    await ec2.send(new DisableAddressTransferCommand({ AllocationId }))
    expect(await status()).toBe('disabled')
  })

  it('hides for a while what has just been made', async () => {
    stopTime()
    account.slowness.instance = 150
    const id = await launch()
    const seen = async () => (await ec2.send(new DescribeInstancesCommand({}))).Reservations?.length
    expect(await seen()).toBe(0)
    await expect(ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }))).rejects.toMatchObject({
      name: 'InvalidInstanceID.NotFound',
    })
    vi.setSystemTime(Date.now() + 160)
    expect(await seen()).toBe(1)
  })

  it('refuses a launch with a profile that EC2 does not know yet', async () => {
    stopTime()
    account.slowness.profile = 150
    const wanted = await profile()
    await expect(launch(wanted)).rejects.toMatchObject({
      name: 'InvalidParameterValue',
      message: expect.stringContaining('Invalid IAM Instance Profile name'),
    })
    vi.setSystemTime(Date.now() + 160)
    expect(await launch(wanted)).toMatch(/^i-/)
  })

  it('lets an instance start and stop in its own time', async () => {
    stopTime()
    Object.assign(account.slowness, { starting: 100, terminating: 100 })
    const id = await launch()
    const state = async () =>
      (await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }))).Reservations?.[0]?.Instances?.[0]
        ?.State?.Name
    expect(await state()).toBe('pending')
    vi.setSystemTime(Date.now() + 110)
    expect(await state()).toBe('running')
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }))
    expect(await state()).toBe('shutting-down')
    vi.setSystemTime(Date.now() + 110)
    expect(await state()).toBe('terminated')
  })

  it('names an instance’s profile by its own id, and refuses one that does not exist', async () => {
    const { IamInstanceProfile } = await profile()
    const id = await launch({ IamInstanceProfile })
    const { InstanceProfile } = await iam.send(new GetInstanceProfileCommand({ InstanceProfileName: 'p' }))
    const seen = (await ec2.send(new DescribeInstancesCommand({}))).Reservations?.[0]?.Instances?.[0]
    expect(seen).toMatchObject({
      InstanceId: id,
      IamInstanceProfile: { Id: InstanceProfile?.InstanceProfileId },
    })
    await expect(launch({ IamInstanceProfile: { Name: 'none' } })).rejects.toMatchObject({
      name: 'InvalidParameterValue',
    })
  })

  it('keeps the metadata options that a change does not name', async () => {
    const id = await launch({ MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2 } })
    await ec2.send(new ModifyInstanceMetadataOptionsCommand({ InstanceId: id, HttpTokens: 'optional' }))
    const seen = (await ec2.send(new DescribeInstancesCommand({}))).Reservations?.[0]?.Instances?.[0]
    expect(seen?.MetadataOptions).toMatchObject({ HttpTokens: 'optional', HttpPutResponseHopLimit: 2 })
  })

  it('has managed instances once the agent has a role, and runs commands on them', async () => {
    const without = await launch()
    const id = await launch(await profile())
    const online = (await ssm.send(new DescribeInstanceInformationCommand({}))).InstanceInformationList
    expect(online).toMatchObject([{ InstanceId: id, PingStatus: 'Online' }])
    const send = (InstanceId: string, Parameters: Record<string, string[]>) =>
      ssm.send(
        new SendCommandCommand({ InstanceIds: [InstanceId], DocumentName: 'AWS-RunShellScript', Parameters }),
      )
    await expect(send(without, { commands: ['ls'] })).rejects.toMatchObject({ name: 'InvalidInstanceId' })
    await expect(send(id, { comands: ['ls'] })).rejects.toMatchObject({ name: 'InvalidParameters' })
    const { Command } = await send(id, { commands: ['ls'] })
    const seen = { CommandId: Command?.CommandId ?? '', InstanceId: id }
    await expect
      .poll(() => ssm.send(new GetCommandInvocationCommand(seen)), { timeout: 10_000 })
      .toMatchObject({
        Status: 'Failed',
        ResponseCode: 1,
        StandardErrorContent: expect.stringContaining('carries no archive'),
      })
  })

  it('lets faults strike: the nth call, with the right code, before or after it was carried out', async () => {
    const allocate = () => ec2.send(new AllocateAddressCommand({ Domain: 'vpc' }))
    const made = async () => (await ec2.send(new DescribeAddressesCommand({}))).Addresses?.length
    const strike = { action: 'AllocateAddress' }
    account.gateway.faults.add({ ...strike, nth: 2, effect: { kind: 'cut' } })
    await allocate()
    await expect(allocate()).rejects.toThrow()
    expect(await made()).toBe(1)
    account.gateway.faults.add({ ...strike, effect: { kind: 'drop' } })
    await expect(allocate()).rejects.toThrow()
    expect(await made()).toBe(2)
    account.gateway.faults.add({ ...strike, effect: { kind: 'error', code: 'AddressLimitExceeded' } })
    await expect(allocate()).rejects.toMatchObject({ name: 'AddressLimitExceeded' })
    account.gateway.faults.storm = throttle
    await expect(allocate()).rejects.toMatchObject({ name: 'RequestLimitExceeded' })
    account.gateway.faults.storm = expiry
    const put = new PutParameterCommand({ Name: 'n', Value: 'v', Type: 'String' })
    await expect(ssm.send(put)).rejects.toMatchObject({ name: 'ExpiredTokenException' })
    await expect(iam.send(new GetUserCommand({}))).rejects.toMatchObject({ name: 'ExpiredToken' })
  })
})
