import { type Card, cards, type Geography, geographies } from './bedrock-catalogue.js'
import { PAYMENT } from './bedrock-runtime.js'

/** What kind of account Bedrock's control plane plays. */
export type AccountKind =
  /** Everything may be called. */
  | 'open'
  /** Anthropic's form was never sent; then its licences are missing too. */
  | 'form-missing'
  /** The form is there; what Marketplace sells needs its licence, which takes two looks to be set up. */
  | 'licence-missing'
  /** As `licence-missing`, but AWS cannot set the licence up. */
  | 'licence-failing'
  /** Licences were accepted long ago, and AWS never finishes setting them up. */
  | 'licence-stuck'
  /** As `licence-missing`, but the caller may not subscribe at AWS Marketplace. */
  | 'no-marketplace'
  /** As `licence-missing`, but Marketplace makes this account no offer. */
  | 'no-offer'
  /** Nothing may be called by its own id. */
  | 'profile-only'
  /** A region that has no Claude. */
  | 'no-claude'
  /** AWS has not verified the account: nothing is authorised. */
  | 'not-authorised'
  /** Open, but each path refuses its first three calls. */
  | 'throttled'
  /** Every Claude is legacy. */
  | 'legacy'
  /** Open, with members and states that no SDK of today knows. */
  | 'unknown-fields'
  /** A region whose Bedrock has no text model at all. */
  | 'empty'
  /** The caller may not read Bedrock. */
  | 'denied'
  /** The account shares data with providers, so that the models that demand it answer. */
  | 'data-shared'
  /** The account retains nothing, so that the newest models refuse it when they are called. */
  | 'no-retention'
  /** The caller may not read the account's data retention mode. */
  | 'retention-hidden'
  /** A partition without the form, the availability and the retention APIs. */
  | 'few-apis'
  /** AWS Marketplace could not subscribe, because the account has no valid payment method. */
  | 'payment'
  /** As `payment`, but AWS says so only when a model is called. */
  | 'payment-at-call'
  /** Every token quota is zero; AWS says so only when a model is called. */
  | 'zero-quota'
  /** Only Claude's quota is too small for a conversation. */
  | 'small-quota'
  /** Anthropic does not serve the account's country; said only when a model is called. */
  | 'unsupported-country'

export interface BedrockRequest {
  method: string
  /** Without the query, still percent-encoded: "/foundation-model-availability/anthropic.claude-…%3A0". */
  path: string
  query: URLSearchParams
  /** The parsed JSON, or undefined. */
  body: unknown
  region: string
}

export interface BedrockAnswer {
  status: number
  headers?: Record<string, string>
  body: unknown
}

const ACCOUNT = '123456789012'
/** Looks at a licence before it is there. */
const LOOKS = 2
const THROTTLES = 3
/** The kinds whose licences are still to be accepted or set up. */
const UNLICENSED: ReadonlySet<AccountKind> = new Set([
  'form-missing',
  'licence-missing',
  'licence-failing',
  'licence-stuck',
  'no-marketplace',
  'no-offer',
])

/**
 * Bedrock's control plane for one account, in memory: a REST service as botocore's and the SDK's models of
 * it describe it (paths, status codes, error headers, dates as ISO texts). Undefined for a path it lacks.
 */
