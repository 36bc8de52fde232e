import { type Explanation, explain } from '../bedrock/explain.js'
import { type ChatProof, mayStillTurn, type Proof } from '../bedrock/proof.js'
import type { Settings } from '../lab/settings.js'

/** A model that was asked, with its name in the menu: its first words, or why it did not answer. */
type ModelAnswer = { label: string } & (
  | (Extract<ChatProof, { ok: true }> & { mayStillTurn: boolean })
  | (Extract<ChatProof, { ok: false }> & Explanation)
)

/** A proof as it is shown. */
export interface ChatReport {
  /** When the models were asked, as an ISO date. */
  at: string
  /** Whether it is the proof stored on the host, not a new one. */
  kept: boolean
  answers: readonly ModelAnswer[]
  title: Proof['title']
  /** Why conversations get no title. */
  untitled: Explanation | undefined
}

/** Explains what a proof found. */
export function chatReport(
  proof: Proof,
  about: { settings: Pick<Settings, 'models'> | undefined; region: string; now: number; kept: boolean },
): ChatReport {
  const { settings, region, now, kept } = about
  const { at, title } = proof
  const explained = (one: { model: string; error: string }) =>
    explain(one, {
      role: proof.role,
      region,
      maxTokens: proof.presets.find(({ model }) => model === one.model)?.maxTokens,
    })
  const answers = proof.chat.map((one): ModelAnswer => {
    const label = settings?.models.find(({ id }) => id === one.model)?.label ?? one.model
    return one.ok
      ? { label, ...one, mayStillTurn: mayStillTurn(one, now) }
      : { label, ...one, ...explained(one) }
  })
  return { at, kept, answers, title, untitled: title?.ok === false ? explained(title) : undefined }
}
