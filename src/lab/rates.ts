/**
 * Parts of model ids for which LibreChat v0.8.8 has a rate of its own, as its tokenValues has them
 * (packages/data-schemas/src/methods/tx.ts). A model with none of them is counted at a default of $6 a million
 * tokens, and an unknown Claude at $0.80 and $2.40, whatever AWS charges. The other names in tokenValues are models
 * that Bedrock doesn't have.
 */
const rated = [
  ...['claude-2', 'claude-3-haiku', 'claude-3-sonnet', 'claude-3-opus', 'claude-3-5-', 'claude-3-7-sonnet'],
  ...['claude-haiku-4-5', 'claude-instant', 'claude-opus-4', 'claude-opus-5', 'claude-sonnet-4'],
  ...['claude-sonnet-5', 'claude-fable-5', 'claude-mythos-5'],
  ...['nova-micro', 'nova-lite', 'nova-pro', 'nova-premier', 'nova-2-lite', 'titan-text-'],
  ...[
    'llama2',
    'llama3',
    'llama4',
    'mistral-',
    'mixtral-8x',
    'pixtral-large',
    'ministral-3b',
    'ministral-8b',
  ],
  ...['ministral-14b-2512', 'voxtral', 'devstral', 'command', 'jamba-instruct', 'j2-mid', 'j2-ultra'],
  ...['deepseek', 'gpt-oss', 'qwen', 'gemma', 'glm-4', 'glm-5', 'kimi', 'moonshot', 'minimax-m'],
] as const

/** Whether LibreChat has a price for the model. */
export const hasRate = (modelId: string): boolean => rated.some((part) => modelId.includes(part))