export function bedrockControlPlane(
  kind: AccountKind,
  account = ACCOUNT,
): (request: BedrockRequest) => BedrockAnswer | undefined {
  let form: string | undefined = kind === 'form-missing' ? undefined : 'eyJjb21wYW55TmFtZSI6IkV4YW1wbGUifQ=='
  const operator = `arn:aws:iam::${account}:user/operator`
  const looksLeft = new Map<string, number>()
  const refusals = new Map<string, number>()

  const licenceOf = (card: Card): string => {
    if (card.licensed && kind === 'payment') return 'ERROR'
    if (!card.licensed || !UNLICENSED.has(kind)) return 'AVAILABLE'
    if (kind === 'licence-stuck') return 'PENDING'
    const looks = looksLeft.get(card.id)
    if (looks === undefined) return 'NOT_AVAILABLE'
    looksLeft.set(card.id, looks - 1)
    if (looks > 0) return 'PENDING'
    return kind === 'licence-failing' ? 'ERROR' : 'AVAILABLE'
  }

  const availability = (id: string, region: string): BedrockAnswer => {
    const card = inRegion(kind, region).find((one) => one.id === id)
    if (!card) return error(404, 'ResourceNotFoundException', 'The provided model identifier is invalid.')
    const status = licenceOf(card)
    return answer({
      modelId: id,
      agreementAvailability: {
        status: kind === 'unknown-fields' && card.provider === 'Meta' ? 'UNDER_REVIEW' : status,
        ...(status === 'ERROR' && {
          errorMessage: kind === 'payment' ? PAYMENT : 'The subscription could not be completed.',
        }),
        ...(kind === 'unknown-fields' && { reviewedBy: 'SOMEONE' }),
      },
      authorizationStatus: kind === 'not-authorised' ? 'NOT_AUTHORIZED' : 'AUTHORIZED',
      entitlementAvailability: 'AVAILABLE',
      regionAvailability: 'AVAILABLE',
      ...(kind === 'unknown-fields' && { quotaAvailability: { state: 'PLENTY' } }),
    })
  }

  const offers = (id: string): BedrockAnswer => {
    const card = cards.find((one) => one.id === id)
    if (!card?.licensed) return error(404, 'ResourceNotFoundException', `No offers for ${id}.`)
    if (card.provider === 'Anthropic' && form === undefined) return formMissing()
    return answer({ modelId: id, offers: kind === 'no-offer' ? [] : [offerOf(card)] })
  }

  const agree = (body: unknown): BedrockAnswer => {
    const { modelId, offerToken } = body as { modelId: string; offerToken: string }
    const card = cards.find((one) => one.id === modelId)
    if (!card || offerToken !== tokenOf(card)) {
      return error(400, 'ValidationException', 'The offer token is invalid.')
    }
    if (card.provider === 'Anthropic' && form === undefined) return formMissing()
    if (kind === 'no-marketplace') {
      const action = 'aws-marketplace:Subscribe'
      return error(
        403,
        'AccessDeniedException',
        `User: ${operator} is not authorized to perform: ${action} on resource: * because no identity-based policy allows the ${action} action`,
      )
    }
    if (looksLeft.has(modelId)) return error(400, 'ConflictException', 'The agreement already exists.')
    looksLeft.set(modelId, LOOKS)
    return answer({ modelId }, 202)
  }

  const deniedFor = (action: string): BedrockAnswer =>
    error(
      403,
      'AccessDeniedException',
      `User: ${operator} is not authorized to perform: bedrock:${action} because no identity-based policy allows the bedrock:${action} action`,
    )

  return ({ method, path, query, body, region }) => {
    const [, route = '', encoded = ''] = path.split('/')
    const id = decodeURIComponent(encoded)
    if (kind === 'throttled') {
      const refused = refusals.get(route) ?? 0
      refusals.set(route, refused + 1)
      if (refused < THROTTLES) return error(429, 'ThrottlingException', 'Too many requests, please wait.')
    }
    if (kind === 'denied') return deniedFor(actionOf(route))
    if (kind === 'few-apis' && FEW_LACK.has(route)) return error(404, 'UnknownOperationException', '')
    switch (`${method} ${route}`) {
      case 'GET data-retention':
        if (kind === 'retention-hidden') return deniedFor('GetAccountDataRetention')
        return answer({ mode: modeOf(kind), updatedAt: '2026-11-01T00:00:00Z' })
      case 'GET foundation-models':
        return answer({
          modelSummaries: inRegion(kind, region)
            .map((card) => summaryOf(kind, card, region))
            .filter(
              (one) =>
                !query.has('byOutputModality') ||
                one.outputModalities.includes(query.get('byOutputModality') ?? ''),
            ),
        })
      case 'GET inference-profiles':
        return answer(page(profilesOf(kind, region, account), query))
      case 'GET foundation-model-availability':
        return availability(id, region)
      case 'GET use-case-for-model-access':
        return form === undefined ? formMissing() : answer({ formData: form })
      case 'POST use-case-for-model-access':
        if (region !== 'us-east-1') return error(400, 'ValidationException', 'Invalid form data.')
        form = (body as { formData: string }).formData
        return answer({}, 201)
      case 'GET list-foundation-model-agreement-offers':
        return offers(id)
      case 'POST create-foundation-model-agreement':
        return agree(body)
      default:
        return undefined
    }
  }
}

/** What a partition lags behind with: routes that it answers with UnknownOperationException. */
const FEW_LACK: ReadonlySet<string> = new Set([
  'use-case-for-model-access',
  'foundation-model-availability',
  'data-retention',
])

/** A fresh account says "inherit": each model's own default then holds. Source: "Data retention", Bedrock user guide. */
const modeOf = (kind: AccountKind): string =>
  kind === 'data-shared' ? 'provider_data_share' : kind === 'no-retention' ? 'none' : 'inherit'

const answer = (body: unknown, status = 200): BedrockAnswer => ({ status, body })

/** restJson errors carry their shape's name in a header. */
const error = (status: number, name: string, message: string): BedrockAnswer => ({
  status,
  headers: { 'x-amzn-errortype': name },
  body: { message },
})

/** AWS's own words. */
const formMissing = (): BedrockAnswer =>
  error(
    404,
    'ResourceNotFoundException',
    'You have not filled out the request form. Fill out the form before getting access.',
  )

