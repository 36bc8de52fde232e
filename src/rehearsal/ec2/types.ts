import { createHash } from 'node:crypto'
import type { ArchitectureType, InstanceTypeInfo } from '@aws-sdk/client-ec2'
import type { Answers } from '../answers.js'
import { Refusal } from '../refusal.js'
import { passes } from './filter.js'
import { zonesOf } from './network.js'

const GiB = 1024
const x86: ArchitectureType = 'x86_64'
const arm: ArchitectureType = 'arm64'

/** vCPUs, MiB of memory and architecture. Source: https://aws.amazon.com/ec2/instance-types/ */
const machines: Record<string, [number, number, ArchitectureType]> = {
  't3.micro': [2, 1 * GiB, x86],
  't3.small': [2, 2 * GiB, x86],
  't3.medium': [2, 4 * GiB, x86],
  't3.large': [2, 8 * GiB, x86],
  't3.xlarge': [4, 16 * GiB, x86],
  't3a.medium': [2, 4 * GiB, x86],
  't3a.large': [2, 8 * GiB, x86],
  't3a.xlarge': [4, 16 * GiB, x86],
  't4g.medium': [2, 4 * GiB, arm],
  't4g.large': [2, 8 * GiB, arm],
  't4g.xlarge': [4, 16 * GiB, arm],
  'm6i.large': [2, 8 * GiB, x86],
  'm7i.large': [2, 8 * GiB, x86],
  'm7g.large': [2, 8 * GiB, arm],
}

/** The architecture of a type; throws EC2's error for an unknown type. */
export function architectureOf(type: string | undefined): ArchitectureType {
  const machine = machines[type ?? '']
  if (!machine) throw new Refusal('InvalidParameterValue', `Invalid value '${type}' for InstanceType.`)
  return machine[2]
}

/** us-east-1e, the oldest zone, has none of these; every other zone has all. */
export const offers = (zone: string): boolean => zone !== 'us-east-1e'

/** The image that the public parameter names: one for each region and architecture. */
export const imageOf = (region: string, architecture: string): string =>
  `ami-${createHash('sha256').update(`${region}/${architecture}/al2023`).digest('hex').slice(0, 17)}`

export function architectureOfImage(region: string, image: string | undefined): ArchitectureType {
  for (const architecture of [x86, arm]) if (image === imageOf(region, architecture)) return architecture
  throw new Refusal('InvalidAMIID.NotFound', `The image id '[${image}]' does not exist`)
}

function view(
  type: string,
  [vcpus, memory, architecture]: [number, number, ArchitectureType],
): InstanceTypeInfo {
  return {
    InstanceType: type as never,
    CurrentGeneration: true,
    FreeTierEligible: false,
    BareMetal: false,
    Hypervisor: 'nitro',
    SupportedUsageClasses: ['on-demand', 'spot'],
    SupportedRootDeviceTypes: ['ebs'],
    SupportedVirtualizationTypes: ['hvm'],
    ProcessorInfo: { SupportedArchitectures: [architecture] },
    VCpuInfo: { DefaultVCpus: vcpus },
    MemoryInfo: { SizeInMiB: memory },
    BurstablePerformanceSupported: type.startsWith('t'),
  }
}

export const types = {
  DescribeInstanceTypes(input) {
    for (const type of input.InstanceTypes ?? []) {
      if (!machines[type]) {
        throw new Refusal(
          'InvalidInstanceType',
          `The following supplied instance types do not exist: [${type}]`,
        )
      }
    }
    return {
      InstanceTypes: Object.entries(machines)
        .filter(([type]) => input.InstanceTypes?.includes(type as never) ?? true)
        .filter(([type, [vcpus, memory, architecture]]) =>
          passes(
            input.Filters,
            {},
            {
              'instance-type': type,
              'current-generation': 'true',
              'memory-info.size-in-mib': String(memory),
              'vcpu-info.default-vcpus': String(vcpus),
              'processor-info.supported-architecture': architecture,
            },
          ),
        )
        .map(([type, machine]) => view(type, machine)),
    }
  },

  DescribeInstanceTypeOfferings(input, { region }) {
    const places = input.LocationType === 'availability-zone' ? zonesOf(region).filter(offers) : [region]
    return {
      InstanceTypeOfferings: places.flatMap((place) =>
        Object.keys(machines)
          .filter((type) => passes(input.Filters, {}, { 'instance-type': type, location: place }))
          .map((type) => ({
            InstanceType: type as never,
            LocationType: input.LocationType ?? ('region' as const),
            Location: place,
          })),
      ),
    }
  },
} satisfies Answers<typeof import('@aws-sdk/client-ec2')>
