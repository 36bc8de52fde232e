/**
 * Bedrock's catalogue as AWS's documentation and model cards show it in late 2026 (ids, names, how each is
 * called); the days of release where the id or AWS's announcements give them, and none otherwise. Made-up
 * are only the days on which profiles were made.
 */
export interface Card {
  id: string
  name: string
  provider: string
  /** Day of release, "2025-09-29". */
  released?: string
  legacy?: boolean
  /** By its own id in these regions; "everywhere" or none. */
  onDemand?: readonly string[] | 'everywhere'
  /** The geographies with a profile. */
  geographies?: readonly Geography[]
  global?: boolean
  input?: readonly string[]
  output?: readonly string[]
  streams?: boolean
  provisioned?: boolean
  /** Sold through AWS Marketplace, so that a licence is needed. Amazon's own are not. */
  licensed?: boolean
}

export type Geography = 'us' | 'eu' | 'apac' | 'au' | 'jp'

/** Source regions of each geography, and where a request may be answered. */
export const geographies: Record<Geography, readonly string[]> = {
  us: ['us-east-1', 'us-east-2', 'us-west-2'],
  eu: ['eu-central-1', 'eu-north-1', 'eu-south-1', 'eu-south-2', 'eu-west-1', 'eu-west-3'],
  apac: [
    'ap-northeast-1',
    'ap-northeast-2',
    'ap-northeast-3',
    'ap-south-1',
    'ap-south-2',
    'ap-southeast-1',
    'ap-southeast-2',
    'ap-southeast-4',
  ],
  au: ['ap-southeast-2', 'ap-southeast-4'],
  jp: ['ap-northeast-1', 'ap-northeast-3'],
}

const west: readonly Geography[] = ['us', 'eu']
const all: readonly Geography[] = ['us', 'eu', 'au', 'jp']
const seeing = ['TEXT', 'IMAGE']

const anthropic = (id: string, name: string, more: Partial<Card> = {}): Card => ({
  id: `anthropic.${id}`,
  name,
  provider: 'Anthropic',
  geographies: all,
  global: true,
  input: seeing,
  licensed: true,
  ...more,
})

const amazon = (id: string, name: string, more: Partial<Card> = {}): Card => ({
  id: `amazon.${id}`,
  name,
  provider: 'Amazon',
  geographies: ['us', 'eu', 'apac'],
  ...more,
})

const third = (id: string, name: string, provider: string, more: Partial<Card> = {}): Card => ({
  id,
  name,
  provider,
  licensed: true,
  ...more,
})

export const cards: readonly Card[] = [
  // Listed and available like the others, and refused to accounts that do not share data with its provider.
  anthropic('claude-fable-5-1', 'Claude Fable 5.1'),
  anthropic('claude-opus-5', 'Claude Opus 5'),
  anthropic('claude-sonnet-5', 'Claude Sonnet 5'),
  anthropic('claude-opus-4-8', 'Claude Opus 4.8'),
  anthropic('claude-sonnet-4-6', 'Claude Sonnet 4.6', { released: '2026-02-17' }),
  anthropic('claude-opus-4-6-v1', 'Claude Opus 4.6', { released: '2026-02-05' }),
  anthropic('claude-opus-4-5-20251101-v1:0', 'Claude Opus 4.5', { released: '2025-11-24' }),
  anthropic('claude-haiku-4-5-20251001-v1:0', 'Claude Haiku 4.5', { released: '2025-10-15' }),
  anthropic('claude-sonnet-4-5-20250929-v1:0', 'Claude Sonnet 4.5', { released: '2025-09-29' }),
  anthropic('claude-sonnet-4-20250514-v1:0', 'Claude Sonnet 4', {
    geographies: ['us', 'eu', 'apac'],
    legacy: true,
  }),
  anthropic('claude-3-haiku-20240307-v1:0', 'Claude 3 Haiku', {
    geographies: ['us', 'eu', 'apac'],
    global: false,
    onDemand: 'everywhere',
    legacy: true,
  }),
  anthropic('claude-3-haiku-20240307-v1:0:48k', 'Claude 3 Haiku', {
    geographies: [],
    global: false,
    provisioned: true,
    legacy: true,
  }),
  amazon('nova-2-lite-v1:0', 'Nova 2 Lite', {
    global: true,
    input: [...seeing, 'VIDEO'],
    released: '2025-12-02',
  }),
  amazon('nova-premier-v1:0', 'Nova Premier', { geographies: ['us'], input: [...seeing, 'VIDEO'] }),
  amazon('nova-pro-v1:0', 'Nova Pro', {
    onDemand: ['us-east-1'],
    input: [...seeing, 'VIDEO'],
    released: '2024-12-03',
  }),
  amazon('nova-lite-v1:0', 'Nova Lite', {
    onDemand: ['us-east-1'],
    input: [...seeing, 'VIDEO'],
    released: '2024-12-03',
  }),
  amazon('nova-lite-v1:0:24k', 'Nova Lite', { geographies: [], provisioned: true }),
  amazon('nova-micro-v1:0', 'Nova Micro', { onDemand: ['us-east-1'], released: '2024-12-03' }),
  amazon('nova-sonic-v1:0', 'Nova Sonic', {
    geographies: [],
    onDemand: ['us-east-1'],
    input: ['SPEECH'],
    output: ['SPEECH', 'TEXT'],
  }),
  amazon('titan-embed-text-v2:0', 'Titan Text Embeddings V2', {
    geographies: [],
    onDemand: 'everywhere',
    output: ['EMBEDDING'],
    streams: false,
  }),
  third('meta.llama4-maverick-17b-instruct-v1:0', 'Llama 4 Maverick 17B Instruct', 'Meta', {
    geographies: ['us'],
    input: seeing,
  }),
  third('meta.llama3-3-70b-instruct-v1:0', 'Llama 3.3 70B Instruct', 'Meta', {
    geographies: ['us'],
    onDemand: ['us-east-2'],
  }),
  third('mistral.pixtral-large-2502-v1:0', 'Pixtral Large (25.02)', 'Mistral AI', {
    geographies: west,
    input: seeing,
  }),
  third('mistral.mistral-large-2407-v1:0', 'Mistral Large (24.07)', 'Mistral AI', {
    onDemand: ['us-west-2'],
  }),
  third('deepseek.r1-v1:0', 'DeepSeek-R1', 'DeepSeek', { geographies: ['us'] }),
  third('deepseek.v3-v1:0', 'DeepSeek-V3.1', 'DeepSeek', { onDemand: ['us-west-2', 'eu-north-1'] }),
  third('openai.gpt-oss-120b-1:0', 'gpt-oss-120b', 'OpenAI', {
    onDemand: ['us-east-1', 'us-west-2', 'eu-north-1'],
    licensed: false,
  }),
  third('openai.gpt-5.5', 'GPT-5.5', 'OpenAI', { onDemand: ['us-east-1', 'us-east-2'] }),
  third('cohere.rerank-v3-5:0', 'Rerank 3.5', 'Cohere', { onDemand: 'everywhere', streams: false }),
  third('twelvelabs.pegasus-1-2-v1:0', 'Pegasus v1.2', 'TwelveLabs', {
    geographies: west,
    input: ['TEXT', 'VIDEO'],
  }),
]
