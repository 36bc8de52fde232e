/** A model as Bedrock's control plane would list it. */
export interface CatalogueModel {
  id: string
  name: string
  provider: string
  released: string
  /** Called by its own id; otherwise only through a profile. */
  direct: boolean
  sees: boolean
  legacy?: true
  /** What a new account lacks: nothing, Anthropic's form, or an express yes to the licence. */
  licence: 'none' | 'form' | 'yes'
  /** Which profiles lead to it. */
  through: readonly ('geographic' | 'global')[]
}

const both = ['geographic', 'global'] as const
const near = ['geographic'] as const

/** Ids as in https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html: enough of each kind. */
export const models: readonly CatalogueModel[] = [
  {
    id: 'anthropic.claude-opus-4-5-20251101-v1:0',
    name: 'Claude Opus 4.5',
    provider: 'Anthropic',
    released: '2025-11-24',
    direct: false,
    sees: true,
    licence: 'form',
    through: both,
  },
  {
    id: 'anthropic.claude-sonnet-4-5-20250929-v1:0',
    name: 'Claude Sonnet 4.5',
    provider: 'Anthropic',
    released: '2025-09-29',
    direct: false,
    sees: true,
    licence: 'form',
    through: both,
  },
  {
    id: 'anthropic.claude-haiku-4-5-20251001-v1:0',
    name: 'Claude Haiku 4.5',
    provider: 'Anthropic',
    released: '2025-10-15',
    direct: false,
    sees: true,
    licence: 'form',
    through: both,
  },
  {
    id: 'anthropic.claude-3-7-sonnet-20250219-v1:0',
    name: 'Claude 3.7 Sonnet',
    provider: 'Anthropic',
    released: '2025-02-24',
    direct: false,
    sees: true,
    legacy: true,
    licence: 'form',
    through: near,
  },
  {
    id: 'amazon.nova-pro-v1:0',
    name: 'Nova Pro',
    provider: 'Amazon',
    released: '2024-12-03',
    direct: true,
    sees: true,
    licence: 'none',
    through: near,
  },
  {
    id: 'amazon.nova-lite-v1:0',
    name: 'Nova Lite',
    provider: 'Amazon',
    released: '2024-12-03',
    direct: true,
    sees: true,
    licence: 'none',
    through: near,
  },
  {
    id: 'amazon.nova-micro-v1:0',
    name: 'Nova Micro',
    provider: 'Amazon',
    released: '2024-12-03',
    direct: true,
    sees: false,
    licence: 'none',
    through: near,
  },
  {
    id: 'meta.llama4-maverick-17b-instruct-v1:0',
    name: 'Llama 4 Maverick 17B Instruct',
    provider: 'Meta',
    released: '2025-04-28',
    direct: false,
    sees: true,
    licence: 'none',
    through: near,
  },
  {
    id: 'mistral.pixtral-large-2502-v1:0',
    name: 'Pixtral Large (25.02)',
    provider: 'Mistral AI',
    released: '2025-04-08',
    direct: false,
    sees: true,
    licence: 'yes',
    through: near,
  },
]

/** The regions that a geographic profile may answer from. */
const geographies: Record<string, { prefix: string; name: string; destinations: readonly string[] }> = {
  us: { prefix: 'us', name: 'US', destinations: ['us-east-1', 'us-east-2', 'us-west-2'] },
  ca: { prefix: 'us', name: 'US', destinations: ['ca-central-1', 'us-east-1', 'us-east-2', 'us-west-2'] },
  eu: { prefix: 'eu', name: 'EU', destinations: ['eu-central-1', 'eu-north-1', 'eu-west-1', 'eu-west-3'] },
  ap: {
    prefix: 'apac',
    name: 'APAC',
    destinations: ['ap-northeast-1', 'ap-northeast-2', 'ap-south-1', 'ap-southeast-1', 'ap-southeast-2'],
  },
}

interface CatalogueProfile {
  id: string
  name: string
  model: string
  released: string
  /** Regions; "" is the global model, whose ARN names none. */
  destinations: readonly string[]
}

/** The inference profiles that a region has. */
export function profilesIn(region: string): CatalogueProfile[] {
  const geography = geographies[region.split('-')[0] ?? '']
  return models.flatMap(({ id, name, through, released }) => [
    ...(geography && through.includes('geographic')
      ? [
          {
            id: `${geography.prefix}.${id}`,
            name: `${geography.name} ${name}`,
            model: id,
            released,
            destinations: [...new Set([region, ...geography.destinations])],
          },
        ]
      : []),
    ...(through.includes('global')
      ? [{ id: `global.${id}`, name: `Global ${name}`, model: id, released, destinations: [region, ''] }]
      : []),
  ])
}
