import type { Address, Instance, SecurityGroup } from '@aws-sdk/client-ec2'
import { describe, expect, it } from 'vitest'
import { type Claims, identify, launchToken, type Recorded } from '../../src/resources/identity.js'
import { claim, lab } from './context.js'

const names = { role: 'LibreChatInstanceRole', group: 'LibreChatSecurityGroup' }
const recorded: Recorded = {
  generation: '01234567',
  creations: { address: 'a'.repeat(16), group: 'b'.repeat(16) },
  mayAdopt: false,
}
const lost: Recorded = { ...recorded, generation: '89abcdef', mayAdopt: true }

const instance = (id: string, more: Partial<Instance> = {}): Instance => ({
  InstanceId: id,
  InstanceType: 't3.medium',
  LaunchTime: new Date('2026-11-26T02:00:00Z'),
  ClientToken: launchToken(lab, recorded.generation, id),
  IamInstanceProfile: { Arn: `arn:aws:iam::123456789012:instance-profile/${names.role}`, Id: 'AIPA' },
  SecurityGroups: [{ GroupId: 'sg-lab', GroupName: names.group }],
  Tags: claim,
  ...more,
})
const address = (id: string, more: Partial<Address> = {}, tags: [string, string][] = []): Address => ({
  AllocationId: id,
  PublicIp: `198.51.100.${id.length}`,
  Tags: [...claim, ...tags.map(([Key, Value]) => ({ Key: `librechat-lab:${Key}`, Value }))],
  ...more,
})
const group = (id: string, name: string = names.group, creation?: string): SecurityGroup => ({
  GroupId: id,
  GroupName: name,
  Tags: [...claim, ...(creation ? [{ Key: 'librechat-lab:creation', Value: creation }] : [])],
})
const created: [string, string] = ['creation', 'a'.repeat(16)]
const at = (InstanceId: string) => ({ InstanceId, AssociationId: `assoc-${InstanceId}` })
const decide = (claims: Partial<Claims>, with_: Recorded = recorded) =>
  identify(lab, with_, { instances: [], addresses: [], groups: [], ...claims }, names)

describe('a ClientToken', () => {
  it('has 64 characters, a part that only the lab and its generation decide, and one for the parameters', () => {
    const one = launchToken(lab, '01234567', { type: 't3.medium' })
    const other = launchToken(lab, '01234567', { type: 't3.large' })
    expect(one).toMatch(/^[0-9a-f]{32}-[0-9a-f]{31}$/)
    expect(other.slice(0, 32)).toBe(one.slice(0, 32))
    expect(other).not.toBe(one)
    for (const elsewhere of [{ name: 'team' }, { region: 'eu-west-1' }, { account: '210987654321' }]) {
      expect(launchToken({ ...lab, ...elsewhere }, '01234567', {}).slice(0, 32)).not.toBe(one.slice(0, 32))
    }
  })
})

