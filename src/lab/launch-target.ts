import {
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  type EC2Client,
  type RouteTable,
  type Subnet,
} from '@aws-sdk/client-ec2'
import { GetParametersCommand } from '@aws-sdk/client-ssm'
import type { Clients } from '../aws/clients.js'
import { isCode } from '../aws/errors.js'
import { LabError } from '../core/error.js'

/** Where an instance can be launched, and from what. */
export interface LaunchTarget {
  vpcId: string
  /** Public subnets in zones that offer the type, in the order in which they are tried. */
  subnetIds: string[]
  imageId: string
}

/** LibreChat, MongoDB and Meilisearch together: https://www.librechat.ai/docs */
const leastMemoryMib = 4096
/** https://docs.aws.amazon.com/linux/al2023/ug/ec2.html#launch-via-aws-cli */
const imageParameter = (architecture: string) =>
  `/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${architecture}`
const architectures = ['x86_64', 'arm64']

/** All that must be true before anything is made; LabError for the first thing that isn't. Six calls at once. */
export async function findLaunchTarget(
  clients: Clients,
  wanted: { instanceType: string; subnetId?: string | undefined },
): Promise<LaunchTarget> {
  const { ec2, region } = clients
  const [architecture, zones, network, images] = await Promise.all([
    architectureOf(ec2, wanted.instanceType),
    zonesOffering(ec2, wanted.instanceType),
    findNetwork(ec2, region, wanted.subnetId),
    newestImages(clients),
  ])
  const inZones = network.subnets.filter((subnet) => zones.has(subnet.AvailabilityZone ?? ''))
  if (inZones.length === 0) {
    throw new LabError({
      code: 'type-not-offered',
      what: `${region} does not offer ${wanted.instanceType} where the instance could stand.`,
      why:
        zones.size > 0
          ? `It is offered in ${[...zones].join(', ')} only.`
          : 'No zone of the region offers it.',
      fix: [
        'Choose another type: --instance-type t3.medium, or t3a.medium, t4g.medium',
        'Or another region: --region us-east-1',
      ],
    })
  }
  return {
    vpcId: network.vpcId,
    subnetIds: inZones.map((subnet) => subnet.SubnetId as string),
    imageId: images.get(architecture) as string,
  }
}

async function architectureOf(ec2: EC2Client, type: string): Promise<string> {
  const found = await ec2
    .send(new DescribeInstanceTypesCommand({ InstanceTypes: [type as never] }))
    .catch((error) => {
      if (!isCode(error, 'InvalidInstanceType', 'InvalidParameterValue')) throw error
    })
  const info = found?.InstanceTypes?.[0]
  const architecture = info?.ProcessorInfo?.SupportedArchitectures?.find((a) => architectures.includes(a))
  if (!info || !architecture) {
    throw new LabError({
      code: 'bad-instance-type',
      what: `AWS knows no usable instance type ${type} in this region.`,
      fix: ['Such as: --instance-type t3.medium (4 GiB), t3.large (8 GiB), t4g.medium (4 GiB, ARM)'],
    })
  }
  const memory = info.MemoryInfo?.SizeInMiB ?? 0
  if (memory < leastMemoryMib) {
    throw new LabError({
      code: 'too-little-memory',
      what: `${type} has ${memory / 1024} GiB of memory, and LibreChat with its database needs 4.`,
      fix: ['The smallest that fits: --instance-type t3.medium'],
    })
  }
  return architecture
}

async function zonesOffering(ec2: EC2Client, type: string): Promise<Set<string>> {
  const { InstanceTypeOfferings = [] } = await ec2.send(
    new DescribeInstanceTypeOfferingsCommand({
      LocationType: 'availability-zone',
      Filters: [{ Name: 'instance-type', Values: [type] }],
    }),
  )
  return new Set(InstanceTypeOfferings.map((offering) => offering.Location ?? ''))
}

/** Public subnets of the default VPC, or the one subnet that was named. */
async function findNetwork(
  ec2: EC2Client,
  region: string,
  subnetId: string | undefined,
): Promise<{ vpcId: string; subnets: Subnet[] }> {
  const [vpcs, found, tables] = await Promise.all([
    subnetId
      ? undefined
      : ec2.send(new DescribeVpcsCommand({ Filters: [{ Name: 'is-default', Values: ['true'] }] })),
    ec2
      .send(
        new DescribeSubnetsCommand(
          subnetId ? { SubnetIds: [subnetId] } : { Filters: [{ Name: 'default-for-az', Values: ['true'] }] },
        ),
      )
      .catch((error) => {
        if (!isCode(error, 'InvalidSubnetID.NotFound', 'InvalidSubnetID.Malformed')) throw error
        throw new LabError({
          code: 'no-such-subnet',
          what: `There is no subnet ${subnetId} in ${region}.`,
          fix: [`Look: aws ec2 describe-subnets --region ${region}`],
        })
      }),
    ec2.send(new DescribeRouteTablesCommand({})),
  ])
  const subnets = (found.Subnets ?? []).sort((a, b) =>
    (a.AvailabilityZone ?? '').localeCompare(b.AvailabilityZone ?? ''),
  )
  const vpcId = subnetId ? subnets[0]?.VpcId : vpcs?.Vpcs?.[0]?.VpcId
  if (!vpcId) throw noDefaultVpc(region)
  const open = subnets.filter((subnet) => isPublic(subnet, tables.RouteTables ?? []))
  if (open.length === 0) {
    throw new LabError({
      code: 'no-public-subnet',
      what: subnetId
        ? `The subnet ${subnetId} is not public.`
        : `The default VPC ${vpcId} has no public subnet any more.`,
      why: 'No route leads from it to an internet gateway: the host could neither be reached nor fetch anything.',
      fix: ['Name a public one: --subnet-id <id>', `Look: aws ec2 describe-route-tables --region ${region}`],
    })
  }
  return { vpcId, subnets: open }
}

const noDefaultVpc = (region: string) =>
  new LabError({
    code: 'no-default-vpc',
    what: `There is no default VPC in ${region}.`,
    why: 'It was deleted, or the account never had one.',
    fix: [
      'Make it (it costs nothing, and stays when the lab goes): librechat-lab up --create-default-vpc',
      'Or name a public subnet of yours: --subnet-id <id>',
    ],
  })

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

/** The newest Amazon Linux 2023 by architecture. */
async function newestImages({ ssm, region }: Clients): Promise<Map<string, string>> {
  const { Parameters = [] } = await ssm.send(
    new GetParametersCommand({ Names: architectures.map(imageParameter) }),
  )
  const images = new Map(
    architectures.flatMap((architecture) => {
      const found = Parameters.find((p) => p.Name === imageParameter(architecture))?.Value
      return found ? [[architecture, found] as const] : []
    }),
  )
  if (images.size < architectures.length) {
    throw new LabError({
      code: 'no-image',
      what: `AWS publishes no Amazon Linux 2023 image in ${region}.`,
      fix: ['Choose another region: --region us-east-1'],
      fault: 'aws',
    })
  }
  return images
}

export const launchTargetActions = [
  'ec2:DescribeInstanceTypes',
  'ec2:DescribeInstanceTypeOfferings',
  'ec2:DescribeVpcs',
  'ec2:DescribeSubnets',
  'ec2:DescribeRouteTables',
  'ssm:GetParameters',
] as const
