import type { Prose } from '../core/error.js'

/** Why a model cannot be called from this account and region as things stand. */
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
  /** One step that resolves it, or comes closest. */
  fix: Prose
}

/** A system-defined inference profile: the way to a model that is not called by its own id. */
export interface Profile {
  arn: string
  /** ARNs of the foundation model, one for each region that may answer; a global one has a region-less ARN too. */
  models: string[]
  kind: 'geographic' | 'global'
}

/** One way to call a model: by its own id (no profile), or through a profile. */
export interface Route {
  /** What is sent to Bedrock as `modelId`. */
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
  /** Why it is left out of the default menu although AWS gives no reason against it: nobody has seen it answer. */
  doubt?: string
  /** Every route, closest first; the first is the model's own `id` and `profile`. */
  routes: Route[]
  releasedAt?: Date
}

/** What the user can resolve during the run, with their consent. */
export const isFixable = (model: Model): boolean =>
  model.problem?.reason === 'needs-form' ||
  model.problem?.reason === 'needs-licence' ||
  model.problem?.reason === 'licence-pending'
