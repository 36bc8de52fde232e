import { answerTokens } from '../core/answer-tokens.js'
import type { CommandLine, Prose } from '../core/error.js'

/** Why a model doesn't answer, as a code for scripts. */
type Reason =
  | 'container'
  | 'credentials'
  | 'expired-credentials'
  | 'organisation'
  | 'denied'
  | 'policy'
  | 'retention'
  | 'payment'
  | 'country'
  | 'licence'
  | 'form'
  | 'not-opened'
  | 'not-cleared'
  | 'no-access'
  | 'quota'
  | 'busy'
  | 'profile'
  | 'not-conversational'
  | 'answer-too-long'
  | 'legacy'
  | 'region'
  | 'network'
  | 'unknown'

export interface Explanation {
  reason: Reason
  /** One sentence: why the model did not answer. */
  cause: string
  /** What to do, one step each. */
  fix: Prose[]
}

interface Known {
  sign: RegExp
  reason: Reason
  explain: (context: {
    role: string | undefined
    region: string
    model: string
    error: string
    /** The tokens that each answer reserves of the quota. */
    maxTokens: number
  }) => Omit<Explanation, 'reason'>
}

const up: Prose = [{ path: 'up' }, '   repairs it and asks the models again']
const statusChat: CommandLine = { path: 'status', flags: { chat: true } }
const again: Prose = [statusChat, '   asks again; changes in AWS can take 15 minutes']
const fewerTokens = (maxTokens: string): CommandLine => ({ path: 'up', flags: { 'max-tokens': maxTokens } })
const others: Prose = ['Or choose other models: ', { path: 'models' }]

/** Billing has one console per partition, independent of the lab's region. */
const payments = 'https://console.aws.amazon.com/billing/home#/paymentpreferences'