describe('the instance', () => {
  it('is the one whose token is of the stored generation, however old another one is', () => {
    const older = instance('i-db', { ClientToken: 'a-uuid', LaunchTime: new Date(0) })
    const found = decide({ instances: [older, instance('i-lab')] })
    expect(found.instance?.InstanceId).toBe('i-lab')
    expect(found.strangers).toMatchObject([{ kind: 'instance', id: 'i-db' }])
    expect(found.unconfirmed).toBeUndefined()
  })

  it('is none of those that only have the tags', () => {
    expect(decide({ instances: [instance('i-db', { ClientToken: 'a-uuid' })] }).instance).toBeUndefined()
    const { ClientToken: _, ...without } = instance('i-db')
    expect(decide({ instances: [without] }, lost).instance).toBeUndefined()
  })

  it('of the generation before is superseded where there is a newer one, and is the lab’s where there is none', () => {
    const old = instance('i-old', { ClientToken: launchToken(lab, '76543210', {}) })
    const with_ = { ...recorded, previousGeneration: '76543210' }
    expect(decide({ instances: [old, instance('i-new')] }, with_)).toMatchObject({
      instance: { InstanceId: 'i-new' },
      superseded: [{ InstanceId: 'i-old' }],
    })
    expect(decide({ instances: [old] }, with_)).toMatchObject({ instance: old, superseded: [] })
  })

  it.each([
    ['two have the proof', [instance('i-one'), instance('i-two')], recorded],
    ['one of this program’s has no proof and does not agree', [instance('i-one')], lost],
  ])('is an error that names each where %s', (_, instances, with_) => {
    const attempt = () => decide({ instances }, with_ as Recorded)
    expect(attempt).toThrow(
      expect.objectContaining({
        code: 'ambiguous-instance',
        message: expect.stringContaining('i-one (t3.medium, launched 2026-11-26T02:00:00.000Z, no Name tag)'),
        fix: expect.arrayContaining([
          expect.objectContaining({
            run: expect.stringContaining('aws ec2 delete-tags --region us-east-1 --resources i-one'),
          }),
        ]),
      }),
    )
  })

  it('without a proof is offered when it alone agrees in profile, group and address', () => {
    const old = instance('i-lab', { ClientToken: 'c'.repeat(64) })
    const claims = {
      instances: [old, instance('i-copy', { ClientToken: 'a-uuid' })],
      addresses: [address('eipalloc-1', at('i-lab'))],
      groups: [group('sg-lab')],
    }
    expect(decide(claims, lost)).toMatchObject({
      instance: { InstanceId: 'i-lab' },
      unconfirmed: { instanceId: 'i-lab', allocationId: 'eipalloc-1', groupId: 'sg-lab' },
    })
    for (const lacking of [{ addresses: [] }, { groups: [] }]) {
      expect(() => decide({ ...claims, ...lacking }, lost)).toThrow(
        expect.objectContaining({
          message: expect.stringContaining('can’t be proven'),
          fix: expect.arrayContaining([expect.stringMatching(/^If i-lab is the lab’s, it needs/)]),
        }),
      )
    }
  })

  it('that was accepted once stays the lab’s while its profile or its group agrees, and no longer', () => {
    const old = instance('i-lab', { ClientToken: 'c'.repeat(64) })
    const accepted = { ...recorded, adopted: { instanceId: 'i-lab' } }
    expect(decide({ instances: [old] }, accepted)).toMatchObject({ instance: old, unconfirmed: undefined })
    const changed = { ...old, IamInstanceProfile: undefined, SecurityGroups: [] } as never
    expect(() => decide({ instances: [changed] }, accepted)).toThrow(/can’t be proven/)
  })

  it('is never a copy, although the settings name it as accepted', () => {
    const copy = instance('i-copy', { ClientToken: 'a-uuid' })
    expect(
      decide({ instances: [copy] }, { ...lost, adopted: { instanceId: 'i-copy' } }).instance,
    ).toBeUndefined()
  })
})

