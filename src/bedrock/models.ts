import {
  type BedrockClient,
  GetAccountDataRetentionCommand,
  GetFoundationModelAvailabilityCommand,
} from '@aws-sdk/client-bedrock'
import { isCode } from '../aws/errors.js'
import { type Home, hasUseCase } from './access.js'
import { type Ask, asking, askingIfPossible } from './ask.js'
import { catalogue, type Entry } from './catalogue.js'
import { retentionExplained } from './explain.js'
import type { Model, Problem } from './model.js'
import { type Availability, needsRetention, problemOf } from './problem.js'

/** Concurrent availability calls, so that about sixty models take a few seconds. */
const AT_ONCE = 8

/**
 * Every text chat model of the account in `region`, Claude first, then by provider, newest first; each with whether
 * it can be called, and what to do if not. Reads only. @throws LabError `bedrock-denied`, `no-bedrock-in-region`
 */
export async function findModels(
  bedrock: BedrockClient,
  { region, home = bedrock, ...ask }: Ask & Home & { region: string },
): Promise<Model[]> {
  const entries = await catalogue(bedrock, region, ask)
  const availabilities = await mapAtOnce(entries, AT_ONCE, (entry) =>
    isWorthAsking(entry) ? availabilityOf(bedrock, entry.summary.modelId, ask) : undefined,
  )
  // Checks the form only if it may be missing: accounts of an organisation inherit it.
  const mayLackForm = availabilities.some(
    (availability, index) =>
      entries[index]?.summary.providerName === 'Anthropic' &&
      availability !== 'unsupported' &&
      availability?.agreementAvailability?.status === 'NOT_AVAILABLE',
  )
  const [hasForm, retention] = await Promise.all([
    !mayLackForm || hasUseCase(home, ask),
    entries.some(needsRetention) ? retentionMode(bedrock, ask) : undefined,
  ])
  return entries
    .map((entry, index) =>
      toModel(entry, problemOf(entry, availabilities[index], { region, hasForm, retention })),
    )
    .map((model) =>
      model.callable && retention === undefined && needsRetention({ summary: model })
        ? { ...model, doubt: retentionExplained(model.name, undefined).what }
        : model,
    )
    .sort(compare)
}

/** "default", "none", "inherit", "provider_data_share", …; undefined if unknown. */
async function retentionMode(bedrock: BedrockClient, ask: Ask): Promise<string | undefined> {
  const answer = await askingIfPossible(
    'bedrock:GetAccountDataRetention',
    "The account's data retention mode is not known",
    ask,
    (abort) => bedrock.send(new GetAccountDataRetentionCommand({}), abort),
  )
  return answer?.mode
}

const isWorthAsking = ({ summary, routes }: Entry): boolean =>
  routes.length > 0 && summary.modelLifecycle?.status !== 'LEGACY'

/** Undefined if AWS doesn't know the model; "unsupported" in a partition without this call. */
async function availabilityOf(bedrock: BedrockClient, modelId: string, ask: Ask): Promise<Availability> {
  try {
    return await asking('bedrock:GetFoundationModelAvailability', ask, (abort) =>
      bedrock.send(new GetFoundationModelAvailabilityCommand({ modelId }), abort),
    )
  } catch (error) {
    if (isCode(error, 'ResourceNotFoundException', 'ValidationException')) return undefined
    if (isCode(error, 'UnknownOperationException')) return 'unsupported'
    throw error
  }
}

function toModel({ summary, routes, seenAt }: Entry, problem: Problem | undefined): Model {
  const releasedAt = summary.modelLifecycle?.startOfLifeTime ?? dateIn(summary.modelId) ?? seenAt
  return {
    ...(routes[0] ?? { id: summary.modelId }),
    modelId: summary.modelId,
    name: summary.modelName ?? summary.modelId,
    provider: summary.providerName ?? 'Other',
    callable: problem === undefined,
    ...(problem && { problem }),
    routes,
    ...(releasedAt && { releasedAt }),
  }
}

/** Many models' ids contain their release date: `anthropic.claude-haiku-4-5-20251001-v1:0`. */
function dateIn(modelId: string): Date | undefined {
  const [, year, month, day] = /\b(20\d\d)(\d\d)(\d\d)\b/.exec(modelId) ?? []
  return year ? new Date(`${year}-${month}-${day}T00:00:00Z`) : undefined
}

const PROVIDERS_FIRST = ['Anthropic', 'Amazon']

function compare(a: Model, b: Model): number {
  return (
    rank(a.provider) - rank(b.provider) ||
    a.provider.localeCompare(b.provider) ||
    (b.releasedAt?.getTime() ?? 0) - (a.releasedAt?.getTime() ?? 0) ||
    b.name.localeCompare(a.name, 'en', { numeric: true }) ||
    a.modelId.localeCompare(b.modelId)
  )
}

function rank(provider: string): number {
  const index = PROVIDERS_FIRST.indexOf(provider)
  return index === -1 ? PROVIDERS_FIRST.length : index
}

/** Like `Promise.all(items.map(work))`, with at most `limit` running; the results are in the items' order. */
async function mapAtOnce<Item, Answer>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Answer> | Answer,
): Promise<Answer[]> {
  const answers: Answer[] = []
  const queue = items.entries()
  const worker = async () => {
    for (const [index, item] of queue) answers[index] = await work(item)
  }
  await Promise.all(Array.from({ length: limit }, worker))
  return answers
}
