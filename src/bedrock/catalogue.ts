import {
  type BedrockClient,
  type FoundationModelSummary,
  type InferenceProfileSummary,
  ListFoundationModelsCommand,
  ListInferenceProfilesCommand,
} from '@aws-sdk/client-bedrock'
import { LabError } from '../core/error.js'
import { type Ask, asking } from './ask.js'
import type { Profile, Route } from './model.js'

/** A foundation model for conversations, with the ways to call it. */
export interface Entry {
  summary: FoundationModelSummary & { modelId: string }
  routes: Route[]
  /** The creation of its first profile, which is near the model's release. Used if AWS doesn't give the release. */
  seenAt?: Date
}

/**
 * The region's text chat models and their profiles: one listing call and the profiles' pages. @throws LabError
 * `no-bedrock-in-region`
 */
export async function catalogue(bedrock: BedrockClient, region: string, ask: Ask): Promise<Entry[]> {
  try {
    const [models, profiles] = await Promise.all([listModels(bedrock, ask), listProfiles(bedrock, ask)])
    return models.filter(isChat).map((summary) => toEntry(summary, profiles))
  } catch (error) {
    // STS has answered before, so the network works, and the region has no Bedrock.
    if ((error as { code?: string }).code !== 'ENOTFOUND') throw error
    throw new LabError({
      code: 'no-bedrock-in-region',
      what: `Amazon Bedrock is not available in ${region}.`,
      why: `Its endpoint bedrock.${region} does not exist.`,
      fix: [
        {
          command: { path: 'up', flags: { region: 'us-east-1' } },
          text: 'sets the lab up in another region',
        },
        {
          command: { keeps: true, path: 'up', flags: { 'without-chat': true } },
          text: 'sets the lab up here without chat',
        },
      ],
      cause: error,
    })
  }
}

async function listModels(bedrock: BedrockClient, ask: Ask): Promise<FoundationModelSummary[]> {
  const { modelSummaries } = await asking('bedrock:ListFoundationModels', ask, (abort) =>
    bedrock.send(new ListFoundationModelsCommand({ byOutputModality: 'TEXT' }), abort),
  )
  return modelSummaries ?? []
}

async function listProfiles(bedrock: BedrockClient, ask: Ask): Promise<InferenceProfileSummary[]> {
  const found: InferenceProfileSummary[] = []
  let nextToken: string | undefined
  do {
    const token = nextToken
    const page = await asking('bedrock:ListInferenceProfiles', ask, (abort) =>
      bedrock.send(
        new ListInferenceProfilesCommand({
          typeEquals: 'SYSTEM_DEFINED',
          maxResults: 1000,
          ...(token && { nextToken: token }),
        }),
        abort,
      ),
    )
    found.push(...(page.inferenceProfileSummaries ?? []))
    nextToken = page.nextToken
  } while (nextToken)
  return found
}

/**
 * Text in, text out, streamed. Bedrock's listing does not say which models support `Converse`, so known exceptions
 * are left out: Pegasus answers about a video, OpenAI's own models (not gpt-oss) have a different endpoint, and ids
 * with a context length (`…-v1:0:128k`) are for provisioned throughput.
 */
function isChat(summary: FoundationModelSummary): summary is Entry['summary'] {
  const types: readonly string[] = summary.inferenceTypesSupported ?? []
  return (
    summary.modelId !== undefined &&
    (summary.inputModalities ?? []).includes('TEXT') &&
    (summary.outputModalities ?? []).includes('TEXT') &&
    summary.responseStreamingSupported !== false &&
    !(types.length > 0 && types.every((type) => type === 'PROVISIONED')) &&
    !/^(twelvelabs\.pegasus|openai\.(?!gpt-oss))/.test(summary.modelId)
  )
}

function toEntry(summary: Entry['summary'], profiles: InferenceProfileSummary[]): Entry {
  const leading = profiles.filter(
    (profile) => profile.status === 'ACTIVE' && leadsTo(profile, summary.modelId),
  )
  const [seenAt] = leading
    .flatMap(({ createdAt }) => createdAt ?? [])
    .sort((a, b) => a.getTime() - b.getTime())
  return { summary, routes: routesOf(summary, leading), ...(seenAt && { seenAt }) }
}

/**
 * Closest first: the model in this region, then a profile within the geography (the one with the fewest regions),
 * then the global one. Data stays as close as possible, unless a user names another route.
 */
function routesOf(summary: Entry['summary'], leading: InferenceProfileSummary[]): Route[] {
  const direct = summary.inferenceTypesSupported?.includes('ON_DEMAND') ? [{ id: summary.modelId }] : []
  const through = leading
    .flatMap(toRoute)
    .sort((a, b) => reach(a.profile) - reach(b.profile) || a.id.localeCompare(b.id))
  return [...direct, ...through]
}

const leadsTo = (profile: InferenceProfileSummary, modelId: string): boolean =>
  (profile.models ?? []).some((model) => model.modelArn?.endsWith(`:foundation-model/${modelId}`))

function toRoute(summary: InferenceProfileSummary): { id: string; profile: Profile }[] {
  const { inferenceProfileId: id, inferenceProfileArn: arn } = summary
  if (!id || !arn) return []
  const models = (summary.models ?? []).flatMap((model) => model.modelArn ?? [])
  return [{ id, profile: { arn, models, kind: id.startsWith('global.') ? 'global' : 'geographic' } }]
}

const reach = (profile: Profile): number =>
  profile.kind === 'global' ? Number.POSITIVE_INFINITY : profile.models.length
