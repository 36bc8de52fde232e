import {
  type ChatProof,
  isFresh,
  PROOF_TIMEOUT,
  type Proof,
  proofScript,
  readProof,
} from '../bedrock/proof.js'
import type { Host } from '../host/host.js'
import { type LibreChatSettings, presetsOf } from '../host/librechat-yaml.js'
import { runCommand } from '../host/run-command.js'
import type { Settings } from '../lab/settings.js'

/** Whether chat works: with all models of the settings, with some, with none, or the lab has no chat on purpose. */
type ChatVerdict = 'ready' | 'degraded' | 'notReady' | 'without'

export interface ChatJudgement {
  verdict: ChatVerdict
  /** The state of chat, as `up` and `status` report it. */
  exitCode: 0 | 2
  /** Models of the settings that answer, and those that don't. */
  answering: Settings['models']
  silent: { id: string; label: string; error: string }[]
  /** Why conversations get no title; undefined if they do. */
  untitled?: string | undefined
}

/** Evaluates a proof for a lab with these settings. A model that was not asked counts as not answering. */
export function judgeChat(proof: Proof | undefined, { models }: Settings): ChatJudgement {
  const asked = new Map<string, ChatProof>(proof?.chat.map((one) => [one.model, one]))
  const answering = models.filter(({ id }) => asked.get(id)?.ok)
  const silent = models.flatMap((model) => {
    const one = asked.get(model.id)
    if (one?.ok) return []
    return [{ ...model, error: one ? one.error : 'NotAsked: the model was not asked yet' }]
  })
  const untitled = proof?.title?.ok === false ? proof.title.error : undefined
  const verdict =
    models.length === 0
      ? 'without'
      : answering.length === 0
        ? 'notReady'
        : silent.length > 0 || untitled !== undefined
          ? 'degraded'
          : 'ready'
  return { verdict, exitCode: verdict === 'notReady' ? 2 : 0, answering, silent, untitled }
}

type Menu = Pick<LibreChatSettings, 'models' | 'defaultModel' | 'titleModel' | 'maxTokens'>

/**
 * LibreChat's menu: the models of the settings without those that did not answer in the last proof. If none answers,
 * it has all, so that a model works as soon as its cause is fixed in AWS.
 */
export function menuFor(settings: Settings, proof: Proof | undefined): Menu {
  const silent = new Set(proof?.chat.filter(({ ok }) => !ok).map(({ model }) => model))
  const answering = settings.models.filter(({ id }) => !silent.has(id))
  const models = answering.length > 0 ? answering : settings.models
  const has = (id: string | undefined) => models.some((model) => model.id === id)
  const titles = [proof?.title?.ok ? proof.title.model : undefined, settings.titleModel]
  return {
    models,
    defaultModel: has(settings.defaultModel) ? settings.defaultModel : models[0]?.id,
    titleModel: titles.find(has) ?? models.at(-1)?.id,
    maxTokens: settings.maxTokens,
  }
}

/** Whether two proofs result in the same menu. */
export const isSameMenu = (
  settings: Settings,
  before: Proof | undefined,
  after: Proof | undefined,
): boolean => JSON.stringify(menuFor(settings, before)) === JSON.stringify(menuFor(settings, after))

/** Whether the proof stored on a host is still valid for these settings. */
export const isProven = (proof: Proof | undefined, settings: Settings, now: number): boolean =>
  settings.models.length === 0 || (proof !== undefined && isFresh(proof, presetsOf(settings), now))

/** The chosen model first, then small and fast ones, then the rest. */
function titleCandidates({ titleModel, models }: Settings): string[] {
  const isSmall = ({ id }: { id: string }) => /haiku|micro|lite/.test(id)
  const small = models.filter(isSmall)
  const others = models.filter((model) => !isSmall(model))
  return [...new Set([titleModel ?? [], ...[...small, ...others].map(({ id }) => id)].flat())]
}

/** The proof as a script for the host; undefined for a lab without chat. */
export function chatScript(host: Host, settings: Settings): string | undefined {
  if (settings.models.length === 0) return undefined
  return proofScript(presetsOf(settings), titleCandidates(settings), {
    region: host.region,
    now: new Date(host.clock.now()).toISOString(),
  })
}

/**
 * Sends LibreChat's own requests for each model of the settings, in the menu or not, from inside LibreChat's
 * container. The host stores the result. Undefined for a lab without chat.
 */
export async function proveChat(host: Host, settings: Settings): Promise<Proof | undefined> {
  const script = chatScript(host, settings)
  if (script === undefined) return undefined
  const task = { type: 'task', id: 'chat', name: 'chat' } as const
  host.emit({ ...task, state: 'started', detail: 'each model answers once', usualMs: 10_000 })
  const { models } = settings
  const { stdout } = await runCommand(host, { stage: 'chat', script, timeoutSeconds: PROOF_TIMEOUT / 1000 })
  const proof = readProof(stdout)
  const { verdict, answering, untitled } = judgeChat(proof, settings)
  host.emit({
    ...task,
    state: verdict === 'ready' ? 'done' : 'failed',
    detail: `${answering.length} of ${models.length} models answer${untitled ? '; no titles' : ''}`,
  })
  return proof
}
