import {
  AllocateAddressCommand,
  CreateTagsCommand,
  DescribeAddressesCommand,
  DescribeAddressTransfersCommand,
  DescribeInstancesCommand,
  DisableAddressTransferCommand,
  DisassociateAddressCommand,
  EC2Client,
  ReleaseAddressCommand,
} from '@aws-sdk/client-ec2'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import { address, releaseRefusal } from '../../src/resources/address.js'
import type { Identity } from '../../src/resources/identity.js'
import { awsError, claim, context, lab, nothing, observed, seen } from './context.js'

const ec2 = mockClient(EC2Client)
beforeEach(() => {
  ec2.reset()
  ec2.on(DescribeAddressTransfersCommand).resolves({ AddressTransfers: [] })
  ec2.on(DescribeAddressesCommand).resolves({})
})

const client = new EC2Client({ region: 'us-east-1' })
const tags = [
  ...claim,
  { Key: 'librechat-lab:protected', Value: 'true' },
  { Key: 'librechat-lab:allocation', Value: 'eipalloc-1' },
]
const mine = { AllocationId: 'eipalloc-1', PublicIp: '198.51.100.7', Tags: tags }
const state = { allocationId: 'eipalloc-1', publicIp: '198.51.100.7', protectedTag: true, namesItself: true }

const resource = (found: Partial<Identity> = {}, withTransfers = true) =>
  address({
    ec2: client,
    ec2Once: client,
    lab,
    name: 'LibreChat',
    creation: 'a'.repeat(16),
    withTransfers,
    identity: observed<Identity>('identity', { ...nothing, ...found }),
    after: [],
  })

