import type * as z from 'zod'
import type { Hint } from '../core/error.js'
import type { Actual } from './actual.js'
import type { settingFlags } from './setting-flags.js'

/** One setting as the plan shows it: `from` only where AWS or the host has something else. */
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
  /** Whether the one instance type costs more than the other, or may: prices are not known everywhere. */
  isDearer(type: string, than: string): boolean
}

/** A change that only the stored settings ask for: the end of "The stored settings would …", and another way on. */
type Change = string | { would: string; instead: Hint }

interface Shared<Flag, Field extends z.ZodType, Value> {
  /** The flag of `up` that chooses it. */
  flag: Flag
  /** What differs, where the stored settings change: "disk (GB)". */
  label: string
  /** Its field in the schema. */
  field: Field
  /** The version of the settings that has it first; without it, all have it. */
  since?: number
  /** How a word of the command line becomes a value, which the field then judges. */
  word?: {
    /** "a valid disk size", for the error. */
    is: string
    why?: string
    example?: string
    /** What the field judges; the word itself where this is left out. */
    read?: (word: string) => unknown
  }
  /** The value as it is typed. */
  text?: (value: z.output<Field>) => string
  /** Its row in the plan; none where it changes neither what the lab is nor who reaches it. */
  row?: (value: Value, actual: Actual) => SettingRow | undefined
  /**
   * What a stored value would widen, redirect, unprotect or make dearer, compared with what is there. With `--yes` such
   * a change is refused unless the command line has the flag too. "harmless": no value does. "elsewhere": opening.ts.
   */
  opens: 'harmless' | 'elsewhere' | ((value: Value, present: Present) => Change | undefined)
}

type SettingFlag = keyof typeof settingFlags

/** A setting whose values have any type. */
export type PlainSetting = Shared<SettingFlag, z.ZodType, unknown> & { default?: unknown }

/** A setting that every lab has. */
export const always = <const Flag extends SettingFlag, Field extends z.ZodType>(
  setting: Shared<Flag, Field, z.output<Field>> & { default: z.output<Field> },
) => setting

/** A setting that a lab may lack; the flag's `--no-` form takes it away. */
export const optional = <const Flag extends SettingFlag, Field extends z.ZodType>(
  setting: Shared<Flag, Field, z.output<Field> | undefined>,
): Shared<Flag, Field, z.output<Field> | undefined> & { default?: undefined } => setting

/** A row with `from` only where something else is there. */
export const row = (what: string, to: string, from: string | undefined): SettingRow => ({
  what,
  ...(from === undefined || from === to ? {} : { from }),
  to,
})
