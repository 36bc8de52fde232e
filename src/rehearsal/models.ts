/** A model as Bedrock's control plane lists it. */
export interface CatalogueModel {
  id: string
  name: string
  provider: string
  released: string
  /** Called by its own id; otherwise only through a profile. */
  direct: boolean
  sees: boolean
  legacy?: true
  /** What a new account needs: nothing, Anthropic's form, or an explicit acceptance of the licence. */
  licence: 'none' | 'form' | 'yes'
  /** The profiles for it. */
  through: readonly ('geographic' | 'global')[]
}

const anthropic = (id: string, name: string, released: string, more: object = {}): CatalogueModel => ({
  id: `anthropic.${id}`,
  name,
  provider: 'Anthropic',
  released,
  direct: false,
  sees: true,
  licence: 'form',
  through: ['geographic', 'global'],
  ...more,
})

const amazon = (id: string, name: string, released: string, more: object = {}): CatalogueModel => ({
  id: `amazon.${id}`,
  name,
  provider: 'Amazon',
  released,
  direct: true,
  sees: true,
  licence: 'none',
  through: ['geographic'],
  ...more,
})

/** Called by its own id, from a provider that AWS itself licenses. */
const open = (id: string, name: string, provider: string, released: string, more: object = {}) => ({
  id,
  name,
  provider,
  released,
  direct: true,
  sees: false,
  licence: 'none' as const,
  through: [],
  ...more,
})

const near = { direct: false, through: ['geographic'] as const }

/** Examples of each kind, as offered in November 2026: from Opus 4.6 on, ids have neither date nor version. */
export const models: readonly CatalogueModel[] = [
  anthropic('claude-fable-5-1', 'Claude Fable 5.1', '2026-09-29', { through: ['global'] }),
  anthropic('claude-opus-5-5', 'Claude Opus 5.5', '2026-09-22'),
  anthropic('claude-opus-5', 'Claude Opus 5', '2026-07-21'),
  anthropic('claude-sonnet-5', 'Claude Sonnet 5', '2026-06-30'),
  anthropic('claude-opus-4-8', 'Claude Opus 4.8', '2026-05-12'),
  anthropic('claude-sonnet-4-6', 'Claude Sonnet 4.6', '2026-02-17'),
  anthropic('claude-opus-4-6-v1', 'Claude Opus 4.6', '2026-02-05'),
  anthropic('claude-opus-4-5-20251101-v1:0', 'Claude Opus 4.5', '2025-11-24'),
  anthropic('claude-haiku-4-5-20251001-v1:0', 'Claude Haiku 4.5', '2025-10-15'),
  anthropic('claude-sonnet-4-5-20250929-v1:0', 'Claude Sonnet 4.5', '2025-09-29'),
  anthropic('claude-sonnet-4-20250514-v1:0', 'Claude Sonnet 4', '2025-05-22', { legacy: true, ...near }),
  amazon('nova-2-lite-v1:0', 'Nova 2 Lite', '2025-12-02', near),
  amazon('nova-pro-v1:0', 'Nova Pro', '2024-12-03'),
  amazon('nova-lite-v1:0', 'Nova Lite', '2024-12-03'),
  amazon('nova-micro-v1:0', 'Nova Micro', '2024-12-03', { sees: false }),
  open('meta.llama4-maverick-17b-instruct-v1:0', 'Llama 4 Maverick 17B Instruct', 'Meta', '2025-04-28', {
    ...near,
    sees: true,
  }),
  open('openai.gpt-oss-120b-1:0', 'gpt-oss-120b', 'OpenAI', '2025-08-05'),
  open('deepseek.v3-v1:0', 'DeepSeek-V3.1', 'DeepSeek', '2025-09-18'),
  open('qwen.qwen3-32b-v1:0', 'Qwen3 32B (dense)', 'Qwen', '2025-09-18'),
  open('mistral.pixtral-large-2502-v1:0', 'Pixtral Large (25.02)', 'Mistral AI', '2025-04-08', {
    ...near,
    sees: true,
    licence: 'yes',
  }),
]

/** The regions of a geographic profile. */
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
