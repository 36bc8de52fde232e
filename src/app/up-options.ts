import type { ChoiceFlags } from '../lab/choices.js'
import type { PasswordOptions } from './password.js'

/** The options of `up`. */
export interface UpOptions extends ChoiceFlags, PasswordOptions {
  yes?: boolean
  dryRun?: boolean
  /** Comma-separated. */
  models?: string
  withoutChat?: boolean
  acceptLicences?: boolean
  useCaseFile?: string
  createDefaultVpc?: boolean
  adopt?: boolean
  replaceInstance?: string
  discardData?: boolean
}
