import { models } from './models.js'
import type { Scenario } from './scenarios.js'

/** The account's data retention mode: the default leaves it to each model. */
export const retentionMode = (scenario: Scenario | undefined) =>
  scenario === 'data-retention' ? ('none' as const) : ('inherit' as const)

/** AWS's message for a call that it refuses to this account; undefined if the model answers. */
export function refusedCall(model: string, scenario: Scenario | undefined): string | undefined {
  const known = models.find(({ id }) => model.endsWith(id))
  if (!known) return 'ValidationException: The provided model identifier is invalid.'
  const sharesOnly = /claude-(fable|mythos)/.test(model)
  const newest = /claude-(sonnet|opus)-5/.test(model)
  if (sharesOnly || (newest && scenario === 'data-retention')) {
    const mode = scenario === 'data-retention' ? 'none' : 'default'
    return `ValidationException: data retention mode '${mode}' is not available for this model`
  }
  if (scenario === 'zero-quota')
    return 'ThrottlingException: Too many tokens, please wait before trying again.'
  if (scenario === 'payment-missing' && known.licence !== 'none') {
    return 'AccessDeniedException: Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be provided. Your AWS Marketplace subscription for this model cannot be completed at this time. If you recently fixed this issue, try again after 5 minutes.'
  }
  return undefined
}
