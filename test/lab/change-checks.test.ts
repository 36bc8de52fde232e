import type { EC2Client } from '@aws-sdk/client-ec2'
import { describe, expect, it } from 'vitest'
import { checkAddressQuota } from '../../src/lab/address-quota.js'
import { checkChange } from '../../src/lab/change-checks.js'
import type { InstanceState } from '../../src/resources/instance.js'
import { printedFix } from '../support/printed.js'

/** AWS's answers by command. */
const ec2 = (answers: Record<string, (input: never) => object>) =>
  ({
    send: async (command: { constructor: { name: string }; input: never }) =>
      answers[command.constructor.name.replace('Command', '')]?.(command.input) ?? {},
  }) as unknown as EC2Client

const architectures: Record<string, string[]> = {
  't3.medium': ['x86_64'],
  't3.large': ['x86_64'],
  't4g.large': ['arm64'],
}
const aws = (zones: string[] = ['us-east-1a']) =>
  ec2({
    DescribeInstanceTypes: ({ InstanceTypes: [type] }: { InstanceTypes: string[] }) => ({
      InstanceTypes: [{ ProcessorInfo: { SupportedArchitectures: architectures[type ?? ''] } }],
    }),
    DescribeInstanceTypeOfferings: ({ Filters }: { Filters: { Values: string[] }[] }) => ({
      InstanceTypeOfferings: zones.includes(Filters[1]?.Values[0] ?? '') ? [{}] : [],
    }),
  })

const instance = {
  instanceId: 'i-0123',
  type: 't3.medium',
  subnetId: 'subnet-00000000',
  zone: 'us-east-1a',
  stopProtected: false,
  volume: { sizeGb: 30 },
} as InstanceState
const wanted = (choices: object, instanceType = 't3.medium') => ({ instanceType, choices })

describe('a planned change', () => {
  it.each([
    ['a smaller disk', wanted({ diskGb: 20 }), 'disk-cannot-shrink', /--disk 30/],
    [
      'another subnet',
      wanted({ subnetId: 'subnet-66666666' }),
      'subnet-cannot-change',
      /--replace-instance i-0123/,
    ],
    ['another architecture', wanted({}, 't4g.large'), 'other-architecture', /--instance-type t3\.large/],
  ])('to %s is refused with the ways on', async (_, change, code, way) => {
    const error = await checkChange(aws(), instance, change).catch((refusal) => refusal)
    expect(error).toMatchObject({ code })
    expect(printedFix(error)).toMatch(way)
  })

  it('of the type is refused where the zone does not offer it, or the instance may not be stopped', async () => {
    const change = wanted({}, 't3.large')
    await expect(checkChange(aws([]), instance, change)).rejects.toMatchObject({ code: 'type-not-offered' })
    const kept = { ...instance, stopProtected: true }
    await expect(checkChange(aws(), kept, change)).rejects.toMatchObject({ code: 'stop-protected' })
    await expect(checkChange(aws(), instance, change)).resolves.toBeUndefined()
  })

  it('to what is there already, or to a larger disk, passes', async () => {
    for (const choices of [{}, { diskGb: 30 }, { diskGb: 40 }, { subnetId: 'subnet-00000000' }])
      await expect(checkChange(aws(), instance, wanted(choices))).resolves.toBeUndefined()
  })
})

describe('the address quota', () => {
  const account = (held: number, quota: string | undefined) =>
    ec2({
      DescribeAddresses: () => ({
        Addresses: Array.from({ length: held }, (_, n) => ({ PublicIp: `8.8.8.${n}` })),
      }),
      DescribeAccountAttributes: () =>
        quota ? { AccountAttributes: [{ AttributeValues: [{ AttributeValue: quota }] }] } : {},
    })

  it('is enough below it, and refused at it with the idle addresses', async () => {
    await expect(checkAddressQuota(account(4, '5'), 'us-east-1')).resolves.toMatchObject({ held: 4 })
    await expect(checkAddressQuota(account(7, '10'), 'us-east-1')).resolves.toEqual({ held: 7, most: 10 })
    await expect(checkAddressQuota(account(5, undefined), 'us-east-1')).resolves.toMatchObject({ held: 5 })
    await expect(checkAddressQuota(account(5, '5'), 'us-east-1')).rejects.toMatchObject({
      code: 'address-quota',
      why: expect.stringContaining('8.8.8.4'),
    })
  })
})
