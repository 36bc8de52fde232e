import type { ChatProof } from './proof.js'

export interface Explanation {
  /** One sentence: why the model did not answer. */
  cause: string
  /** What mends it, one step each. */
  fix: string[]
}

interface Known {
  sign: RegExp
  explain: (context: { role: string | undefined; region: string; model: string }) => Explanation
}

const up = 'Run librechat-lab up: it mends what it finds'
const again = 'Wait up to 15 minutes, then librechat-lab status --chat'

/**
 * What Bedrock, the SDK and the network say, in the order in which a sign is sought. The texts are AWS's own,
 * as its error messages and troubleshooting pages give them.
 */
const KNOWN: readonly Known[] = [
  {
    sign: /ContainerNotRunning/,
    explain: () => ({
      cause: "LibreChat's container does not run, so nobody could ask.",
      fix: [up, 'See why: librechat-lab logs'],
    }),
  },
  {
    sign: /Cannot find module/,
    explain: () => ({
      cause: "LibreChat's image has no AWS SDK where this version of librechat-lab looks for it.",
      fix: ['Use the newest version: npx librechat-lab@latest up'],
    }),
  },
  {
    sign: /CredentialsProviderError|Could not load credentials/,
    explain: ({ role }) =>
      role
        ? {
            cause: `The instance has its role ${role}, but LibreChat's container cannot reach the metadata service: the hop limit is below 2, or the host's rule keeps the container out.`,
            fix: [up],
          }
        : { cause: 'The instance has no role, so nothing on it may call Bedrock.', fix: [up] },
  },
  {
    sign: /explicit deny in a (service|resource) control policy/,
    explain: () => ({
      cause: "A policy of the account's organisation forbids it.",
      fix: [
        "Ask the organisation's administrator to allow bedrock:InvokeModelWithResponseStream in every region of the profile",
        'Or choose models of fewer regions: librechat-lab models',
      ],
    }),
  },
  {
    sign: /explicit deny|permissions boundary/,
    explain: () => ({
      cause: 'A policy with an explicit deny, or a permissions boundary, keeps the role from calling it.',
      fix: ['Remove the deny, or widen the boundary, for bedrock:InvokeModelWithResponseStream'],
    }),
  },
  {
    sign: /aws-marketplace/,
    explain: ({ model }) => ({
      cause:
        "The model's licence is not accepted for this account, and the role may not accept it (on purpose).",
      fix: [`librechat-lab up --models ${model}`, again],
    }),
  },
  {
    sign: /not authorized to perform: bedrock:/,
    explain: () => ({ cause: "The role's policy does not hold this model.", fix: [up] }),
  },
  {
    sign: /use case details have not been submitted/i,
    explain: () => ({
      cause: "Anthropic's use-case form is missing, or it was sent a moment ago and has not spread yet.",
      fix: ['librechat-lab up asks for it', again],
    }),
  },
  {
    sign: /is not available for this account/,
    explain: () => ({
      cause: 'AWS has not opened this model to the account, although it lists it.',
      fix: [again, 'Then ask AWS Support, or choose another model: librechat-lab models'],
    }),
  },
  {
    sign: /Operation not allowed/,
    explain: () => ({
      cause: 'AWS has not cleared this account for Bedrock yet, as happens with new accounts.',
      fix: ['Open a case with AWS Support (account and billing)'],
    }),
  },
  {
    sign: /don't have access to the model|AccessDeniedException/,
    explain: () => ({
      cause:
        'The account has no access to the model; a licence that was just accepted may still be spreading.',
      fix: [again, up],
    }),
  },
  {
    sign: /Too many tokens/,
    explain: ({ region }) => ({
      cause: "The account's token quota for this model is used up; new accounts often have a quota of zero.",
      fix: [
        `Look at the quotas and ask for more: https://${region}.console.aws.amazon.com/servicequotas/home/services/bedrock/quotas`,
        'Or choose another model: librechat-lab models',
      ],
    }),
  },
  {
    sign: /ThrottlingException|ServiceUnavailable|ModelNotReady|InternalServerException|ModelTimeout/,
    explain: () => ({
      cause: 'Bedrock is busy, or the account calls it too often.',
      fix: ['Try again in a minute: librechat-lab status --chat'],
    }),
  },
  {
    sign: /on-demand throughput isn.t supported/,
    explain: () => ({ cause: 'The model is only called through an inference profile.', fix: [up] }),
  },
  {
    sign: /marked by provider as Legacy|end of its life/i,
    explain: () => ({
      cause: 'AWS is retiring the model.',
      fix: ['librechat-lab up takes it out of the menu and picks a newer one'],
    }),
  },
  {
    sign: /model identifier is invalid|ResourceNotFoundException/,
    explain: ({ region }) => ({ cause: `There is no such model in ${region} any more.`, fix: [up] }),
  },
  {
    sign: /TimeoutError|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH/,
    explain: ({ region }) => ({
      cause: `LibreChat's container got no answer from Bedrock in ${region}: the network, or a very slow model.`,
      fix: [
        'Check that the subnet has a way out and that no firewall stops HTTPS',
        'Then librechat-lab status --chat',
      ],
    }),
  },
]

/**
 * Why a model did not answer, and what to do. What is not known is passed on in AWS's words.
 * @param role the proof's `role`: it tells a missing role from a hop limit
 */
export function explain(
  { model, error }: Extract<ChatProof, { ok: false }>,
  { role, region }: { role?: string | undefined; region: string },
): Explanation {
  const known = KNOWN.find(({ sign }) => sign.test(error))
  if (known) return known.explain({ role, region, model })
  return { cause: error, fix: ['Try again: librechat-lab status --chat'] }
}
