import { type Choices, flagOfChoice } from '../../lab/choices.js'
import { nothingChosen, type Settings } from '../../lab/settings.js'

/** Recipients are a part of the budget. */
const { alerts: _, ...flags } = flagOfChoice

/**
 * The flags of this run whose setting another run has changed to something else meanwhile. Everything else can be
 * merged: this run's choices override what the other one stored.
 */
export function conflictsOf(about: {
  /** The settings when this run started. */
  base: Settings | undefined
  theirs: Settings
  mine: Settings
  choices: Choices
  /** Whether this run named the models. */
  models: boolean
}): string[] {
  const { base = nothingChosen, theirs, mine, choices, models } = about
  const differs = (one: Settings, other: Settings, key: keyof Settings) =>
    JSON.stringify(comparable(one, key)) !== JSON.stringify(comparable(other, key))
  const both = (key: keyof Settings) => differs(base, theirs, key) && differs(theirs, mine, key)
  const keys = Object.keys(flags) as (keyof typeof flags)[]
  return [
    ...keys.filter((key) => choices[key] !== undefined && both(key)).map((key) => `--${flags[key]}`),
    ...(models && about.base && both('models') ? ['--models'] : []),
  ]
}

/** A detected address is not a choice. */
const comparable = (settings: Settings, key: keyof Settings): unknown =>
  key === 'allow' && settings.allow.from === 'detected' ? 'detected' : settings[key]