describe('the Elastic IP', () => {
  it('is what identity proves, with what protects it', async () => {
    expect(await resource().observe(seen)).toBeUndefined()
    expect(await resource({ address: mine }).observe(seen)).toEqual(state)
    ec2.on(DescribeAddressTransfersCommand).resolves({
      AddressTransfers: [{ AddressTransferStatus: 'pending', TransferAccountId: '210987654321' }],
    })
    expect(await resource({ address: mine }).observe(seen)).toMatchObject({ offeredTo: '210987654321' })
    ec2.on(DescribeAddressTransfersCommand).rejects(awsError('InvalidAddress.NotFound'))
    expect(await resource({ address: mine }).observe(seen)).toEqual(state)
  })

  it('is not asked for transfers by a command that changes nothing about it', async () => {
    expect(await resource({ address: mine }, false).observe(seen)).toEqual(state)
    expect(ec2.commandCalls(DescribeAddressTransfersCommand)).toHaveLength(0)
  })

  it.each([
    [
      'an instance',
      { InstanceId: 'i-db' },
      [{ Instances: [{ InstanceId: 'i-db', State: { Name: 'running' } }] }],
      'i-db',
    ],
    ['a network interface', { NetworkInterfaceId: 'eni-1' }, [], 'eni-1'],
    [
      'an instance that has ended',
      { InstanceId: 'i-db' },
      [{ Instances: [{ InstanceId: 'i-db', State: { Name: 'terminated' } }] }],
      undefined,
    ],
  ] as const)('is seen to be in use by %s', async (_, where, Reservations, inUseBy) => {
    ec2.on(DescribeInstancesCommand).resolves({ Reservations: Reservations as never })
    const found = await resource({ address: { ...mine, ...where, AssociationId: 'eipassoc-1' } }).observe(
      seen,
    )
    expect(found?.inUseBy).toBe(inUseBy)
  })

  it('gets the tag that names it only where this version created it: a policy may forbid tags on an older one', async () => {
    const of = async (Tags: typeof claim) => {
      const one = resource({ address: { ...mine, Tags } })
      return one.changes(await one.observe(seen), () => undefined).map(({ what }) => what)
    }
    const guard = { Key: 'librechat-lab:protected', Value: 'true' }
    expect(await of([...claim, guard])).toEqual([])
    expect(await of([...claim, guard, { Key: 'librechat-lab:creation', Value: 'a'.repeat(16) }])).toEqual([
      'allocation tag',
    ])
  })

  it('shows the tags and the offer that ensure changes', () => {
    const one = resource()
    const of = (more: object) => one.changes({ ...state, ...more }, () => undefined).map(({ what }) => what)
    expect(of({})).toEqual([])
    expect(of({ protectedTag: false })).toEqual(['protecting tag'])
    expect(of({ namesItself: false })).toEqual(['allocation tag'])
    expect(of({ offeredTo: '210987654321' })).toEqual(['transfer'])
    expect(one.changes(undefined, () => undefined)).toHaveLength(1)
  })

  it('is allocated with its creation id, and then names itself', async () => {
    ec2.on(AllocateAddressCommand).resolves({ AllocationId: 'eipalloc-1', PublicIp: '198.51.100.7' })
    ec2.on(CreateTagsCommand).rejectsOnce(awsError('InvalidAllocationID.NotFound')).resolves({})
    expect(await resource().ensure(undefined, context())).toEqual(state)
    const [asked] = ec2.commandCalls(AllocateAddressCommand)
    expect(asked?.args[0].input.TagSpecifications?.[0]?.Tags).toContainEqual({
      Key: 'librechat-lab:creation',
      Value: 'a'.repeat(16),
    })
    expect(ec2.commandCalls(CreateTagsCommand).at(-1)?.args[0].input).toMatchObject({
      Resources: ['eipalloc-1'],
      Tags: expect.arrayContaining([{ Key: 'librechat-lab:allocation', Value: 'eipalloc-1' }]),
    })
  })

  it('that shows only now is not allocated a second time: it has the creation id, and names no other address', async () => {
    const Tags = [...claim, { Key: 'librechat-lab:creation', Value: 'a'.repeat(16) }]
    const copy = { ...mine, AllocationId: 'eipalloc-2' }
    ec2.on(CreateTagsCommand).resolves({})
    ec2.on(DescribeAddressesCommand).resolves({ Addresses: [copy, { ...mine, Tags }] })
    expect(await resource().ensure(undefined, context())).toEqual(state)
    expect(ec2.commandCalls(DescribeAddressesCommand)[0]?.args[0].input.Filters).toContainEqual({
      Name: 'tag:librechat-lab:creation',
      Values: ['a'.repeat(16)],
    })
    expect(ec2.commandCalls(AllocateAddressCommand)).toEqual([])
  })

  it('names idle addresses where the quota is used up', async () => {
    ec2.on(AllocateAddressCommand).rejects(awsError('AddressLimitExceeded'))
    ec2
      .on(DescribeAddressesCommand)
      .resolvesOnce({})
      .resolves({ Addresses: [{ AllocationId: 'eipalloc-8', PublicIp: '198.51.100.8' }] })
    await expect(resource().ensure(undefined, context())).rejects.toMatchObject({
      code: 'address-limit-exceeded',
      why: expect.stringContaining('198.51.100.8'),
    })
  })

  it('has an offer cancelled, and an offer that stays is an error', async () => {
    ec2.on(DisableAddressTransferCommand).resolves({})
    const offered = { ...state, offeredTo: '210987654321' }
    expect(await resource().ensure(offered, context())).toEqual(state)
    ec2.on(DescribeAddressTransfersCommand).resolves({
      AddressTransfers: [{ AddressTransferStatus: 'pending', TransferAccountId: '210987654321' }],
    })
    await expect(resource().ensure(offered, context())).rejects.toMatchObject({ code: 'transfer-open' })
  })

  it('is released when it is free, later when AWS says that it is in use, and gone already is success', async () => {
    ec2.on(DescribeAddressesCommand).resolves({ Addresses: [mine] })
    ec2.on(ReleaseAddressCommand).rejectsOnce(awsError('InvalidIPAddress.InUse')).resolves({})
    await resource().remove(state, context())
    expect(ec2.commandCalls(ReleaseAddressCommand)).toHaveLength(2)
    ec2.on(DescribeAddressesCommand).rejects(awsError('InvalidAllocationID.NotFound'))
    ec2.on(ReleaseAddressCommand).rejects(awsError('InvalidAllocationID.NotFound'))
    await resource().remove(state, context())
  })

  it('is never released or taken off while something else uses it, even if that came about meanwhile', async () => {
    await expect(resource().remove({ ...state, inUseBy: 'i-db' }, context())).rejects.toMatchObject({
      code: 'address-in-use',
    })
    ec2.on(DescribeAddressesCommand).resolves({
      Addresses: [{ ...mine, NetworkInterfaceId: 'eni-1', AssociationId: 'eipassoc-1' }],
    })
    await expect(resource().remove(state, context())).rejects.toMatchObject({ code: 'address-in-use' })
    expect(ec2.commandCalls(ReleaseAddressCommand)).toEqual([])
    expect(ec2.commandCalls(DisassociateAddressCommand)).toEqual([])
  })

  it.each([
    ['DryRunOperation', 'nothing'],
    ['UnauthorizedOperation', 'policy'],
    ['InvalidAddress.PtrSet', 'reverse-dns'],
  ])('is asked about by a dry run: %s means %s', async (code, refusal) => {
    ec2.on(ReleaseAddressCommand).rejects(awsError(code))
    expect(await releaseRefusal(client, 'eipalloc-1')).toBe(refusal)
    expect(ec2.commandCalls(ReleaseAddressCommand)[0]?.args[0].input.DryRun).toBe(true)
  })

  it('does not count as safe if AWS carries the dry run out, or after any other error', async () => {
    ec2.on(ReleaseAddressCommand).resolvesOnce({}).rejects(awsError('InternalError'))
    await expect(releaseRefusal(client, 'eipalloc-1')).rejects.toMatchObject({ code: 'dry-run-ignored' })
    expect(await releaseRefusal(client, 'eipalloc-1')).toBe('unknown')
  })
})
