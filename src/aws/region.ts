import { partition } from '@aws-sdk/core/client'
import { LabError } from '../core/error.js'
import { profileName, readProfiles } from './profiles.js'

/** Where Bedrock has models, nearest names first: https://docs.aws.amazon.com/bedrock/latest/userguide/models-regions.html */
export const regions: readonly (readonly [id: string, where: string])[] = [
  ['us-east-1', 'N. Virginia'],
  ['us-east-2', 'Ohio'],
  ['us-west-2', 'Oregon'],
  ['ca-central-1', 'Canada'],
  ['sa-east-1', 'São Paulo'],
  ['eu-central-1', 'Frankfurt'],
  ['eu-west-1', 'Ireland'],
  ['eu-west-2', 'London'],
  ['eu-west-3', 'Paris'],
  ['eu-north-1', 'Stockholm'],
  ['ap-south-1', 'Mumbai'],
  ['ap-southeast-1', 'Singapore'],
  ['ap-southeast-2', 'Sydney'],
  ['ap-northeast-1', 'Tokyo'],
  ['ap-northeast-2', 'Seoul'],
]

/** The region that flags, environment and shared configuration give, in this order. */
export async function configuredRegion(
  options: { region?: string; profile?: string },
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const given = options.region ?? (env.AWS_REGION || env.AWS_DEFAULT_REGION)
  if (given) return given
  const profiles = await readProfiles(env)
  return profiles.get(profileName(options, env) ?? 'default')?.data.region
}

/** The name, if it has the form of a region's: it becomes part of host names. LabError `bad-region`. */
export function checkedRegion(region: string): string {
  if (/^[a-z]{2,5}(-[a-z]+)+-\d{1,2}$/.test(region)) return region
  throw new LabError({
    code: 'bad-region',
    what: `${JSON.stringify(region.slice(0, 60))} is not an AWS region.`,
    fix: ['A region looks like this: --region us-east-1'],
  })
}

/** "aws", "aws-us-gov", "aws-cn", "aws-eusc": from the table of partitions in the SDK. */
export const partitionOf = (region: string): string => partition(region).name

/** What the host names of a region's services end with: "amazonaws.com", "amazonaws.com.cn". */
export const dnsSuffix = (region: string): string => partition(region).dnsSuffix

/** Whether the SDK's table has the region. A region that is newer than the SDK is not in it. */
export const isListedRegion = (region: string): boolean => 'description' in partition(region)

/** Where a partition's global services are, such as IAM: "us-east-1", "us-gov-west-1". */
export const homeRegion = (region: string): string =>
  (partition(region) as { implicitGlobalRegion?: string }).implicitGlobalRegion ?? region

/** A region of the same partition to suggest instead of `region`; undefined where there is none. */
export function otherRegion(region: string): string | undefined {
  const known: Record<string, readonly string[]> = {
    aws: ['us-east-1', 'us-west-2'],
    'aws-us-gov': ['us-gov-west-1', 'us-gov-east-1'],
    'aws-cn': ['cn-north-1', 'cn-northwest-1'],
  }
  return (known[partitionOf(region)] ?? [homeRegion(region)]).find((other) => other !== region)
}

/** The host of the AWS console; undefined in partitions whose console is not public knowledge. */
export function consoleHost(region: string): string | undefined {
  const hosts: Record<string, string> = {
    aws: `${region}.console.aws.amazon.com`,
    'aws-us-gov': 'console.amazonaws-us-gov.com',
    'aws-cn': 'console.amazonaws.cn',
  }
  return hosts[partitionOf(region)]
}
