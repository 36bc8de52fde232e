import type { FoundLabs } from '../app/find-labs.js'
import { columns } from './table.js'
import type { Ui } from './ui.js'

type Lab = FoundLabs['labs'][number]

export function labsText({ labs, region }: FoundLabs, { hint }: Pick<Ui, 'hint'>): string {
  if (labs.length === 0)
    return `There is no lab in ${region ?? 'any region'}. To create one: ${hint({ command: { path: 'up' } })}`
  const rows = labs.map(({ name, region, state, type, address, whole }) => [
    name,
    region,
    state ?? 'no instance',
    type ?? '—',
    address ? `https://${address}` : '—',
    whole ? '' : address && !state ? 'only its address is kept' : 'incomplete',
  ])
  return columns([['LAB', 'REGION', 'STATE', 'TYPE', 'URL', ''], ...rows]).join('\n')
}

const labJson = ({ state, type, address, instanceId, ...lab }: Lab) => ({
  ...lab,
  state: state ?? null,
  type: type ?? null,
  address: address ?? null,
  instanceId: instanceId ?? null,
})

export const labsJson = ({ labs, skippedRegions }: FoundLabs) => ({
  labs: labs.map(labJson),
  skippedRegions,
})
