import {
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  EC2Client,
  type Instance,
} from '@aws-sdk/client-ec2'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  describe as describeInstances,
  inspect,
  isStopProtected,
  polled,
} from '../../../src/resources/instance/describe.js'
import { awsError } from '../context.js'

const ec2 = mockClient(EC2Client)
const client = new EC2Client({ region: 'us-east-1', maxAttempts: 1 })
beforeEach(() => ec2.reset())

const found: Instance = {
  InstanceId: 'i-lab',
  State: { Name: 'running' },
  RootDeviceName: '/dev/xvda',
  BlockDeviceMappings: [
    { DeviceName: '/dev/xvda', Ebs: { VolumeId: 'vol-root', DeleteOnTermination: true } },
    { DeviceName: '/dev/sdf', Ebs: { VolumeId: 'vol-data', DeleteOnTermination: false } },
  ],
}

const at = (Device: string, InstanceId = 'i-lab') => ({ Device, InstanceId })

describe('the description of an instance', () => {
  it('has every page', async () => {
    ec2
      .on(DescribeInstancesCommand)
      .resolvesOnce({ Reservations: [{ Instances: [{ InstanceId: 'i-1' }] }], NextToken: 'more' })
      .resolves({ Reservations: [{ Instances: [{ InstanceId: 'i-2' }] }] })
    expect((await describeInstances(client, {})).map((one) => one.InstanceId)).toEqual(['i-1', 'i-2'])
  })

  it('tells the root volume from others, by its device', async () => {
    ec2.on(DescribeInstanceAttributeCommand).resolves({ DisableApiTermination: { Value: true } })
    ec2.on(DescribeVolumesCommand).resolves({
      Volumes: [
        { VolumeId: 'vol-data', Size: 500, Attachments: [at('/dev/sdf')] },
        { VolumeId: 'vol-root', Size: 30, Encrypted: true, Attachments: [at('/dev/xvda')] },
      ],
    })
    expect(await inspect(client, found)).toMatchObject({
      volume: { volumeId: 'vol-root', sizeGb: 30, encrypted: true, deletedWithInstance: true },
      moreVolumes: [{ volumeId: 'vol-data', device: '/dev/sdf', deletedWithInstance: false }],
      terminationProtected: true,
    })
  })

  it('asks for volumes only where the root is not among those that have the lab’s tags', async () => {
    ec2.on(DescribeInstanceAttributeCommand).resolves({})
    ec2.on(DescribeVolumesCommand).resolves({
      Volumes: [{ VolumeId: 'vol-root', Size: 30, Attachments: [at('/dev/xvda')] }],
    })
    const tagged = { VolumeId: 'vol-root', Size: 40, Attachments: [at('/dev/xvda')] }
    const known = await inspect(client, found, { volumes: [tagged] })
    expect(known.volume?.sizeGb).toBe(40)
    expect(ec2.commandCalls(DescribeVolumesCommand)).toEqual([])
    const elsewhere = { ...tagged, Attachments: [at('/dev/xvda', 'i-other')] }
    const detached = { ...tagged, Attachments: [] }
    for (const other of [elsewhere, detached, { ...tagged, Attachments: [at('/dev/sdf')] }])
      expect((await inspect(client, found, { volumes: [other] })).volume?.sizeGb).toBe(30)
    expect(ec2.commandCalls(DescribeVolumesCommand)).toHaveLength(3)
  })

  it('reads what AWS leaves out as unprotected', async () => {
    ec2.on(DescribeInstanceAttributeCommand).rejects(awsError('InvalidInstanceID.NotFound'))
    ec2.on(DescribeVolumesCommand).resolves({})
    const state = await inspect(client, found)
    expect(state).toMatchObject({ tokensRequired: false, terminationProtected: false })
    expect(state.volume).toBeUndefined()
    expect(await isStopProtected(client, 'i-lab')).toBe(false)
  })

  it('is asked for later when AWS throttles, and passes on other errors', async () => {
    expect(await polled(() => Promise.reject(awsError('RequestLimitExceeded')))).toBe('later')
    await expect(polled(() => Promise.reject(awsError('UnauthorizedOperation')))).rejects.toThrow()
    expect(await polled(async () => 1)).toBe(1)
  })
})