/** The explanation for Anthropic's newest models. Also used before a call, based on the account's mode. */
export const retentionExplained = (name: string, mode: string | undefined) => ({
  what: `${name} requires that prompts and answers are kept for up to 30 days and may be shared with its provider; ${
    mode
      ? `this account's data retention mode is "${mode}"`
      : "this account's data retention mode is not known"
  }.`,
  fix: 'Choose another model, or decide yourself to share data (mode provider_data_share): https://docs.aws.amazon.com/bedrock/latest/userguide/data-retention.html',
})

export const paymentExplained: { what: string; fix: Prose } = {
  what: 'AWS Marketplace has no valid payment method for this account, so the model cannot be subscribed to.',
  fix: ['Add a valid payment method, wait 5 minutes and run ', { path: 'up' }, ` again: ${payments}`],
}

/**
 * Errors of Bedrock, the SDK and the network, in the order in which they are tried. The patterns match AWS's error
 * messages and troubleshooting pages; test/support/gateway/bedrock-runtime.ts names their sources.
 */
const KNOWN: readonly Known[] = [
  {
    sign: /ContainerNotRunning/,
    reason: 'container',
    explain: () => ({
      cause: "LibreChat's container is not running, so no model could be asked.",
      fix: [up, [{ path: 'logs' }, '   shows why']],
    }),
  },
  {
    sign: /Cannot find module/,
    reason: 'container',
    explain: () => ({
      cause: "LibreChat's image lacks a module that this version of librechat-lab uses to ask the models.",
      fix: ['Use the newest version: npx librechat-lab@latest up'],
    }),
  },
  {
    sign: /CredentialsProviderError|Could not load credentials/,
    reason: 'credentials',
    explain: ({ role }) =>
      role
        ? {
            cause: `The instance has its role ${role}, but LibreChat's container cannot reach the metadata service: the hop limit is below 2, or the host's rule keeps the container out.`,
            fix: [up],
          }
        : { cause: 'The instance has no role, so nothing on it may call Bedrock.', fix: [up] },
  },
  {
    // "The security token included in the request is expired" is the token of the instance's role.
    sign: /ExpiredToken|security token included in the request is expired|InvalidSignatureException|Signature expired/,
    reason: 'expired-credentials',
    explain: () => ({
      cause:
        "The instance's credentials have expired: its clock is wrong, or its role was taken away and AWS has not given it new ones.",
      fix: [up, ['If that does not help, restart the instance in the EC2 console, then ', statusChat]],
    }),
  },
  {
    sign: /data retention mode/i,
    reason: 'retention',
    explain: ({ error }) => {
      const { what, fix } = retentionExplained('The model', /mode '(\w+)'/.exec(error)?.[1])
      return { cause: what, fix: [fix] }
    },
  },
  {
    sign: /INVALID_PAYMENT_INSTRUMENT|valid payment instrument/,
    reason: 'payment',
    explain: () => ({ cause: paymentExplained.what, fix: [paymentExplained.fix, others] }),
  },
  {
    sign: /not allowed from unsupported countries/,
    reason: 'country',
    explain: () => ({
      cause:
        'Anthropic does not serve Claude to the country of this account or region: https://www.anthropic.com/supported-countries',
      fix: [['Choose models of other providers: ', { path: 'models' }]],
    }),
  },
  {
    sign: /explicit deny in a (service|resource) control policy/,
    reason: 'organisation',
    explain: () => ({
      cause: "A policy of the account's organisation denies the call.",
      fix: [
        "Ask the organisation's administrator to allow bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream in every region of the profile",
        ['Or choose models of fewer regions: ', { path: 'models' }],
      ],
    }),
  },
  {
    sign: /explicit deny|permissions boundary/,
    reason: 'denied',
    explain: () => ({
      cause: 'A policy with an explicit deny, or a permissions boundary, keeps the role from calling it.',
      fix: [
        'Remove the deny, or widen the boundary, for bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream',
      ],
    }),
  },
  {
    sign: /aws-marketplace/,
    reason: 'licence',
    explain: ({ model }) => ({
      cause:
        "The model's licence is not accepted for this account, and the instance's role may not accept it (on purpose).",
      fix: [[{ path: 'up', flags: { models: model } }, '   asks for it'], again],
    }),
  },
  {
    sign: /not authorized to perform: bedrock:/,
    reason: 'policy',
    explain: () => ({ cause: "The role's policy does not hold this model.", fix: [up] }),
  },
  {
    sign: /use case details have not been submitted/i,
    reason: 'form',
    explain: () => ({
      cause: "Anthropic's use-case form is missing, or it was sent a moment ago and has not spread yet.",
      fix: [[{ path: 'up', flags: { 'use-case-file': '<file>' } }, '   sends it'], again],
    }),
  },
  {
    sign: /is not available for this account/,
    reason: 'not-opened',
    explain: () => ({
      cause: 'AWS lists this model but has not opened it to the account.',
      fix: [again, 'Ask AWS Support to open it', others],
    }),
  },
  {
    sign: /Operation not allowed/,
    reason: 'not-cleared',
    explain: () => ({
      cause: 'AWS has not cleared this account for Bedrock yet, as happens with new accounts.',
      fix: ['Open a case with AWS Support (account and billing)'],
    }),
  },
  {
    sign: /on-demand throughput isn.t supported/,
    reason: 'profile',
    explain: () => ({
      cause: 'The model is only called through an inference profile.',
      fix: [['Name its profile: ', { path: 'models' }, ' lists them']],
    }),
  },
  {
    sign: /(doesn|does not|isn|is not)[’'t ]* support(ed)?.*(model|Converse|operation)|did not allow prompt caching|extraneous key/i,
    reason: 'not-conversational',
    explain: () => ({
      cause: "The model does not take LibreChat's requests (Bedrock's Converse API with its parameters).",
      fix: [['Choose another model: ', { path: 'models' }]],
    }),
  },
  {
    sign: /don't have access to the model|AccessDeniedException/,
    reason: 'no-access',
    explain: ({ model }) => ({
      cause:
        'The account has no access to the model; a licence that was just accepted may still be settling.',
      fix: [again, [{ path: 'up', flags: { models: model } }, '   asks for the licence again']],
    }),
  },
  {
    sign: /Too many tokens|tokens per (minute|day)/,
    reason: 'quota',
    explain: ({ region, maxTokens }) => ({
      cause:
        "The account's token quota for this model is too small for one conversation or used up; new accounts often have a quota of zero.",
      fix: [
        `Look at the quotas and ask for more: https://${region}.console.aws.amazon.com/servicequotas/home/services/bedrock/quotas`,
        ...(maxTokens > answerTokens.least
          ? [['Or reserve fewer tokens for each answer: ', fewerTokens(String(answerTokens.least))]]
          : []),
        others,
      ],
    }),
  },
  {
    sign: /ThrottlingException|ServiceUnavailable|ModelNotReady|InternalServerException|ModelTimeout/,
    reason: 'busy',
    explain: () => ({
      cause: 'Bedrock is busy, or the account calls it too often.',
      fix: [['Wait a minute, then ', statusChat]],
    }),
  },
  {
    sign: /maximum tokens you requested|exceeds the (model|maximum).*limit/i,
    reason: 'answer-too-long',
    explain: () => ({
      cause: 'The model gives shorter answers than the lab asks for.',
      fix: [['Ask for fewer tokens: ', fewerTokens('4096')], others],
    }),
  },
  {
    sign: /marked by provider as Legacy|end of its life/i,
    reason: 'legacy',
    explain: () => ({
      cause: 'AWS is retiring the model.',
      fix: [['Choose a newer one: ', { path: 'models' }]],
    }),
  },
  {
    sign: /model identifier is invalid|ResourceNotFoundException/,
    reason: 'region',
    explain: ({ region }) => ({
      cause: `There is no such model in ${region}.`,
      fix: [['Choose another model, or another region for a new lab: ', { path: 'models' }]],
    }),
  },
  {
    sign: /TimeoutError|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH/,
    reason: 'network',
    explain: ({ region }) => ({
      cause: `LibreChat's container got no answer from Bedrock in ${region}: the network, or a very slow model.`,
      fix: ['Check that the subnet has a way out and that no firewall stops HTTPS', ['Then ', statusChat]],
    }),
  },
]

/**
 * Why a model did not answer, and what to do. Unknown errors are passed on in AWS's words.
 * @param role the proof's `role`: it distinguishes a missing role from a hop limit
 */
export function explain(
  { model, error }: { model: string; error: string },
  {
    role,
    region,
    maxTokens = answerTokens.default,
  }: { role?: string | undefined; region: string; maxTokens?: number | undefined },
): Explanation {
  const known = KNOWN.find(({ sign }) => sign.test(error))
  if (known) return { reason: known.reason, ...known.explain({ role, region, model, error, maxTokens }) }
  return { reason: 'unknown', cause: error, fix: [['Ask again: ', statusChat], others] }
}
