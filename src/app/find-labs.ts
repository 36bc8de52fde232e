import { DescribeRegionsCommand, type EC2Client } from '@aws-sdk/client-ec2'
import { isCode } from '../aws/errors.js'
import { type ListedLab, listLabs } from '../lab/list.js'
import type { Context, GlobalOptions } from './context.js'
import { identityLine, signIn } from './sign-in.js'

export interface FoundLabs {
  labs: readonly ListedLab[]
  /** The region that was searched; undefined: all that the account has enabled. */
  region: string | undefined
  /** Regions in which the caller has no permission. */
  skippedRegions: readonly string[]
}

/** All labs of a region, or of every region that the account has enabled, at once. */
export async function findLabs(
  options: GlobalOptions & { allRegions?: boolean },
  context: Context,
): Promise<FoundLabs> {
  const here = await signIn(options, context)
  const { emit } = context.ui
  emit({
    type: 'note',
    text: identityLine(here, options.allRegions ? 'all regions' : here.region),
  })
  const regions = options.allRegions ? await enabledRegions(here.clients.ec2) : [here.region]
  const skippedRegions: string[] = []
  const found = await Promise.all(
    regions.map(async (region): Promise<ListedLab[]> => {
      const { clients } = region === here.region ? here : await context.connect({ ...options, region }, here)
      try {
        return await listLabs(clients, here)
      } catch (error) {
        // An organization may deny a region to its accounts; the others are still shown.
        if (!options.allRegions || !isCode(error, 'UnauthorizedOperation', 'AccessDenied*', 'AuthFailure'))
          throw error
        skippedRegions.push(region)
        return []
      }
    }),
  )
  if (skippedRegions.length > 0)
    emit({ type: 'warning', text: `No permission to list labs in ${skippedRegions.join(', ')}.` })
  return { labs: found.flat(), region: options.allRegions ? undefined : here.region, skippedRegions }
}

async function enabledRegions(ec2: EC2Client): Promise<string[]> {
  const { Regions = [] } = await ec2.send(new DescribeRegionsCommand({}))
  return Regions.map(({ RegionName = '' }) => RegionName).sort()
}