const actionOf = (route: string): string =>
  ({
    'foundation-models': 'ListFoundationModels',
    'inference-profiles': 'ListInferenceProfiles',
    'foundation-model-availability': 'GetFoundationModelAvailability',
  })[route] ?? 'GetUseCaseForModelAccess'

function inRegion(kind: AccountKind, region: string): Card[] {
  if (kind === 'empty') return []
  return cards
    .filter((card) => kind !== 'no-claude' || card.provider !== 'Anthropic')
    .map((card) => ({
      ...card,
      ...(kind === 'profile-only' && !card.provisioned && { onDemand: [] }),
      ...(kind === 'legacy' && card.provider === 'Anthropic' && { legacy: true }),
    }))
    .filter(
      (card) =>
        isOnDemand(card, region) ||
        card.provisioned ||
        idsOf(card, region).length > 0 ||
        kind === 'profile-only',
    )
}

const isOnDemand = (card: Card, region: string): boolean =>
  card.onDemand === 'everywhere' || (card.onDemand ?? []).includes(region)

function summaryOf(kind: AccountKind, card: Card, region: string) {
  const throughProfile = !isOnDemand(card, region) && !card.provisioned
  return {
    modelArn: `arn:aws:bedrock:${region}::foundation-model/${card.id}`,
    modelId: card.id,
    modelName: card.name,
    providerName: card.provider,
    inputModalities: card.input ?? ['TEXT'],
    outputModalities: card.output ?? ['TEXT'],
    responseStreamingSupported: card.streams ?? true,
    customizationsSupported: [],
    inferenceTypesSupported: [
      ...(isOnDemand(card, region) ? ['ON_DEMAND'] : []),
      ...(card.provisioned ? ['PROVISIONED'] : []),
      ...(throughProfile ? ['INFERENCE_PROFILE'] : []),
    ],
    modelLifecycle: {
      status: card.legacy ? 'LEGACY' : 'ACTIVE',
      ...(card.released && { startOfLifeTime: `${card.released}T00:00:00Z` }),
      ...(card.legacy && { endOfLifeTime: '2027-01-31T00:00:00Z' }),
    },
    ...(kind === 'unknown-fields' && { reasoningSupported: true, priceClass: { tier: 'GOLD' } }),
  }
}

/** The profiles by which a region reaches a model: those of its geographies, and the global one. */
const idsOf = (card: Card, region: string): ('global' | Geography)[] => [
  ...(card.geographies ?? []).filter((geography) => geographies[geography].includes(region)),
  ...(card.global ? (['global'] as const) : []),
]

function profilesOf(kind: AccountKind, region: string, account: string) {
  const made = (day: number) => new Date(Date.UTC(2024, 7, 26 + day)).toISOString()
  return inRegion(kind, region).flatMap((card) =>
    idsOf(card, region).map((prefix) => ({
      inferenceProfileName: `${prefix.toUpperCase()} ${card.provider} ${card.name}`,
      description: `Routes requests to ${card.name}.`,
      // Later cards of the catalogue are older models.
      createdAt: made(40 * (cards.length - cards.findIndex(({ id }) => id === card.id))),
      updatedAt: made(900),
      inferenceProfileArn: `arn:aws:bedrock:${region}:${account}:inference-profile/${prefix}.${card.id}`,
      models: (prefix === 'global' ? ['', region] : geographies[prefix]).map((destination) => ({
        modelArn: `arn:aws:bedrock:${destination}::foundation-model/${card.id}`,
      })),
      inferenceProfileId: `${prefix}.${card.id}`,
      status: 'ACTIVE',
      type: 'SYSTEM_DEFINED',
    })),
  )
}

/** AWS gives at most so many a page here, whatever is asked for, so that every test turns pages. */
const PAGE = 10

function page(profiles: ReturnType<typeof profilesOf>, query: URLSearchParams) {
  const from = Number(query.get('nextToken') ?? 0)
  const next = from + PAGE
  return {
    inferenceProfileSummaries: profiles.slice(from, next),
    ...(next < profiles.length && { nextToken: String(next) }),
  }
}

const tokenOf = (card: Card): string => `offer-token-for-${card.id}`

const offerOf = (card: Card) => ({
  offerId: `offer-${card.id.replace(/[^a-z0-9]/g, '').slice(0, 13)}`,
  offerToken: tokenOf(card),
  termDetails: {
    usageBasedPricingTerm: {
      rateCard: [
        {
          dimension: 'InputTokenCount',
          price: '3',
          description: 'Million Input Tokens',
          unit: 'Million tokens',
        },
        {
          dimension: 'OutputTokenCount',
          price: '15',
          description: 'Million Response Tokens',
          unit: 'Million tokens',
        },
      ],
    },
    legalTerm: { url: `https://example.com/eula/${card.id}` },
    supportTerm: { refundPolicyDescription: 'No refunds.' },
  },
})
