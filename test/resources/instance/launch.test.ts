import {
  DescribeInstancesCommand,
  EC2Client,
  type Instance,
  RunInstancesCommand,
  type RunInstancesCommandInput,
} from '@aws-sdk/client-ec2'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import type { InstanceOptions } from '../../../src/resources/instance/describe.js'
import { isPropagation, launch, running } from '../../../src/resources/instance/launch.js'
import { awsError, instanceContext, instanceOptions } from '../context.js'

const ec2 = mockClient(EC2Client)
const client = new EC2Client({ region: 'us-east-1', maxAttempts: 1 })
const work = instanceContext()

let renewed = 0
const options = (more: Partial<InstanceOptions> = {}): InstanceOptions =>
  instanceOptions(client, { renew: async () => `1111111${renewed++}`, ...more })
const pending: Instance = { InstanceId: 'i-lab', State: { Name: 'pending' } }
const asked = (): RunInstancesCommandInput[] =>
  ec2.commandCalls(RunInstancesCommand).map(({ args }) => args[0].input)

beforeEach(() => {
  ec2.reset()
  renewed = 0
  ec2.on(RunInstancesCommand).resolves({ Instances: [pending] })
})

describe('a launch', () => {
  it('asks for a protected instance with IMDSv2, an encrypted disk, and the lab’s tags on all that it creates', async () => {
    expect(await launch(options(), work)).toEqual({ instanceId: 'i-lab', isNew: false })
    const [input] = asked()
    expect(input).toMatchObject({
      ImageId: 'ami-1',
      MinCount: 1,
      MaxCount: 1,
      IamInstanceProfile: { Arn: 'arn:profile' },
      DisableApiTermination: true,
      InstanceInitiatedShutdownBehavior: 'stop',
      CreditSpecification: { CpuCredits: 'standard' },
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2, HttpEndpoint: 'enabled' },
      NetworkInterfaces: [{ SubnetId: 'subnet-a', Groups: ['sg-lab'], DeleteOnTermination: true }],
      BlockDeviceMappings: [{ Ebs: { VolumeType: 'gp3', VolumeSize: 30, Encrypted: true } }],
    })
    expect(input?.KeyName).toBeUndefined()
    expect(input?.UserData).toBeUndefined()
    expect(input?.TagSpecifications?.map(({ ResourceType }) => ResourceType)).toEqual([
      'instance',
      'volume',
      'network-interface',
    ])
    for (const { Tags } of input?.TagSpecifications ?? [])
      expect(Tags).toContainEqual({ Key: 'librechat-lab:name', Value: 'default' })
  })

  it('asks for standard credits only where the type has credits', async () => {
    await launch(options({ type: 'm7i.large' }), work)
    expect(asked()[0]?.CreditSpecification).toBeUndefined()
  })

  it('is this run’s own where this run chose the generation', async () => {
    expect(await launch(options({ isNewGeneration: true }), work)).toMatchObject({ isNew: true })
  })

  it('takes a new generation, of its own, where the token’s instance has ended or is ending', async () => {
    ec2
      .on(RunInstancesCommand)
      .rejectsOnce(awsError('IdempotentInstanceTerminated'))
      .resolvesOnce({ Instances: [{ InstanceId: 'i-old', State: { Name: 'terminated' } }] })
      .resolves({ Instances: [pending] })
    expect(await launch(options(), work)).toEqual({ instanceId: 'i-lab', isNew: true })
    expect(renewed).toBe(2)
    expect(new Set(asked().map(({ ClientToken }) => ClientToken)).size).toBe(3)
  })

  it.each([
    [
      'the profile is not known yet',
      'InvalidParameterValue',
      'Value (x) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN',
    ],
    [
      'the profile has no role yet',
      'InvalidParameterValue',
      'IAM Instance Profile "x" has no associated IAM Roles',
    ],
    ['the group is not known yet', 'InvalidGroup.NotFound', 'The security group does not exist'],
    ['AWS throttles', 'RequestLimitExceeded', 'Request limit exceeded.'],
  ])('is repeated with the same token where %s', async (_, code, message) => {
    ec2
      .on(RunInstancesCommand)
      .rejectsOnce(awsError(code, message))
      .resolves({ Instances: [pending] })
    await launch(options(), work)
    const [first, second] = asked()
    expect(second?.ClientToken).toBe(first?.ClientToken)
  })

  it.each(['InsufficientInstanceCapacity', 'InsufficientFreeAddressesInSubnet', 'Unsupported'])(
    'goes to the next zone after %s, and fails with it in the last',
    async (code) => {
      ec2
        .on(RunInstancesCommand)
        .rejectsOnce(awsError(code))
        .resolves({ Instances: [pending] })
      await launch(options(), work)
      expect(asked().map(({ NetworkInterfaces }) => NetworkInterfaces?.[0]?.SubnetId)).toEqual([
        'subnet-a',
        'subnet-b',
      ])
      ec2.on(RunInstancesCommand).rejects(awsError(code))
      await expect(launch(options(), work)).rejects.toMatchObject({ name: code })
    },
  )

  it.each([
    ['VcpuLimitExceeded', 'You have requested more vCPU capacity than your limit.'],
    ['InvalidParameterValue', 'Invalid value for instanceType'],
    ['UnauthorizedOperation', 'You are not authorized to perform this operation.'],
  ])('ends at once after %s', async (code, message) => {
    ec2.on(RunInstancesCommand).rejects(awsError(code, message))
    await expect(launch(options(), work)).rejects.toMatchObject({ name: code })
    expect(asked()).toHaveLength(1)
    expect(isPropagation(awsError(code, message))).toBe(false)
  })
})

describe('an instance that was launched', () => {
  const found = (state: string, more: Partial<Instance> = {}) => ({
    Reservations: [{ Instances: [{ ...pending, ...more, State: { Name: state as 'running' } }] }],
  })
  const launched = { instanceId: 'i-lab', isNew: true }

  it('is waited for while it is not known, throttled or pending', async () => {
    ec2
      .on(DescribeInstancesCommand)
      .rejectsOnce(awsError('InvalidInstanceID.NotFound'))
      .rejectsOnce(awsError('RequestLimitExceeded'))
      .resolvesOnce(found('pending'))
      .resolves(found('running'))
    expect(await running(options(), launched, work)).toMatchObject({ state: 'running' })
    expect(ec2.commandCalls(DescribeInstancesCommand)).toHaveLength(4)
  })

  it('that ends instead costs a generation, and the error has AWS’s reason', async () => {
    const StateReason = {
      Code: 'Client.InternalError',
      Message: 'Client.InternalError: Client error on launch',
    }
    for (const state of ['shutting-down', 'terminated']) {
      ec2.on(DescribeInstancesCommand).resolves(found(state, { StateReason }))
      await expect(running(options(), launched, work)).rejects.toMatchObject({ code: 'instance-ended' })
    }
    expect(renewed).toBe(2)
  })

  it('that may not be looked at is an error', async () => {
    ec2.on(DescribeInstancesCommand).rejects(awsError('UnauthorizedOperation'))
    await expect(running(options(), launched, work)).rejects.toMatchObject({ name: 'UnauthorizedOperation' })
  })
})
