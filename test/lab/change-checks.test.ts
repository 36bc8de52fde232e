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
const aws = (zones: string[] = ['us-east-1a'], stopProtected = false) =>
  ec2({
    DescribeInstanceAttribute: () => ({ DisableApiStop: { Value: stopProtected } }),
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
    const kept = aws(undefined, true)
    await expect(checkChange(kept, instance, change)).rejects.toMatchObject({ code: 'stop-protected' })
    await expect(checkChange(aws(), instance, change)).resolves.toBeUndefined()
  })

  it('to what is there already, or to a larger disk, passes', async () => {
    for (const choices of [{}, { diskGb: 30 }, { diskGb: 40 }, { subnetId: 'subnet-00000000' }])
      await expect(checkChange(aws(), instance, wanted(choices))).resolves.toBeUndefined()
  })
})

describe('the address quota', () => {
  const held = (count: number) => Array.from({ length: count }, (_, n) => ({ PublicIp: `8.8.8.${n}` }))
  const account = (quota: string | undefined) =>
    ec2({
      DescribeAccountAttributes: () =>
        quota ? { AccountAttributes: [{ AttributeValues: [{ AttributeValue: quota }] }] } : {},
    })
  const check = (count: number, quota: string | undefined) =>
    checkAddressQuota(account(quota), 'us-east-1', held(count))

  it('is asked only where it could be used up, and refused at it with the idle addresses', async () => {
    await expect(checkAddressQuota(ec2({}), 'us-east-1', held(4))).resolves.toBeUndefined()
    await expect(check(7, '10')).resolves.toBe(10)
    await expect(check(5, undefined)).resolves.toBeUndefined()
    await expect(check(5, '5')).rejects.toMatchObject({
      code: 'address-quota',
      why: expect.stringContaining('8.8.8.4'),
    })
  })
})
