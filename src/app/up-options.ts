import type { ChoiceFlags } from '../lab/choices.js'
import type { PasswordOptions } from './password.js'

/** What the command line of `up` may say. */
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
}
