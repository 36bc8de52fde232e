import type { Subnet } from '@aws-sdk/client-ec2'
import { describe, expect, it } from 'vitest'
import type { Clients } from '../../src/aws/clients.js'
import { findLaunchTarget } from '../../src/lab/launch-target.js'
import { type Answers, ec2Answering, refusal, ssmAnswering } from '../support/answering.js'

const region = 'us-east-1'
const good: Subnet = {
  SubnetId: 'subnet-good',
  VpcId: 'vpc-1',
  AvailabilityZone: 'us-east-1a',
  AvailableIpAddressCount: 100,
}
const open = { DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'igw-1', State: 'active' }

/** A region in which all is well, but for what the test changes. */
function find(answers: Answers, wanted: { subnetId?: string; region?: string } = {}) {
  const zone = (z: string) => ({ Location: z, InstanceType: 't3.medium' })
  const all: Answers = {
    DescribeInstanceTypes: () => ({
      InstanceTypes: [
        { ProcessorInfo: { SupportedArchitectures: ['x86_64'] }, MemoryInfo: { SizeInMiB: 4096 } },
      ],
    }),
    DescribeInstanceTypeOfferings: () => ({
      InstanceTypeOfferings: ['us-east-1a', 'us-east-1b', 'us-east-1c'].map(zone),
    }),
    DescribeVpcs: () => ({ Vpcs: [{ VpcId: 'vpc-1' }] }),
    DescribeSubnets: () => ({ Subnets: [good] }),
    DescribeRouteTables: () => ({
      RouteTables: [{ VpcId: 'vpc-1', Associations: [{ Main: true }], Routes: [open] }],
    }),
    GetParameters: ({ Names }: { Names: string[] }) => ({
      Parameters: Names.map((Name) => ({ Name, Value: `ami-${Name.slice(-5)}` })),
    }),
    ...answers,
  }
  const at = wanted.region ?? region
  const clients = { region: at, ec2: ec2Answering(all, at), ssm: ssmAnswering(all, at) } as Clients
  return findLaunchTarget(clients, { instanceType: 't3.medium', subnetId: wanted.subnetId })
}

/** The answers in two pages; the second is given for the first's token alone. */
const paged =
  (key: string, first: object[], second: object[]) =>
  ({ NextToken }: { NextToken?: string }) =>
    NextToken ? { [key]: second } : { [key]: first, NextToken: 'more' }

describe('where a lab can stand', () => {
  const unfit: [string, Subnet, string, RegExp][] = [
    [
      'closed by VPC Block Public Access',
      { BlockPublicAccessStates: { InternetGatewayBlockMode: 'block-bidirectional' } },
      'public-access-blocked',
      /VPC Block Public Access \(block-bidirectional\)/,
    ],
    [
      'closed to what comes in by VPC Block Public Access',
      { BlockPublicAccessStates: { InternetGatewayBlockMode: 'block-ingress' } },
      'public-access-blocked',
      /block-ingress/,
    ],
    ['without IPv4', { Ipv6Native: true }, 'ipv6-only-subnet', /IPv6 addresses only/],
    ['in a Local Zone', { AvailabilityZone: 'us-east-1-bos-1a' }, 'zone-without-address', /us-east-1-bos-1a/],
    [
      'in a Wavelength Zone',
      { AvailabilityZone: 'us-east-1-wl1-bos-wlz-1' },
      'zone-without-address',
      /Wavelength Zone/,
    ],
    [
      'on an Outpost',
      { OutpostArn: 'arn:aws:outposts:us-east-1:1:outpost/op-1' },
      'outpost-subnet',
      /Outpost/,
    ],
    ['that is full', { AvailableIpAddressCount: 0 }, 'subnet-full', /no free address/],
  ]

  it.each(unfit)('refuses a named subnet %s', async (_, fact, code, says) => {
    const Subnets = [{ ...good, ...fact }]
    const offered = { Location: Subnets[0]?.AvailabilityZone }
    const asked = find(
      {
        DescribeSubnets: () => ({ Subnets }),
        DescribeInstanceTypeOfferings: () => ({ InstanceTypeOfferings: [offered] }),
      },
      { subnetId: 'subnet-good' },
    )
    await expect(asked).rejects.toMatchObject({ code, why: expect.stringMatching(says) })
  })

  it.each(unfit)('passes over a default subnet %s', async (_, fact) => {
    const Subnets = [
      { ...good, SubnetId: 'subnet-bad', ...fact },
      { ...good, AvailabilityZone: 'us-east-1b' },
    ]
    const found = await find({ DescribeSubnets: () => ({ Subnets }) })
    expect(found.subnetIds).toEqual(['subnet-good'])
  })

  it('takes a subnet that Block Public Access leaves open', async () => {
    const Subnets = [{ ...good, BlockPublicAccessStates: { InternetGatewayBlockMode: 'off' } }]
    await expect(find({ DescribeSubnets: () => ({ Subnets }) })).resolves.toMatchObject({ vpcId: 'vpc-1' })
  })

  it('reads every page of subnets, route tables and offerings', async () => {
    const own = { Associations: [{ SubnetId: 'subnet-2' }], Routes: [open] }
    const two = { ...good, SubnetId: 'subnet-2', AvailabilityZone: 'us-east-1b' }
    const found = await find({
      DescribeSubnets: paged('Subnets', [good], [two]),
      DescribeRouteTables: paged(
        'RouteTables',
        [{ VpcId: 'vpc-1', Associations: [{ Main: true }], Routes: [] }],
        [own],
      ),
      DescribeInstanceTypeOfferings: paged(
        'InstanceTypeOfferings',
        [{ Location: 'us-east-1a' }],
        [{ Location: 'us-east-1b' }],
      ),
    })
    expect(found.subnetIds).toEqual(['subnet-2'])
  })

  it.each([
    ['us-east-1', /us-west-2/],
    ['us-gov-west-1', /us-gov-east-1/],
    ['cn-north-1', /cn-northwest-1/],
    ['eu-west-1', /us-east-1/],
  ])('without an image in %s, advises another region of the same partition', async (at, advised) => {
    const error = await find(
      {
        GetParameters: () => ({ Parameters: [] }),
        DescribeSubnets: () => ({ Subnets: [{ ...good, AvailabilityZone: `${at}a` }] }),
        DescribeInstanceTypeOfferings: () => ({ InstanceTypeOfferings: [{ Location: `${at}a` }] }),
      },
      { region: at },
    ).catch((e) => e)
    expect(error.code).toBe('no-image')
    expect(error.fix.at(-1)).toMatch(advised)
    expect(error.fix.join()).not.toMatch(`--region ${at}\n`)
  })

  it('does not miss the image of an architecture that is not wanted', async () => {
    const only = ({ Names }: { Names: string[] }) => ({
      Parameters: Names.filter((n) => n.endsWith('x86_64')).map((Name) => ({ Name, Value: 'ami-1' })),
    })
    await expect(find({ GetParameters: only })).resolves.toMatchObject({ imageId: 'ami-1' })
  })

  it('lets every other error through', async () => {
    const asked = find({ DescribeSubnets: () => refusal('UnauthorizedOperation') })
    await expect(asked).rejects.toMatchObject({ name: 'UnauthorizedOperation' })
  })
})
