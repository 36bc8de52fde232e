import {
  DescribeInstanceTypesCommand,
  type EC2Client,
  paginateDescribeInstanceTypeOfferings,
} from '@aws-sdk/client-ec2'
import { GetParametersCommand } from '@aws-sdk/client-ssm'
import type { Clients } from '../aws/clients.js'
import { ignoreErrors } from '../aws/errors.js'
import { otherRegion } from '../aws/region.js'
import { LabError } from '../core/error.js'
import { findNetwork } from './subnets.js'

/** Where an instance can be launched, and from what. */
export interface LaunchTarget {
  vpcId: string
  /** Public subnets in zones that offer the type, in the order in which they are tried. */
  subnetIds: string[]
  imageId: string
}

/** For LibreChat, MongoDB and Meilisearch together: https://www.librechat.ai/docs */
const leastMemoryMib = 4096
/** https://docs.aws.amazon.com/linux/al2023/ug/ec2.html#launch-via-aws-cli */
const imageParameter = (architecture: string) =>
  `/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${architecture}`
const architectures = ['x86_64', 'arm64']

/** Checks the conditions for creating a lab. LabError for the first one that fails. Six concurrent calls. */
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
      what: `${region} does not offer ${wanted.instanceType} in any zone where the lab has a subnet.`,
      why:
        zones.size > 0
          ? `It is offered in ${[...zones].join(', ')} only.`
          : 'No zone of the region offers it.',
      fix: ['Choose another type: --instance-type t3.medium, or t3a.medium, t4g.medium', ...another(region)],
    })
  }
  const imageId = images.get(architecture)
  if (!imageId) throw noImage(region, architecture)
  return {
    vpcId: network.vpcId,
    subnetIds: inZones.map((subnet) => subnet.SubnetId as string),
    imageId,
  }
}

async function architectureOf(ec2: EC2Client, type: string): Promise<string> {
  const found = await ignoreErrors(['InvalidInstanceType', 'InvalidParameterValue'], () =>
    ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes: [type as never] })),
  )
  const info = found?.InstanceTypes?.[0]
  const architecture = info?.ProcessorInfo?.SupportedArchitectures?.find((a) => architectures.includes(a))
  if (!info || !architecture) {
    throw new LabError({
      code: 'bad-instance-type',
      what: `There is no usable instance type ${type} in this region.`,
      fix: ['For example: --instance-type t3.medium (4 GiB), t3.large (8 GiB), t4g.medium (4 GiB, ARM)'],
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
  const zones = new Set<string>()
  const asked = {
    LocationType: 'availability-zone' as const,
    Filters: [{ Name: 'instance-type', Values: [type] }],
  }
  for await (const page of paginateDescribeInstanceTypeOfferings({ client: ec2 }, asked)) {
    for (const { Location } of page.InstanceTypeOfferings ?? []) zones.add(Location ?? '')
  }
  return zones
}

/** The newest Amazon Linux 2023 by architecture. */
async function newestImages({ ssm }: Clients): Promise<Map<string, string>> {
  const { Parameters = [] } = await ssm.send(
    new GetParametersCommand({ Names: architectures.map(imageParameter) }),
  )
  return new Map(
    architectures.flatMap((architecture) => {
      const found = Parameters.find((p) => p.Name === imageParameter(architecture))?.Value
      return found ? [[architecture, found] as const] : []
    }),
  )
}

const noImage = (region: string, architecture: string) =>
  new LabError({
    code: 'no-image',
    what: `AWS publishes no Amazon Linux 2023 image for ${architecture} in ${region}.`,
    fix: [
      'Run the same command again later: AWS may be replacing it.',
      {
        run: `aws ssm get-parameter --region ${region} --name ${imageParameter(architecture)}`,
        text: 'shows the image that AWS publishes',
      },
      ...another(region),
    ],
    fault: 'aws',
  })

/** Suggests another region of the same partition, as the last resort; empty if there is none. */
function another(region: string): string[] {
  const other = otherRegion(region)
  return other ? [`Or choose another region: --region ${other}`] : []
}

export const launchTargetActions = [
  'ec2:DescribeInstanceTypes',
  'ec2:DescribeInstanceTypeOfferings',
  'ec2:DescribeVpcs',
  'ec2:DescribeSubnets',
  'ec2:DescribeRouteTables',
  'ssm:GetParameters',
] as const
