import {
  type BedrockClient,
  CreateFoundationModelAgreementCommand,
  GetFoundationModelAvailabilityCommand,
  GetUseCaseForModelAccessCommand,
  ListFoundationModelAgreementOffersCommand,
  type Offer,
  PutUseCaseForModelAccessCommand,
} from '@aws-sdk/client-bedrock'
import { isCode } from '../aws/errors.js'
import { LabError } from '../core/error.js'
import type { Emit } from '../core/event.js'
import { poll } from '../core/wait.js'
import { type Ask, asking, askingIfPossible } from './ask.js'
import type { Model } from './model.js'
import { type UseCase, useCaseSchema } from './use-case.js'

/** A model's licence as AWS Marketplace offers it to this account. */
export interface Licence {
  model: Pick<Model, 'modelId' | 'name' | 'provider'>
  /** Where its text can be read. */
  url?: string
  prices: { what: string; price: string; unit: string }[]
  refunds?: string
  duration?: string
}

/**
 * The user's consent to each legal act. It has no default: an implementation must have asked, or have a flag that
 * agrees to exactly this.
 */
export interface Consent {
  /** The completed form for Anthropic, or undefined to skip it. */
  useCase(): Promise<UseCase | undefined>
  /** Whether the licence is accepted. */
  licence(licence: Licence): Promise<boolean>
}

export interface Home {
  /**
   * The client of us-east-1, where the account's form is kept: in other regions Bedrock refuses it as invalid.
   * Default: the lab's own client.
   */
  home?: BedrockClient | undefined
}

/** How long the run waits for a licence, which usually takes a minute, before it continues without it. */
const LICENCE_DEADLINE = 5 * 60_000
const LICENCE_USUAL = 60_000
const POLL_EVERY = 5_000

/**
 * Makes `models` callable as far as the user agrees: first Anthropic's form, which the licences depend on, then each
 * licence; then waits until AWS has set them up. The caller's credentials subscribe, so the instance's role needs no
 * Marketplace permissions. Declined models stay as they were; call `findModels` again.
 * @returns the models for which something was done @throws LabError `use-case-refused`, `licence-refused`,
 * `bedrock-denied`
 */
export async function arrangeAccess(
  bedrock: BedrockClient,
  models: readonly Model[],
  { consent, emit, home = bedrock, ...ask }: Ask & Home & { consent: Consent; emit: Emit },
): Promise<Model[]> {
  const gated = models.filter((model) => model.problem?.reason === 'needs-form')
  const formSent = gated.length > 0 && (await sendForm(home, consent, emit, ask))
  const unlicensed = models.filter(
    (model) => model.problem?.reason === 'needs-licence' || (formSent && gated.includes(model)),
  )
  const accepted: Model[] = []
  for (const model of unlicensed) {
    // Sequentially, because each can ask the user a question.
    if (await acceptLicence(bedrock, model, consent, ask)) accepted.push(model)
  }
  const pending = models.filter((model) => model.problem?.reason === 'licence-pending')
  await Promise.all([...accepted, ...pending].map((model) => untilAvailable(bedrock, model, emit, ask)))
  return [...new Set([...accepted, ...pending, ...(formSent ? gated : [])])]
}

/**
 * Whether the account has sent Anthropic's form; asked of `Home`. If AWS doesn't tell (another partition, a closed
 * region, a missing permission), it counts as sent: the licence is then tried first, and its refusal names the form.
 */
export async function hasUseCase(home: BedrockClient, ask: Ask): Promise<boolean> {
  const sent = await askingIfPossible(
    'bedrock:GetUseCaseForModelAccess',
    "It is not known whether Anthropic's use-case form was sent",
    ask,
    async (abort) => {
      try {
        await home.send(new GetUseCaseForModelAccessCommand({}), abort)
        return true
      } catch (error) {
        if (isCode(error, 'ResourceNotFoundException')) return false
        throw error
      }
    },
  )
  return sent ?? true
}

