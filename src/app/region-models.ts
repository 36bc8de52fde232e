import type { Clients } from '../aws/clients.js'
import type { Model } from '../bedrock/model.js'
import { findModels } from '../bedrock/models.js'
import type { Context } from './context.js'

/** Every chat model of the account and region, and why some cannot be called. */
export const regionModels = (
  { bedrock, bedrockHome, region }: Clients,
  { clock, signal, ui: { emit } }: Context,
): Promise<Model[]> => findModels(bedrock, { region, home: bedrockHome, clock, signal, emit })
