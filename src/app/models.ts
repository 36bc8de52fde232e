import { type LeftOut, leftOutOf } from '../bedrock/left-out.js'
import type { Model } from '../bedrock/model.js'
import { findModels } from '../bedrock/models.js'
import { type Choice, pick } from '../bedrock/pick.js'
import type { Context, GlobalOptions } from './context.js'
import { identityLine, signIn } from './sign-in.js'

export type { Model, Route } from '../bedrock/model.js'

export interface AccountModels {
  region: string
  account: string
  models: readonly Model[]
  /** What a new lab's menu would hold. */
  choice: Choice
  /** What would make more models callable. */
  leftOut: readonly LeftOut[]
}

/** Every chat model of the account and region, and why some cannot be called. Reads only. */
export async function listModels(options: GlobalOptions, context: Context): Promise<AccountModels> {
  const { clock, signal, ui } = context
  const connection = await signIn(options, context)
  const { clients, account, region } = connection
  ui.emit({ type: 'note', text: identityLine(connection, region) })
  const home = clients.bedrockHome
  const models = await findModels(clients.bedrock, { region, clock, signal, home, emit: ui.emit })
  // Nothing can be done about a legacy model.
  const fixable = models.filter(({ callable, problem }) => !callable && problem?.reason !== 'legacy')
  return { region, account, models, choice: pick(models), leftOut: leftOutOf(fixable) }
}