describe('the address', () => {
  const host = instance('i-lab')

  it('is the one with the creation id, not the one that sorts first or is in use', () => {
    const found = decide({
      instances: [host],
      addresses: [address('eipalloc-0', at('i-db')), address('eipalloc-9', {}, [created])],
    })
    expect(found.address?.AllocationId).toBe('eipalloc-9')
    expect(found.strangers).toMatchObject([
      { kind: 'address', id: 'eipalloc-0', why: expect.stringContaining('i-db') },
    ])
  })

  it('is never one whose tags name another allocation: they were copied', () => {
    const addresses = [
      address('eipalloc-0', {}, [created, ['allocation', 'eipalloc-9']]),
      address('eipalloc-9', {}, [created, ['allocation', 'eipalloc-9']]),
    ]
    expect(decide({ addresses }).address?.AllocationId).toBe('eipalloc-9')
    expect(decide({ addresses: addresses.slice(0, 1) }).address).toBeUndefined()
    expect(decide({ addresses: addresses.slice(0, 1) }, lost).address).toBeUndefined()
  })

  it('that destroy kept is taken back without its settings, for its tags name itself', () => {
    const kept = address('eipalloc-9', {}, [['allocation', 'eipalloc-9']])
    expect(decide({ addresses: [kept] }, lost)).toMatchObject({ address: kept, unconfirmed: undefined })
  })

  it('is not an idle one whose tags name itself where another one is at the instance, as in a lab of 0.1.0', () => {
    const addresses = [
      address('eipalloc-0', {}, [['allocation', 'eipalloc-0']]),
      address('eipalloc-9', at('i-lab')),
    ]
    const found = decide({ instances: [host], addresses })
    expect(found.address?.AllocationId).toBe('eipalloc-9')
    expect(found.strangers).toMatchObject([{ id: 'eipalloc-0' }])
  })

  it('that a lab took back stays the lab’s when it is moved, although the settings have a newer creation id', () => {
    const moved = address('eipalloc-9', at('i-db'), [
      ['creation', 'c'.repeat(16)],
      ['allocation', 'eipalloc-9'],
    ])
    expect(decide({ instances: [host], addresses: [moved] }).address).toEqual(moved)
  })

  it('is the one at the instance where two have the creation id, and an error where neither is', () => {
    const addresses = [address('eipalloc-0', {}, [created]), address('eipalloc-9', at('i-lab'), [created])]
    expect(decide({ instances: [host], addresses }).address?.AllocationId).toBe('eipalloc-9')
    const idle = [address('eipalloc-0', {}, [created]), address('eipalloc-9', {}, [created])]
    expect(() => decide({ addresses: idle })).toThrow(expect.objectContaining({ code: 'ambiguous-address' }))
  })

  it('is one at the instance where none has the creation id', () => {
    const found = decide({ instances: [host], addresses: [address('eipalloc-9', at('i-lab'))] })
    expect(found.address?.AllocationId).toBe('eipalloc-9')
  })

  it('without a proof is offered when it is idle and alone, and not where the settings hold a creation id', () => {
    const addresses = [address('eipalloc-9')]
    expect(decide({ addresses }, lost).unconfirmed).toEqual({ allocationId: 'eipalloc-9' })
    expect(decide({ addresses }).address).toBeUndefined()
    expect(decide({ addresses: [address('eipalloc-9', at('i-db'))] }, lost).address).toBeUndefined()
    expect(() => decide({ addresses: [address('eipalloc-8'), address('eipalloc-9')] }, lost)).toThrow(
      /2 Elastic IPs could belong/,
    )
  })

  it('that was accepted once is left where it is in use elsewhere', () => {
    const accepted = { ...recorded, adopted: { allocationId: 'eipalloc-9' } }
    expect(decide({ addresses: [address('eipalloc-9')] }, accepted).address).toBeDefined()
    expect(decide({ addresses: [address('eipalloc-9', at('i-db'))] }, accepted).address).toBeUndefined()
  })
})

describe('the security group', () => {
  it('is the one with the creation id, or else the one of the instance', () => {
    const groups = [group('sg-other', 'database'), group('sg-lab', names.group, 'b'.repeat(16))]
    const found = decide({ groups })
    expect(found.group?.GroupId).toBe('sg-lab')
    expect(found.strangers).toMatchObject([{ kind: 'group', id: 'sg-other', name: 'database' }])
    expect(decide({ instances: [instance('i-lab')], groups: [group('sg-lab')] }).group?.GroupId).toBe(
      'sg-lab',
    )
    expect(decide({ groups: [group('sg-lab')] }).group).toBeUndefined()
  })

  it('without a proof is offered by its name where no creation id was stored', () => {
    expect(decide({ groups: [group('sg-lab')] }, lost).unconfirmed).toEqual({ groupId: 'sg-lab' })
    expect(() => decide({ groups: [group('sg-a'), group('sg-b')] }, lost)).toThrow(
      expect.objectContaining({ code: 'ambiguous-group' }),
    )
  })
})
