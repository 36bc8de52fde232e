import { AssociateAddressCommand, DisassociateAddressCommand, EC2Client } from '@aws-sdk/client-ec2'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Resource } from '../../src/engine/resource.js'
import { association } from '../../src/resources/association.js'
import type { InstanceState } from '../../src/resources/instance.js'
import { awsError, context, observed, seen } from './context.js'

const ec2 = mockClient(EC2Client)
beforeEach(() => ec2.reset())
const client = new EC2Client({ region: 'us-east-1' })
const state = { allocationId: 'eipalloc-1', publicIp: '198.51.100.7', protectedTag: true, namesItself: true }

describe('the association', () => {
  const there = observed('address', state)
  const host = observed('instance', { instanceId: 'i-lab' } as InstanceState)
  const points = association({ ec2: client, address: there, instance: host })
  const with_ = (more: object) =>
    context([
      [there as Resource<never>, { ...state, ...more }],
      [host as Resource<never>, { instanceId: 'i-lab' }],
    ])

  it('is there where the address points to the instance', async () => {
    expect(await points.observe(seen)).toBeUndefined()
    const at = (instanceId: string) =>
      association({
        ec2: client,
        address: observed('a', { ...state, instanceId, associationId: 'eipassoc-1' }),
        instance: host,
      })
    expect(await at('i-lab').observe(seen)).toEqual({ associationId: 'eipassoc-1', instanceId: 'i-lab' })
    expect(await at('i-db').observe(seen)).toBeUndefined()
  })

  it('is made without taking the address from anything, and waits until AWS knows both', async () => {
    ec2
      .on(AssociateAddressCommand)
      .rejectsOnce(awsError('InvalidInstanceID'))
      .rejectsOnce(awsError('IncorrectInstanceState'))
      .resolves({ AssociationId: 'eipassoc-1' })
    expect(await points.ensure(undefined, with_({}))).toEqual({
      associationId: 'eipassoc-1',
      instanceId: 'i-lab',
    })
    const inputs = ec2
      .commandCalls(AssociateAddressCommand)
      .map(({ args }) => args[0].input.AllowReassociation)
    expect(inputs).toEqual([false, false, false])
  })

  it('moves from an instance that this one replaces, and not from one of others', async () => {
    ec2.on(AssociateAddressCommand).resolves({ AssociationId: 'eipassoc-1' })
    await points.ensure(undefined, with_({ instanceId: 'i-old', associationId: 'eipassoc-0' }))
    expect(ec2.commandCalls(AssociateAddressCommand)[0]?.args[0].input.AllowReassociation).toBe(true)
    await expect(
      points.ensure(undefined, with_({ instanceId: 'i-db', inUseBy: 'i-db' })),
    ).rejects.toMatchObject({
      code: 'address-in-use',
    })
    expect(ec2.commandCalls(AssociateAddressCommand)).toHaveLength(1)
  })

  it('shows what the address points to, with the way out where that is not the lab’s', () => {
    const of = (more: object) => points.changes(undefined, () => ({ ...state, ...more }) as never)
    expect(of({})).toEqual([{ what: 'points to', to: 'the instance' }])
    expect(of({ instanceId: 'i-old' })).toMatchObject([{ from: 'i-old' }])
    expect(of({ inUseBy: 'i-db' })).toMatchObject([
      {
        from: 'i-db',
        byHand: expect.arrayContaining([{ run: expect.stringContaining('aws ec2 disassociate-address ') }]),
      },
    ])
    expect(points.changes({ associationId: 'eipassoc-1', instanceId: 'i-lab' }, () => undefined)).toEqual([])
  })

  it('is removed, and gone already is success', async () => {
    ec2
      .on(DisassociateAddressCommand)
      .rejectsOnce(awsError('InvalidAssociationID.NotFound'))
      .rejects(awsError('InternalError'))
    await points.remove({ associationId: 'eipassoc-1', instanceId: 'i-lab' }, context())
    await expect(
      points.remove({ associationId: 'eipassoc-1', instanceId: 'i-lab' }, context()),
    ).rejects.toThrow()
  })
})
