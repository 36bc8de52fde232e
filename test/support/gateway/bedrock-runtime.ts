import type { AccountKind } from './bedrock.js'

/*
 * What Bedrock's runtime says when it refuses a call, word for word as users report it:
 * payment: github.com/Tracer-Cloud/opensre/pull/1811 · country: github.com/aws-samples/generative-bi-using-rag/issues/361
 * retention: github.com/pydantic/pydantic-ai/pull/8341, dev.to/aws/how-to-fix-claude-fable-5-data-retention-error-on-amazon-bedrock-l7l
 * tokens, form, Marketplace: "Troubleshooting Amazon Bedrock API error codes" and "Access Amazon Bedrock foundation models"
 */
export const PAYMENT =
  'Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be provided. Your AWS Marketplace subscription for this model cannot be completed at this time. If you recently fixed this issue, try again after 5 minutes.'
const COUNTRY =
  'Access to Anthropic models is not allowed from unsupported countries, regions, or territories. Please refer to https://www.anthropic.com/supported-countries for more information on the countries and regions Anthropic currently supports.'
const TOKENS = 'Too many tokens, please wait before trying again.'

const retention = (mode: string): string => `data retention mode '${mode}' is not available for this model`

/** The tokens of one request that a small quota still lets through. */
const SMALL_QUOTA = 4096

/** Anthropic's and other models that Marketplace sells. */
const isSold = (model: string): boolean => !/amazon\.|openai\.gpt-oss/.test(model)

/**
 * Why an account of this kind refuses a call, as the SDK words the error; undefined where the model answers.
 * A quota is checked when the request starts, against all tokens that the answer may have.
 */
export function refusalOf(kind: AccountKind, model: string, maxTokens: number): string | undefined {
  const claude = model.includes('anthropic.')
  if (/claude-(fable|mythos)/.test(model) && kind !== 'data-shared')
    return `ValidationException: ${retention(kind === 'no-retention' ? 'none' : 'default')}`
  switch (kind) {
    case 'no-retention':
      return /claude-(sonnet|opus)-5/.test(model) ? `ValidationException: ${retention('none')}` : undefined
    case 'payment':
    case 'payment-at-call':
      return isSold(model) ? `AccessDeniedException: ${PAYMENT}` : undefined
    case 'zero-quota':
      return `ThrottlingException: ${TOKENS}`
    case 'small-quota':
      return claude && maxTokens > SMALL_QUOTA ? `ThrottlingException: ${TOKENS}` : undefined
    case 'unsupported-country':
      return claude ? `ValidationException: ${COUNTRY}` : undefined
    default:
      return undefined
  }
}
