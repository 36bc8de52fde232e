import {
  DescribeVpcsCommand,
  type EC2Client,
  paginateDescribeRouteTables,
  paginateDescribeSubnets,
  type RouteTable,
  type Subnet,
} from '@aws-sdk/client-ec2'
import { isCode } from '../aws/errors.js'
import { type Hint, LabError } from '../core/error.js'

export interface Network {
  vpcId: string
  /** At least one, sorted by zone. */
  subnets: Subnet[]
}

/** Why a subnet can't be used: the error's code, the reason, and what helps besides another subnet. */
interface Unfit {
  code: string
  fact: string
  fix?: string | Hint
}

/**
 * The usable subnets of the default VPC, or the one subnet that was named. LabError `no-such-subnet`,
 * `no-default-vpc`, or the code of the first reason why no subnet can be used.
 */
export async function findNetwork(
  ec2: EC2Client,
  region: string,
  subnetId: string | undefined,
): Promise<Network> {
  const [vpcs, subnets, tables] = await Promise.all([
    subnetId
      ? undefined
      : ec2.send(new DescribeVpcsCommand({ Filters: [{ Name: 'is-default', Values: ['true'] }] })),
    subnetsOf(ec2, region, subnetId),
    routeTables(ec2),
  ])
  const vpcId = subnetId ? subnets[0]?.VpcId : vpcs?.Vpcs?.[0]?.VpcId
  if (!vpcId) throw noDefaultVpc(region)
  const judged = subnets.map((subnet) => ({ subnet, unfit: unfitness(subnet, region, tables) }))
  const fit = judged.filter(({ unfit }) => !unfit).map(({ subnet }) => subnet)
  if (fit.length > 0) return { vpcId, subnets: fit }
  const facts = judged.map(({ subnet, unfit }) => `${subnet.SubnetId} ${unfit?.fact}`)
  const first = judged[0]?.unfit
  throw new LabError({
    code: first?.code ?? 'no-public-subnet',
    what: subnetId
      ? `The subnet ${subnetId} cannot hold the lab.`
      : `The default VPC ${vpcId} has no subnet that can hold the lab.`,
    why: facts.length > 0 ? `${facts.join('; ')}.` : 'It has no subnet at all.',
    fix: [
      ...(first?.fix ? [first.fix] : []),
      'Use a public IPv4 subnet in an availability zone of the region: --subnet-id <id>',
      { run: `aws ec2 describe-subnets --region ${region}`, text: 'lists the subnets' },
    ],
  })
}

async function subnetsOf(ec2: EC2Client, region: string, subnetId: string | undefined): Promise<Subnet[]> {
  const found: Subnet[] = []
  const asked = subnetId
    ? { SubnetIds: [subnetId] }
    : { Filters: [{ Name: 'default-for-az', Values: ['true'] }] }
  try {
    for await (const page of paginateDescribeSubnets({ client: ec2 }, asked)) {
      found.push(...(page.Subnets ?? []))
    }
  } catch (error) {
    if (!isCode(error, 'InvalidSubnetID.NotFound', 'InvalidSubnetID.Malformed')) throw error
    throw new LabError({
      code: 'no-such-subnet',
      what: `There is no subnet ${subnetId} in ${region}.`,
      fix: [{ run: `aws ec2 describe-subnets --region ${region}`, text: 'lists the subnets' }],
    })
  }
  return found.sort((a, b) => (a.AvailabilityZone ?? '').localeCompare(b.AvailabilityZone ?? ''))
}

async function routeTables(ec2: EC2Client): Promise<RouteTable[]> {
  const found: RouteTable[] = []
  for await (const page of paginateDescribeRouteTables({ client: ec2 }, {})) {
    found.push(...(page.RouteTables ?? []))
  }
  return found
}

function unfitness(subnet: Subnet, region: string, tables: readonly RouteTable[]): Unfit | undefined {
  const zone = subnet.AvailabilityZone ?? ''
  if (subnet.Ipv6Native) {
    return {
      code: 'ipv6-only-subnet',
      fact: 'has IPv6 addresses only, and the lab needs a public IPv4 address',
    }
  }
  if (subnet.OutpostArn) {
    return { code: 'outpost-subnet', fact: 'is on an Outpost, which Elastic IPs of the region do not reach' }
  }
  // Elastic IPs belong to a network border group: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/elastic-ip-addresses-eip.html
  if (zone.length !== region.length + 1) {
    return {
      code: 'zone-without-address',
      fact: `is in the Local or Wavelength Zone ${zone}, which Elastic IPs of the region do not reach`,
    }
  }
  // VPC Block Public Access: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_BlockPublicAccessStates.html
  const mode = subnet.BlockPublicAccessStates?.InternetGatewayBlockMode as string | undefined
  if (mode && mode !== 'off') {
    return {
      code: 'public-access-blocked',
      fact: `is closed to the internet by VPC Block Public Access (${mode})`,
      fix: 'Exclude the VPC from it, or switch it off: https://docs.aws.amazon.com/vpc/latest/userguide/security-vpc-bpa.html',
    }
  }
  if (!isPublic(subnet, tables)) {
    return { code: 'no-public-subnet', fact: 'is not public: no route leads from it to an internet gateway' }
  }
  if (subnet.AvailableIpAddressCount === 0) {
    return { code: 'subnet-full', fact: 'has no free address' }
  }
  return undefined
}

/** Its own route table, or else its VPC's main one, leads to an internet gateway. */
function isPublic(subnet: Subnet, tables: readonly RouteTable[]): boolean {
  const own = tables.find((t) => t.Associations?.some((a) => a.SubnetId === subnet.SubnetId))
  const main = tables.find((t) => t.VpcId === subnet.VpcId && t.Associations?.some((a) => a.Main))
  return ((own ?? main)?.Routes ?? []).some(
    (route) =>
      route.DestinationCidrBlock === '0.0.0.0/0' &&
      route.GatewayId?.startsWith('igw-') &&
      route.State !== 'blackhole',
  )
}

const noDefaultVpc = (region: string) =>
  new LabError({
    code: 'no-default-vpc',
    what: `There is no default VPC in ${region}.`,
    why: 'It was deleted, or the account never had one.',
    fix: [
      {
        command: { keeps: true, path: 'up', flags: { 'create-default-vpc': true } },
        text: 'creates it; it is free and stays when the lab is destroyed',
      },
      'Or use a public subnet: --subnet-id <id>',
    ],
  })
