import { STSClient } from '@aws-sdk/client-sts'
import { LabError } from '../core/error.js'

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
  const given = options.region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION
  if (given) return given
  try {
    return await new STSClient(options.profile ? { profile: options.profile } : {}).config.region()
  } catch (error) {
    if (error instanceof Error && /Region is missing/.test(error.message)) return undefined
    throw error
  }
}

/** A name that a region can have; LabError `bad-region`. */
export function checkedRegion(region: string): string {
  if (/^[a-z]{2,3}(-[a-z]+)+-\d{1,2}$/.test(region)) return region
  throw new LabError({
    code: 'bad-region',
    what: `${JSON.stringify(region.slice(0, 60))} is not the name of an AWS region.`,
    fix: ['A region looks like this: --region us-east-1'],
  })
}
