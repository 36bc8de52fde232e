import type { Model } from '../bedrock/model.js'
import { findModels } from '../bedrock/models.js'
import { type Choice, pick } from '../bedrock/pick.js'
import type { Context, GlobalOptions } from './context.js'

export interface OfferedModels {
  region: string
  account: string
  models: readonly Model[]
  /** What a new lab's menu would hold. */
  choice: Choice
}

/** The chat models of a region, and which of them this account can call. Reads only. */
export async function offeredModels(options: GlobalOptions, context: Context): Promise<OfferedModels> {
  const { ui, clock, signal } = context
  const { clients, account, arn, region } = await context.connect(options)
  ui.emit({ type: 'note', text: `account ${account} · ${region} · ${arn}` })
  const models = await findModels(clients.bedrock, { region, clock, signal, home: clients.bedrockHome })
  return { region, account, models, choice: pick(models) }
}
