import {
  AssociateIamInstanceProfileCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeSecurityGroupsCommand,
  DescribeVolumesCommand,
  EC2Client,
  type Instance,
  ModifyInstanceAttributeCommand,
  ModifyInstanceMetadataOptionsCommand,
  ReplaceIamInstanceProfileAssociationCommand,
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Identity, launchToken } from '../../src/resources/identity.js'
import { type InstanceState, instance, liftProtection } from '../../src/resources/instance.js'
import {
  awsError,
  instanceContext,
  instanceOptions,
  lab,
  nothing,
  observed,
  profile,
  seen,
} from './context.js'

const ec2 = mockClient(EC2Client)
const client = new EC2Client({ region: 'us-east-1' })

const running: Instance = {
  InstanceId: 'i-lab',
  State: { Name: 'running' },
  InstanceType: 't3.medium',
  RootDeviceName: '/dev/xvda',
  BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeId: 'vol-1', DeleteOnTermination: true } }],
  IamInstanceProfile: { Id: 'AIPA' },
  SecurityGroups: [{ GroupId: 'sg-lab' }],
  MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2, HttpEndpoint: 'enabled' },
}
const volume = {
  VolumeId: 'vol-1',
  VolumeType: 'gp3' as const,
  Size: 30,
  Encrypted: true,
  Iops: 3000,
  Throughput: 125,
  Attachments: [{ Device: '/dev/xvda', InstanceId: 'i-lab' }],
}
const found = (...instances: Instance[]) => ({ Reservations: [{ Instances: instances }] })

beforeEach(() => {
  ec2.reset()
  ec2.on(DescribeInstancesCommand).resolves(found(running))
  ec2
    .on(DescribeInstanceAttributeCommand)
    .callsFake(({ Attribute }) =>
      Attribute === 'disableApiTermination'
        ? { DisableApiTermination: { Value: true } }
        : { DisableApiStop: { Value: false } },
    )
  ec2.on(DescribeVolumesCommand).resolves({ Volumes: [volume] })
  ec2.on(ModifyInstanceAttributeCommand).resolves({})
})

const identity = (more: Partial<Identity>) => observed<Identity>('identity', { ...nothing, ...more })

const resource = (
  more: Partial<Identity> = { instance: running },
  renewed: string[] = [],
  isNewGeneration = false,
) =>
  instance(
    instanceOptions(client, {
      isNewGeneration,
      renew: async () => renewed.shift() ?? 'ffffffff',
      identity: identity(more),
    }),
  )
const work = instanceContext()
const states = ((other: unknown) => (other === profile ? { id: 'AIPA' } : { groupId: 'sg-lab' })) as never
const asFound = async (more?: Partial<Identity>) => (await resource(more).observe(seen)) as InstanceState

