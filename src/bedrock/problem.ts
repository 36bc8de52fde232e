import type { GetFoundationModelAvailabilityResponse } from '@aws-sdk/client-bedrock'
import type { Entry } from './catalogue.js'
import { explain, paymentExplained, retentionExplained } from './explain.js'
import type { Problem } from './model.js'

/** AWS's answer; undefined if it doesn't know the model, "unsupported" in a partition without this call. */
export type Availability = GetFoundationModelAvailabilityResponse | 'unsupported' | undefined

/**
 * Whether the model refuses accounts that do not share data with its provider, although AWS lists it as available.
 * Source: "Data retention", Amazon Bedrock user guide; so far Anthropic's Fable and Mythos models.
 */
export const needsRetention = ({ summary }: { summary: { modelId: string } }): boolean =>
  /claude-(fable|mythos)/.test(summary.modelId)

/** The modes in which such a model answers. */
const sharing: readonly string[] = ['provider_data_share', 'aws_review']

/**
 * Why the model can't be called, the nearest cause first; undefined if it can. The states are those of
 * `GetFoundationModelAvailability`; an unknown state never counts as available.
 */
export function problemOf(
  { summary, routes }: Entry,
  availability: Availability,
  {
    region,
    hasForm,
    retention,
  }: {
    region: string
    hasForm: boolean
    /** The account's data retention mode, if known. */
    retention?: string | undefined
  },
): Problem | undefined {
  const name = summary.modelName ?? summary.modelId
  if (summary.modelLifecycle?.status === 'LEGACY') {
    // AWS refuses a legacy model to an account that has not called it within the last 30 days.
    return {
      reason: 'legacy',
      what: `${name} is legacy: AWS is retiring it${until(summary.modelLifecycle.endOfLifeTime)} and refuses it to accounts that do not use it already.`,
      fix: 'Choose a newer model',
    }
  }
  if (routes.length === 0) {
    return {
      reason: 'needs-profile',
      what: `${name} is only called through an inference profile, and none leads to it from ${region}.`,
      fix: 'Choose another region or another model',
    }
  }
  if (availability === 'unsupported') return undefined
  if (!availability) {
    return {
      reason: 'unclear',
      what: `AWS lists ${name} but does not say whether this account may call it.`,
      fix: 'Try it in the Bedrock console, or choose another model',
    }
  }
  const { regionAvailability, entitlementAvailability, authorizationStatus } = availability
  const agreement = availability.agreementAvailability
  if (regionAvailability !== 'AVAILABLE') {
    return {
      reason: 'not-in-region',
      what: `${name} is not available in ${region}.`,
      fix: 'Choose another region with --region, or another model',
    }
  }
  if (entitlementAvailability !== 'AVAILABLE') {
    return {
      reason: 'not-entitled',
      what: `AWS does not offer ${name} to this account.`,
      fix: 'Choose another model, or ask AWS Support why the account is not entitled to it',
    }
  }
  // Before the form and the licence, which don't help while the account's mode refuses the model.
  const refusing = retention !== undefined && !sharing.includes(retention)
  if (refusing && authorizationStatus === 'AUTHORIZED' && needsRetention({ summary }))
    return { reason: 'needs-retention', ...retentionExplained(name, retention) }
  if (agreement?.status === 'NOT_AVAILABLE' && summary.providerName === 'Anthropic' && !hasForm) {
    return {
      reason: 'needs-form',
      what: `${name} needs Anthropic's use-case form, sent once for the account.`,
      fix: [
        'Run ',
        { path: 'up', flags: { models: 'default' } },
        ' and answer its questions, or give them with --use-case-file',
      ],
    }
  }
  if (authorizationStatus !== 'AUTHORIZED') {
    return {
      reason: 'not-authorised',
      what: `This account is not authorised to call ${name}: AWS has not verified the account yet, or an organisation's policy denies it.`,
      fix: "Ask the organisation's administrator, or open a case with AWS Support (account and billing)",
    }
  }
  if (agreement?.status === 'AVAILABLE') return undefined
  return licenceProblem(name, agreement?.status, agreement?.errorMessage)
}

function licenceProblem(name: string, status: string | undefined, message: string | undefined): Problem {
  switch (status) {
    case 'NOT_AVAILABLE':
      return {
        reason: 'needs-licence',
        what: `${name} needs its licence accepted for this account.`,
        fix: [
          'Name it in ',
          { path: 'up', flags: { models: '<ids>' } },
          ', read the licence and accept it, or pass --accept-licences',
        ],
      }
    case 'PENDING':
      return {
        reason: 'licence-pending',
        what: `${name}'s licence was accepted a moment ago, and AWS is still setting it up.`,
        fix: 'Wait a few minutes and run the same command again',
      }
    case 'ERROR':
      if (message && isPayment(message)) {
        return {
          reason: 'needs-payment',
          what: `${name} can't be called: ${paymentExplained.what}`,
          fix: paymentExplained.fix,
        }
      }
      return {
        reason: 'licence-failed',
        what: `AWS could not set up ${name}'s licence${message ? `: ${message}` : '.'}`,
        fix: "Check the account's payment method and AWS Marketplace permissions, then run the same command again",
      }
    default:
      return {
        reason: 'unclear',
        what: `AWS gives the state of ${name}'s licence as ${status ?? 'nothing'}, which this version does not know.`,
        fix: 'Try the model in the Bedrock console, or choose another one',
      }
  }
}

const isPayment = (error: string): boolean =>
  explain({ model: '', error }, { region: '' }).reason === 'payment'

const until = (end: Date | undefined): string => (end ? ` on ${end.toISOString().slice(0, 10)}` : '')
