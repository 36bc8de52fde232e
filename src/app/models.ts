import { type LeftOut, leftOutOf } from '../bedrock/left-out.js'
import type { Model } from '../bedrock/model.js'
import { type Choice, pick } from '../bedrock/pick.js'
import type { Context, GlobalOptions } from './context.js'
import { regionModels } from './region-models.js'
import { identityLine, signIn } from './sign-in.js'

export type { Model, Route } from '../bedrock/model.js'

export interface AccountModels {
  region: string
  account: string
  models: readonly Model[]
  /** The models of a new lab's menu. */
  choice: Choice
  /** What would make more models callable. */
  leftOut: readonly LeftOut[]
}

/** Every chat model of the account and region, and why some cannot be called. Reads only. */
export async function listModels(options: GlobalOptions, context: Context): Promise<AccountModels> {
  const connection = await signIn(options, context)
  const { clients, account, region } = connection
  context.ui.emit({ type: 'note', text: identityLine(connection, region) })
  const models = await regionModels(clients, context)
  // Nothing can be done about a legacy model.
  const fixable = models.filter(({ callable, problem }) => !callable && problem?.reason !== 'legacy')
  return { region, account, models, choice: pick(models), leftOut: leftOutOf(fixable) }
}
