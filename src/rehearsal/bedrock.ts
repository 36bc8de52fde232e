import { accountId } from './account.js'
import type { Answers } from './answers.js'
import { type CatalogueModel, models, profilesIn } from './models.js'
import { Refusal } from './refusal.js'
import { retentionMode } from './refused-calls.js'
import type { World } from './world.js'

/** How long AWS takes to set up a licence, in milliseconds. */
const licenceIn = 40_000

const modelOf = (id: string | undefined): CatalogueModel => {
  const model = models.find((one) => one.id === id)
  if (!model) throw new Refusal('ResourceNotFoundException', `Could not find the model ${id}.`, 404)
  return model
}

const hasForm = ({ account, scenario }: World) => scenario !== 'form-missing' || account.useCase !== undefined

/** Whether the licence holds: Anthropic's do once the form is there, unless it was missing and they wait for a yes. */
function agreement(model: CatalogueModel, { account, scenario, now }: World) {
  const accepted = account.agreements[model.id]
  if (accepted !== undefined) return accepted <= now ? ('AVAILABLE' as const) : ('PENDING' as const)
  const open = model.licence === 'none' || (model.licence === 'form' && scenario !== 'form-missing')
  return open ? ('AVAILABLE' as const) : ('NOT_AVAILABLE' as const)
}

const modelArn = (region: string, id: string) => `arn:aws:bedrock:${region}::foundation-model/${id}`

const profileView = (profile: ReturnType<typeof profilesIn>[number], region: string) => ({
  inferenceProfileName: profile.name,
  inferenceProfileId: profile.id,
  inferenceProfileArn: `arn:aws:bedrock:${region}:${accountId}:inference-profile/${profile.id}`,
  models: profile.destinations.map((destination) => ({ modelArn: modelArn(destination, profile.model) })),
  status: 'ACTIVE' as const,
  type: 'SYSTEM_DEFINED' as const,
  createdAt: new Date(profile.released),
  updatedAt: new Date(profile.released),
  description: `Routes requests to ${profile.name}.`,
})

const summary = (model: CatalogueModel, region: string) => ({
  modelArn: modelArn(region, model.id),
  modelId: model.id,
  modelName: model.name,
  providerName: model.provider,
  inputModalities: model.sees ? (['TEXT', 'IMAGE'] as const).slice() : (['TEXT'] as const).slice(),
  outputModalities: (['TEXT'] as const).slice(),
  responseStreamingSupported: true,
  customizationsSupported: [],
  inferenceTypesSupported: [model.direct ? ('ON_DEMAND' as const) : ('INFERENCE_PROFILE' as never)],
  modelLifecycle: {
    status: model.legacy ? ('LEGACY' as const) : ('ACTIVE' as const),
    startOfLifeTime: new Date(model.released),
  },
})

export const bedrock = {
  ListFoundationModels(input, { region }) {
    return {
      modelSummaries: models
        .filter(
          (model) => !input.byProvider || model.provider.toLowerCase() === input.byProvider.toLowerCase(),
        )
        .filter(() => !input.byOutputModality || input.byOutputModality === 'TEXT')
        .map((model) => summary(model, region)),
    }
  },

  ListInferenceProfiles(input, { region }) {
    if (input.typeEquals === 'APPLICATION') return { inferenceProfileSummaries: [] }
    return { inferenceProfileSummaries: profilesIn(region).map((profile) => profileView(profile, region)) }
  },

  GetFoundationModelAvailability(input, world) {
    const model = modelOf(input.modelId)
    return {
      modelId: model.id,
      agreementAvailability: { status: agreement(model, world) },
      authorizationStatus: world.scenario === 'no-callable-model' ? 'NOT_AUTHORIZED' : 'AUTHORIZED',
      entitlementAvailability: 'AVAILABLE',
      regionAvailability: 'AVAILABLE',
    }
  },

  GetAccountDataRetention(_input, { scenario }) {
    return { mode: retentionMode(scenario) }
  },

  GetUseCaseForModelAccess(_input, world) {
    if (!hasForm(world)) {
      throw new Refusal('ResourceNotFoundException', 'No use case was submitted for this account.', 404)
    }
    return { formData: new TextEncoder().encode(world.account.useCase ?? '{}') }
  },

  PutUseCaseForModelAccess(input, { account }) {
    account.useCase = new TextDecoder().decode(input.formData)
    return {}
  },

  ListFoundationModelAgreementOffers(input, world) {
    const model = modelOf(input.modelId)
    if (model.licence === 'form' && !hasForm(world)) {
      throw new Refusal(
        'ValidationException',
        'Model use case details have not been submitted for this account.',
      )
    }
    return {
      modelId: model.id,
      offers: [
        {
          offerToken: `rehearsal-${model.id}`,
          termDetails: {
            usageBasedPricingTerm: {
              rateCard: [
                {
                  dimension: 'input',
                  description: 'Million Input Tokens (played)',
                  price: '0.00',
                  unit: 'Million tokens',
                },
              ],
            },
            legalTerm: { url: 'https://aws.amazon.com/legal/bedrock/third-party-models/' },
            supportTerm: { refundPolicyDescription: 'A rehearsal costs nothing.' },
          },
        },
      ],
    }
  },

  CreateFoundationModelAgreement(input, world) {
    const model = modelOf(input.modelId)
    if (input.offerToken !== `rehearsal-${model.id}`)
      throw new Refusal('ValidationException', 'The offer token is invalid.')
    if (agreement(model, world) !== 'NOT_AVAILABLE') {
      throw new Refusal('ConflictException', 'An agreement for this model exists already.')
    }
    world.account.agreements[model.id] = world.after(licenceIn)
    return { modelId: model.id }
  },
} satisfies Answers<typeof import('@aws-sdk/client-bedrock')>
