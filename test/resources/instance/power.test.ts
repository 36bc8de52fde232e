import {
  DescribeInstancesCommand,
  EC2Client,
  StartInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import { startInstance, stopInstance, untilStopped } from '../../../src/resources/instance/power.js'
import { awsError, context } from '../context.js'

const ec2 = mockClient(EC2Client)
const client = new EC2Client({ region: 'us-east-1', maxAttempts: 1 })
const work = context()
const as = (Name: string) => ({
  Reservations: [{ Instances: [{ InstanceId: 'i-lab', State: { Name: Name as 'running' } }] }],
})
beforeEach(() => {
  ec2.reset()
  ec2.on(StartInstancesCommand).resolves({})
  ec2.on(StopInstancesCommand).resolves({})
})

describe('a stop', () => {
  it('is done when the instance is stopped', async () => {
    ec2
      .on(DescribeInstancesCommand)
      .resolvesOnce(as('running'))
      .resolvesOnce(as('stopping'))
      .resolves(as('stopped'))
    expect((await stopInstance(client, 'i-lab', work)).State?.Name).toBe('stopped')
    expect(ec2.commandCalls(DescribeInstancesCommand)).toHaveLength(3)
  })

  it('that is under way already is only waited for, also while AWS throttles', async () => {
    ec2.on(DescribeInstancesCommand).rejectsOnce(awsError('RequestLimitExceeded')).resolves(as('stopped'))
    await untilStopped(client, 'i-lab', work)
    expect(ec2.commandCalls(StopInstancesCommand)).toEqual([])
  })

  it('fails as AWS says', async () => {
    ec2.on(StopInstancesCommand).rejects(awsError('OperationNotPermitted'))
    await expect(stopInstance(client, 'i-lab', work)).rejects.toMatchObject({ name: 'OperationNotPermitted' })
    ec2.on(DescribeInstancesCommand).rejects(awsError('InvalidInstanceID.NotFound'))
    await expect(untilStopped(client, 'i-lab', work)).rejects.toMatchObject({
      name: 'InvalidInstanceID.NotFound',
    })
  })
})

describe('a start', () => {
  it('waits for a stop that is under way, and for the instance to run', async () => {
    ec2
      .on(DescribeInstancesCommand)
      .resolvesOnce(as('stopping'))
      .resolvesOnce(as('stopped'))
      .resolvesOnce(as('pending'))
      .resolves(as('running'))
    expect((await startInstance(client, 'i-lab', work)).State?.Name).toBe('running')
    expect(ec2.commandCalls(StartInstancesCommand)).toHaveLength(1)
  })
})
