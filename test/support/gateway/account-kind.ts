/** What kind of account Bedrock's control plane plays. */
export type AccountKind =
  /** Everything may be called. */
  | 'open'
  /** Anthropic's form was never sent; then its licences are missing too. */
  | 'form-missing'
  /** The form is there; what Marketplace sells needs its licence, which takes two looks to be set up. */
  | 'licence-missing'
  /** As `licence-missing`, but AWS cannot set the licence up. */
  | 'licence-failing'
  /** Licences were accepted long ago, and AWS never finishes setting them up. */
  | 'licence-stuck'
  /** As `licence-missing`, but the caller may not subscribe at AWS Marketplace. */
  | 'no-marketplace'
  /** As `licence-missing`, but Marketplace makes this account no offer. */
  | 'no-offer'
  /** Nothing may be called by its own id. */
  | 'profile-only'
  /** A region that has no Claude. */
  | 'no-claude'
  /** AWS has not verified the account: nothing is authorised. */
  | 'not-authorised'
  /** Open, but each path refuses its first three calls. */
  | 'throttled'
  /** Every Claude is legacy. */
  | 'legacy'
  /** Open, with members and states that no SDK of today knows. */
  | 'unknown-fields'
  /** A region whose Bedrock has no text model at all. */
  | 'empty'
  /** The caller may not read Bedrock. */
  | 'denied'
  /** The account shares data with providers, so that the models that demand it answer. */
  | 'data-shared'
  /** The account retains nothing, so that the newest models refuse it when they are called. */
  | 'no-retention'
  /** The caller may not read the account's data retention mode. */
  | 'retention-hidden'
  /** A partition without the form, the availability and the retention APIs. */
  | 'few-apis'
  /** AWS Marketplace could not subscribe, because the account has no valid payment method. */
  | 'payment'
  /** As `payment`, but AWS says so only when a model is called. */
  | 'payment-at-call'
  /** Every token quota is zero; AWS says so only when a model is called. */
  | 'zero-quota'
  /** Only Claude's quota is too small for a conversation. */
  | 'small-quota'
  /** Anthropic does not serve the account's country; said only when a model is called. */
  | 'unsupported-country'