async function sendForm(home: BedrockClient, consent: Consent, emit: Emit, ask: Ask): Promise<boolean> {
  const answers = await consent.useCase()
  if (!answers) return false
  const formData = new TextEncoder().encode(JSON.stringify(useCaseSchema.parse(answers)))
  try {
    await asking('bedrock:PutUseCaseForModelAccess', ask, (abort) =>
      home.send(new PutUseCaseForModelAccessCommand({ formData }), abort),
    )
  } catch (error) {
    if (!isValidation(error)) throw error
    throw new LabError({
      code: 'use-case-refused',
      what: "AWS refused Anthropic's use-case form.",
      why: error.message,
      fix: [
        'Correct the answers and run the same command again, or send the form in the Bedrock console (Model catalog, any Claude model)',
      ],
      cause: error,
    })
  }
  emit({ type: 'note', text: "Anthropic's use-case form was sent." })
  return true
}

const isValidation = (error: unknown): error is Error => isCode(error, 'ValidationException')

async function acceptLicence(
  bedrock: BedrockClient,
  model: Model,
  consent: Consent,
  ask: Ask,
): Promise<boolean> {
  const { modelId } = model
  // After the form, there may be nothing left to accept.
  if ((await agreementOf(bedrock, modelId, ask)) !== 'NOT_AVAILABLE') return true
  const { offers } = await asking('bedrock:ListFoundationModelAgreementOffers', ask, (abort) =>
    bedrock.send(new ListFoundationModelAgreementOffersCommand({ modelId, offerType: 'PUBLIC' }), abort),
  )
  const offer = offers?.[0]
  if (!offer?.offerToken) throw refused(model, 'AWS Marketplace has no offer of it for this account.')
  const { offerToken } = offer
  if (!(await consent.licence(toLicence(model, offer)))) return false
  try {
    await asking('bedrock:CreateFoundationModelAgreement', ask, (abort) =>
      bedrock.send(new CreateFoundationModelAgreementCommand({ modelId, offerToken }), abort),
    )
  } catch (error) {
    // Someone else accepted it in the meantime.
    if (isCode(error, 'ConflictException')) return true
    if (isValidation(error)) throw refused(model, error.message, error)
    throw error
  }
  return true
}

function refused(model: Model, why: string, cause?: Error): LabError {
  return new LabError({
    code: 'licence-refused',
    what: `${model.name}'s licence could not be accepted.`,
    why,
    fix: [
      "Check the account's payment method and whether its organisation allows AWS Marketplace",
      { command: { path: 'models' }, text: 'lists other models' },
    ],
    cause,
  })
}

function toLicence(model: Model, { termDetails: terms }: Offer): Licence {
  const url = terms?.legalTerm?.url
  const refunds = terms?.supportTerm?.refundPolicyDescription
  const duration = terms?.validityTerm?.agreementDuration
  return {
    model: { modelId: model.modelId, name: model.name, provider: model.provider },
    prices: (terms?.usageBasedPricingTerm?.rateCard ?? []).map((rate) => ({
      what: rate.description ?? rate.dimension ?? 'use',
      price: rate.price ?? '?',
      unit: rate.unit ?? '',
    })),
    ...(url && { url }),
    ...(refunds && { refunds }),
    ...(duration && { duration }),
  }
}

async function agreementOf(bedrock: BedrockClient, modelId: string, ask: Ask): Promise<string | undefined> {
  const answer = await asking('bedrock:GetFoundationModelAvailability', ask, (abort) =>
    bedrock.send(new GetFoundationModelAvailabilityCommand({ modelId }), abort),
  )
  return answer.agreementAvailability?.status
}

/** After the deadline the run continues: the licence will be available later, and `findModels` reports that. */
async function untilAvailable(
  bedrock: BedrockClient,
  { modelId, name }: Model,
  emit: Emit,
  ask: Ask,
): Promise<void> {
  const task = { type: 'task', id: `licence ${modelId}`, name: `licence for ${name}` } as const
  emit({ ...task, state: 'started', detail: 'waiting for AWS to set it up', usualMs: LICENCE_USUAL })
  const { clock, signal } = ask
  const ended = await poll(
    { deadlineMs: LICENCE_DEADLINE, clock, signal, firstMs: POLL_EVERY, maxMs: POLL_EVERY },
    async () => {
      const status = await agreementOf(bedrock, modelId, ask)
      return status === 'AVAILABLE' || status === 'ERROR' ? status : undefined
    },
  )
  if (ended === 'AVAILABLE') return emit({ ...task, state: 'done', detail: 'available' })
  const detail = ended
    ? 'AWS could not set it up'
    : 'not available after 5 minutes; AWS may still be setting it up'
  emit({ ...task, state: 'failed', detail })
}