describe('the instance', () => {
  it('is what identity proves, as it should be', async () => {
    expect(await resource({}).observe(seen)).toBeUndefined()
    const state = await asFound()
    expect(state).toMatchObject({ instanceId: 'i-lab', terminationProtected: true })
    expect(state.stopProtected).toBeUndefined()
    expect(resource().changes(state, states)).toEqual([])
  })

  it('has the root volume alone, whatever else is attached', async () => {
    const other = { ...volume, VolumeId: 'vol-2', Attachments: [{ Device: '/dev/sdf', InstanceId: 'i-lab' }] }
    ec2
      .on(DescribeVolumesCommand)
      .resolvesOnce({ Volumes: [other], NextToken: 'more' })
      .resolves({ Volumes: [volume] })
    expect((await asFound()).volume?.volumeId).toBe('vol-1')
    ec2.on(DescribeVolumesCommand).resolves({ Volumes: [other] })
    expect((await asFound()).volume).toBeUndefined()
  })

  it('shows a second network interface with what its groups allow, and an instance that it replaced', async () => {
    const NetworkInterfaces = [
      { NetworkInterfaceId: 'eni-1', Attachment: { DeviceIndex: 0 }, Groups: [{ GroupId: 'sg-lab' }] },
      {
        NetworkInterfaceId: 'eni-2',
        Attachment: { DeviceIndex: 1, DeleteOnTermination: true },
        Groups: [{ GroupId: 'sg-open' }, { GroupId: 'sg-shut' }],
      },
    ]
    const open = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }
    ec2.on(DescribeSecurityGroupsCommand).resolves({
      SecurityGroups: [{ GroupId: 'sg-open', IpPermissions: [open] }, { GroupId: 'sg-shut' }],
    })
    const old = { ...running, InstanceId: 'i-old' }
    const address = { InstanceId: running.InstanceId }
    const state = await asFound({ instance: { ...running, NetworkInterfaces }, superseded: [old], address })
    expect(resource().changes(state, states)).toMatchObject([
      { what: 'replaced instance', from: 'i-old', to: 'terminated' },
      {
        what: 'second network interface',
        from: 'eni-2 in sg-open (22 from 0.0.0.0/0), sg-shut (no inbound rule)',
        byHand: expect.stringContaining('eni-2'),
      },
    ])
  })

  it('does not call the instance superfluous whose data and address have not moved yet', async () => {
    const old = { ...running, InstanceId: 'i-old' }
    for (const address of [{ InstanceId: 'i-old' }, undefined]) {
      const state = await asFound({ instance: running, superseded: [old], address })
      expect(resource().changes(state, states)).toEqual([
        {
          what: 'replacement of i-old, which still has the data',
          from: 'interrupted',
          to: 'finished',
        },
      ])
    }
  })

  it.each([
    [{ state: 'stopped' }, 'state'],
    [{ type: 't3.large' }, 'type'],
    [{ profileId: 'AIPAOTHER' }, 'instance profile'],
    [{ groupIds: ['sg-lab', 'sg-other'] }, 'security groups'],
    [{ tokensRequired: false }, 'IMDSv2'],
    [{ hopLimit: 5 }, 'metadata hop limit'],
    [{ metadataOn: false }, 'metadata service'],
    [{ terminationProtected: false }, 'termination protection'],
  ])('shows what differs: %o', async (drift, what) => {
    expect(
      resource()
        .changes({ ...(await asFound()), ...drift }, states)
        .map((change) => change.what),
    ).toEqual([what])
  })

  it('is launched with a token of its generation, in the next zone where one has no capacity', async () => {
    ec2
      .on(RunInstancesCommand)
      .rejectsOnce(awsError('InvalidParameterValue', 'Invalid IAM Instance Profile name'))
      .rejectsOnce(awsError('InsufficientInstanceCapacity'))
      .resolves({ Instances: [{ InstanceId: 'i-lab', State: { Name: 'pending' } }] })
    expect(await resource({}).ensure(undefined, work)).toMatchObject({
      instanceId: 'i-lab',
      state: 'running',
    })
    const asked = ec2.commandCalls(RunInstancesCommand).map(({ args }) => args[0].input)
    expect(asked.map(({ NetworkInterfaces }) => NetworkInterfaces?.[0]?.SubnetId)).toEqual([
      'subnet-a',
      'subnet-a',
      'subnet-b',
    ])
    const own = launchToken(lab, '01234567', {}).slice(0, 32)
    for (const { ClientToken } of asked) expect(ClientToken?.slice(0, 32)).toBe(own)
    expect(asked[0]?.ClientToken).toBe(asked[1]?.ClientToken)
    expect(asked[2]?.ClientToken).not.toBe(asked[1]?.ClientToken)
  })

  it('has a new generation where the token’s instance has ended', async () => {
    ec2
      .on(RunInstancesCommand)
      .rejectsOnce(awsError('IdempotentInstanceTerminated'))
      .resolvesOnce({ Instances: [{ InstanceId: 'i-old', State: { Name: 'shutting-down' } }] })
      .resolves({ Instances: [{ InstanceId: 'i-lab', State: { Name: 'pending' } }] })
    await resource({}, ['11111111', '22222222']).ensure(undefined, work)
    const tokens = ec2
      .commandCalls(RunInstancesCommand)
      .map(({ args }) => args[0].input.ClientToken?.slice(0, 32))
    expect(tokens).toEqual(
      ['01234567', '11111111', '22222222'].map((generation) => launchToken(lab, generation, {}).slice(0, 32)),
    )
  })

  it('is what this run asked for where no other run can have launched it, and is looked at otherwise', async () => {
    ec2.on(RunInstancesCommand).resolves({ Instances: [{ InstanceId: 'i-lab', State: { Name: 'pending' } }] })
    const looked = await resource({}).ensure(undefined, work)
    expect(ec2.commandCalls(DescribeInstanceAttributeCommand)).toHaveLength(2)
    expect(ec2.commandCalls(DescribeVolumesCommand)).toHaveLength(1)
    ec2.resetHistory()
    const made = await resource({}, [], true).ensure(undefined, work)
    expect(ec2.commandCalls(DescribeInstanceAttributeCommand)).toEqual([])
    expect(ec2.commandCalls(DescribeVolumesCommand)).toEqual([])
    expect(made).toEqual(looked)
    expect(resource().changes(made, states)).toEqual([])
  })

  it('of this run gets the profile without which EC2 launched it', async () => {
    const { IamInstanceProfile: _, ...without } = running
    ec2.on(RunInstancesCommand).resolves({ Instances: [{ InstanceId: 'i-lab', State: { Name: 'pending' } }] })
    ec2.on(DescribeInstancesCommand).resolves(found(without))
    ec2.on(DescribeIamInstanceProfileAssociationsCommand).resolves({})
    ec2.on(AssociateIamInstanceProfileCommand).resolves({})
    await resource({}, [], true).ensure(undefined, work)
    expect(ec2.commandCalls(AssociateIamInstanceProfileCommand)).toHaveLength(1)
  })

  it('that ends right after its start is an error with AWS’s reason', async () => {
    ec2.on(RunInstancesCommand).resolves({ Instances: [{ InstanceId: 'i-lab', State: { Name: 'pending' } }] })
    ec2
      .on(DescribeInstancesCommand)
      .resolves(
        found({ ...running, State: { Name: 'terminated' }, StateReason: { Message: 'a bad volume' } }),
      )
    await expect(resource({}).ensure(undefined, work)).rejects.toMatchObject({
      code: 'instance-ended',
      why: 'a bad volume',
    })
  })

  it('is changed to what it should be, and only where it differs', async () => {
    const drifted = { ...(await asFound()), tokensRequired: false, terminationProtected: false, groupIds: [] }
    ec2.on(ModifyInstanceMetadataOptionsCommand).resolves({})
    await resource().ensure(drifted, work)
    expect(ec2.commandCalls(ModifyInstanceMetadataOptionsCommand)).toHaveLength(1)
    expect(ec2.commandCalls(ModifyInstanceAttributeCommand).map(({ args }) => args[0].input)).toEqual([
      { InstanceId: 'i-lab', Groups: ['sg-lab'] },
      { InstanceId: 'i-lab', DisableApiTermination: { Value: true } },
    ])
    expect(ec2.commandCalls(StopInstancesCommand)).toEqual([])
  })

  it.each([
    ['none', [], AssociateIamInstanceProfileCommand],
    ['another', [{ AssociationId: 'iip-assoc-1' }], ReplaceIamInstanceProfileAssociationCommand],
  ] as const)('gets the profile where it has %s', async (_, IamInstanceProfileAssociations, command) => {
    ec2
      .on(DescribeIamInstanceProfileAssociationsCommand)
      .resolves({ IamInstanceProfileAssociations: [...IamInstanceProfileAssociations] })
    ec2
      .on(command as typeof AssociateIamInstanceProfileCommand)
      .rejectsOnce(awsError('InvalidParameterValue', 'Invalid IAM Instance Profile name'))
      .resolves({})
    await resource().ensure({ ...(await asFound()), profileId: 'AIPAOTHER' }, work)
    expect(ec2.commandCalls(command as typeof AssociateIamInstanceProfileCommand)).toHaveLength(2)
  })

  it('is stopped for another type, and started again', async () => {
    ec2.on(StopInstancesCommand).resolves({})
    ec2.on(StartInstancesCommand).resolves({})
    ec2
      .on(DescribeInstancesCommand)
      .resolvesOnce(found({ ...running, State: { Name: 'stopped' } }))
      .resolves(found(running))
    await resource().ensure({ ...(await asFound()), type: 't3.large' }, work)
    expect(ec2.commandCalls(ModifyInstanceAttributeCommand)[0]?.args[0].input.InstanceType).toEqual({
      Value: 't3.medium',
    })
    expect(ec2.commandCalls(StartInstancesCommand)).toHaveLength(1)
  })

  it('has both protections lifted and its root volume marked before it is terminated', async () => {
    const state = await asFound()
    const root = { ...state.volume, deletedWithInstance: false } as NonNullable<InstanceState['volume']>
    ec2.on(DescribeInstanceAttributeCommand).resolves({ DisableApiStop: { Value: true } })
    const lifted = await liftProtection(client, { ...state, volume: root })
    expect(lifted).toMatchObject({ terminationProtected: false, volume: { deletedWithInstance: true } })
    expect(ec2.commandCalls(ModifyInstanceAttributeCommand).map(({ args }) => args[0].input)).toEqual([
      { InstanceId: 'i-lab', DisableApiStop: { Value: false } },
      { InstanceId: 'i-lab', DisableApiTermination: { Value: false } },
      {
        InstanceId: 'i-lab',
        BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { DeleteOnTermination: true } }],
      },
    ])
    ec2.resetHistory()
    await liftProtection(client, lifted)
    expect(ec2.calls()).toEqual([])
  })

  it('is waited for until it has ended, with what it replaced; gone already is success', async () => {
    const state = { ...(await asFound()), superseded: ['i-old'] }
    ec2
      .on(TerminateInstancesCommand)
      .resolves({ TerminatingInstances: [{ CurrentState: { Name: 'shutting-down' } }] })
    ec2
      .on(DescribeInstancesCommand)
      .resolvesOnce(found(running))
      .resolvesOnce(found({ ...running, State: { Name: 'terminated' } }))
      .resolvesOnce(found({ ...running, InstanceId: 'i-old' }))
      .resolves(found({ ...running, State: { Name: 'terminated' } }))
    await resource().remove(state, work)
    expect(ec2.commandCalls(TerminateInstancesCommand).map(({ args }) => args[0].input.InstanceIds)).toEqual([
      ['i-lab'],
      ['i-old'],
    ])
    ec2.on(TerminateInstancesCommand).rejects(awsError('InvalidInstanceID.NotFound'))
    ec2.on(ModifyInstanceAttributeCommand).rejects(awsError('InvalidInstanceID.NotFound'))
    await resource().remove({ ...state, superseded: [] }, work)
    ec2.on(TerminateInstancesCommand).rejects(awsError('UnauthorizedOperation'))
    await expect(resource().remove(state, work)).rejects.toMatchObject({ name: 'UnauthorizedOperation' })
  })
})
