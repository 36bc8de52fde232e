import { DescribeRegionsCommand, type EC2Client } from '@aws-sdk/client-ec2'
import type { Run } from '../app/context.js'
import { identityLine, signIn } from '../app/sign-in.js'
import { connect } from '../aws/connect.js'
import { isCode } from '../aws/errors.js'
import { type ListedLab, listLabs } from '../lab/list.js'
import { columns } from '../ui/table.js'

/** All labs of a region, or of every region that the account has enabled, at once. */
export const run: Run<{ allRegions?: boolean }> = async (options, context) => {
  const { ui } = context
  const here = await signIn(options, context)
  ui.emit({
    type: 'note',
    text: identityLine(here, options.allRegions ? 'all regions' : here.region),
  })
  const regions = options.allRegions ? await enabledRegions(here.clients.ec2) : [here.region]
  const skipped: string[] = []
  const found = await Promise.all(
    regions.map(async (region): Promise<ListedLab[]> => {
      const { clients } = region === here.region ? here : await connect({ ...options, region }, context, here)
      try {
        return await listLabs(clients, here)
      } catch (error) {
        // An organisation may close a region to its members; the others are still worth telling.
        if (!options.allRegions || !isCode(error, 'UnauthorizedOperation', 'AccessDenied*', 'AuthFailure'))
          throw error
        skipped.push(region)
        return []
      }
    }),
  )
  const labs = found.flat()
  if (skipped.length > 0) ui.emit({ type: 'warning', text: `Not allowed to look in ${skipped.join(', ')}.` })
  ui.result(textOf(labs, options.allRegions ? 'in any region' : `in ${here.region}`), {
    labs: labs.map(jsonOf),
    skippedRegions: skipped,
  })
  return 0
}

async function enabledRegions(ec2: EC2Client): Promise<string[]> {
  const { Regions = [] } = await ec2.send(new DescribeRegionsCommand({}))
  return Regions.map(({ RegionName = '' }) => RegionName).sort()
}

const jsonOf = ({ state, type, address, instanceId, ...lab }: ListedLab) => ({
  ...lab,
  state: state ?? null,
  type: type ?? null,
  address: address ?? null,
  instanceId: instanceId ?? null,
})

function textOf(labs: readonly ListedLab[], where: string): string {
  if (labs.length === 0) return `There is no lab ${where}. librechat-lab up makes one.`
  const rows = labs.map(({ name, region, state, type, address, whole, ambiguous }) => [
    name,
    region,
    ambiguous ? 'ambiguous' : (state ?? 'no instance'),
    type ?? '—',
    address ? `https://${address}` : '—',
    ambiguous
      ? 'librechat-lab status says what could be its own'
      : whole
        ? ''
        : address && !state
          ? 'only its address is kept'
          : 'not whole',
  ])
  return columns([['LAB', 'REGION', 'STATE', 'TYPE', 'URL', ''], ...rows]).join('\n')
}
