import type * as z from 'zod'
import type { Hint } from '../core/error.js'
import type { Actual } from './actual.js'
import type { settingFlags } from './setting-flags.js'

/** One setting as the plan shows it; `from` only if AWS or the host has something else. */
export interface SettingRow {
  what: string
  from?: string
  to: string
}

/** What a stored value is compared with. */
export interface Present {
  actual: Actual
  /** Whether an instance will be launched. */
  launches: boolean
  /** Whether the lab has models in its menu. */
  hasModels: boolean
  /** Whether one instance type costs more than the other; true if a price is unknown. */
  isDearer(type: string, than: string): boolean
}

/**
 * A change that only the stored settings ask for: it completes the sentence "The stored settings would …", with an
 * alternative command.
 */
type Change = string | { would: string; instead: Hint }

interface Shared<Flag, Field extends z.ZodType, Value> {
  /** The flag of `up` that chooses it. */
  flag: Flag
  /** Its name where changes of the stored settings are listed: "disk (GB)". */
  label: string
  /** Its field in the schema. */
  field: Field
  /** The first version of the settings that has it; default: version 1. */
  since?: number
  /** How a word of the command line becomes a value, which the field then checks. */
  word?: {
    /** "a valid disk size", for the error. */
    is: string
    why?: string
    example?: string
    /** Converts the word before the field checks it. */
    read?: (word: string) => unknown
  }
  /** The value as it is typed. */
  text?: (value: z.output<Field>) => string
  /** Its row in the plan; omitted if it doesn't matter to the user there. */
  row?: (value: Value, actual: Actual) => SettingRow | undefined
  /**
   * How a stored value would widen access, redirect users, remove a protection or cost more. With `--yes`, such a
   * change is refused unless the command line has the flag too. "harmless": no value can. "elsewhere": see
   * opening.ts.
   */
  opens: 'harmless' | 'elsewhere' | ((value: Value, present: Present) => Change | undefined)
}

type SettingFlag = keyof typeof settingFlags

/** A setting with a value of unknown type. */
export type PlainSetting = Shared<SettingFlag, z.ZodType, unknown> & { default?: unknown }

/** A setting that every lab has. */
export const always = <const Flag extends SettingFlag, Field extends z.ZodType>(
  setting: Shared<Flag, Field, z.output<Field>> & { default: z.output<Field> },
) => setting

/** An optional setting. The `--no-` form of its flag removes it; without that form, it can only be changed. */
export const optional = <const Flag extends SettingFlag, Field extends z.ZodType>(
  setting: Shared<Flag, Field, z.output<Field> | undefined>,
): Shared<Flag, Field, z.output<Field> | undefined> & { default?: undefined } => setting

/** A row that has `from` only if the actual value differs. */
export const row = (what: string, to: string, from: string | undefined): SettingRow => ({
  what,
  ...(from === undefined || from === to ? {} : { from }),
  to,
})
