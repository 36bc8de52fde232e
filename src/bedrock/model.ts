import type { Prose } from '../core/error.js'

/** Why a model can't be called from this account and region at the moment. */
type Reason =
  | 'not-in-region'
  | 'needs-profile'
  | 'needs-form'
  | 'needs-licence'
  | 'licence-pending'
  | 'licence-failed'
  | 'not-entitled'
  | 'not-authorised'
  | 'needs-payment'
  | 'needs-retention'
  | 'legacy'
  | 'unclear'

export interface Problem {
  reason: Reason
  /** One sentence for the user. */
  what: string
  /** One step that resolves it, or the closest to it. */
  fix: Prose
}

/** A system-defined inference profile, for models that can't be called by their own id. */
export interface Profile {
  arn: string
  /**
   * ARNs of the foundation model in each region that can answer; a global profile also has an ARN without a region.
   */
  models: string[]
  kind: 'geographic' | 'global'
}

/** One way to call a model: by its own id (no profile), or through a profile. */
export interface Route {
  /** Bedrock's `modelId`. */
  id: string
  profile?: Profile
}

/** A text chat model of the account's region, called by the route that keeps the data closest. */
export interface Model extends Route {
  /** The foundation model's id; what `GetFoundationModelAvailability` takes. */
  modelId: string
  /** As AWS names it: "Claude Sonnet 4.5". */
  name: string
  /** "Anthropic". */
  provider: string
  callable: boolean
  problem?: Problem
  /** Why it is not in the default menu although AWS allows it: it was never seen to answer. */
  doubt?: string
  /** Every route, closest first; the first is the model's own `id` and `profile`. */
  routes: Route[]
  releasedAt?: Date
}

/** Problems that can be resolved during the run with the user's consent. */
export const isFixable = (model: Model): boolean =>
  model.problem?.reason === 'needs-form' ||
  model.problem?.reason === 'needs-licence' ||
  model.problem?.reason === 'licence-pending'
