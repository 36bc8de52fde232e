import { describe, expect, it } from 'vitest'
import { conflictsOf } from '../../src/app/up/merge.js'
import { up } from '../../src/commands/up.js'
import { camel } from '../../src/core/options.js'
import { type ChoiceFlags, type Choices, checkedChoices, settingsFrom } from '../../src/lab/choices.js'
import { unsaidChanges } from '../../src/lab/opening.js'
import { type PlainKey, plainKeys, plainSetting } from '../../src/lab/plain-settings.js'
import { settingFlags } from '../../src/lab/setting-flags.js'
import { nothingChosen, type Settings, settingsVersion } from '../../src/lab/settings.js'
import { describeSettingsChange, formatSettings, parseSettings } from '../../src/lab/stored-settings.js'

const lab = { name: 'default', region: 'us-east-1', account: '123456789012', partition: 'aws' }
const boundary = 'arn:aws:iam::123456789012:policy/Boundary'

/** For each setting what is typed, and the value that is stored for it; then another of each. */
const samples: { [Key in PlainKey]: [given: string | boolean, value: Settings[Key]][] } = {
  email: [
    ['Me@Example.org', 'me@example.org'],
    ['you@example.org', 'you@example.org'],
  ],
  maxTokens: [
    ['4096', 4096],
    ['16000', 16_000],
  ],
  permissionsBoundary: [
    [boundary, boundary],
    [`${boundary}2`, `${boundary}2`],
  ],
  subnetId: [
    ['subnet-01234567', 'subnet-01234567'],
    ['subnet-76543210', 'subnet-76543210'],
  ],
  instanceType: [
    ['t3.large', 't3.large'],
    ['m7g.large', 'm7g.large'],
  ],
  diskGb: [
    ['40', 40],
    ['50', 50],
  ],
  userData: [
    [false, false],
    [true, true],
  ],
  idleStop: [
    ['2h', 120],
    ['1d', 1440],
  ],
  allowance: [
    ['$7.50', 7.5],
    ['10', 10],
  ],
  limit: [
    ['50', 50],
    ['60', 60],
  ],
}

const settle = (given: ChoiceFlags, stored?: Settings) =>
  settingsFrom({
    stored,
    choices: checkedChoices(given),
    detected: '8.8.8.8',
    chat: { models: [], profileArns: [] },
    generation: '01234567',
    lab,
  })

describe.each(plainKeys)('the setting %s', (key) => {
  const { flag, label, default: preset, since = 1 } = plainSetting(key)
  const [[first, value], [second, other]] = samples[key] as [[string, unknown], [string, unknown]]
  const given = (word: unknown) => ({ [camel(flag)]: word }) as ChoiceFlags
  const one = settle(given(first))
  const two = settle(given(second))

  it('is chosen by its flag, kept by a later run, and else has its default', () => {
    expect(up.options).toHaveProperty(flag)
    expect(one[key]).toBe(value)
    expect(settle({}, one)[key]).toBe(value)
    expect(settle(given(second), one)[key]).toBe(other)
    expect(settle({})[key]).toBe(preset)
    const isTaken = preset === undefined && 'off' in settingFlags[flag]
    if (isTaken) expect(settle(given(false), one)[key]).toBeUndefined()
  })

  it('is stored, and its changes are shown', () => {
    const [before, after] = [one, two].map((settings) => formatSettings(settings, lab)) as [string, string]
    expect(parseSettings(after, 'p', lab)[key]).toBe(other)
    expect(describeSettingsChange(before, after, lab)).toMatchObject([{ what: label }])
  })

  it('is refused in the settings of a version that did not have it', () => {
    const text = JSON.stringify({ ...nothingChosen, [key]: value, version: since })
    expect(parseSettings(text, 'p', lab)).toMatchObject({ [key]: value, version: settingsVersion })
    if (since === 1) return
    const older = JSON.stringify({ ...nothingChosen, [key]: value, version: since - 1 })
    expect(() => parseSettings(older, 'p', lab)).toThrow(expect.objectContaining({ code: 'bad-settings' }))
  })

  it('is a conflict where two runs choose it differently', () => {
    // A boolean has two values only, so both runs begin with one of them.
    const base = { ...two, [key]: typeof value === 'boolean' ? other : preset }
    const both = { base, theirs: { ...two, [key]: value }, mine: two, models: false }
    expect(conflictsOf({ ...both, choices: { [key]: other } as Choices })).toEqual([`--${flag}`])
    expect(conflictsOf({ ...both, choices: {} })).toEqual([])
  })

  it('is not questioned with --yes where the command line chooses it', () => {
    const about = { models: false, launches: true, stored: [], region: 'us-east-1' }
    const choices = { ...checkedChoices(given(second)), email: 'me@example.org' }
    const actual = { instanceType: 't3.medium', diskGb: 30, allowance: 1, limit: 1, boundary }
    expect(unsaidChanges({ ...two, [key]: other }, actual, { ...about, choices })).not.toContainEqual(
      expect.objectContaining({ flags: expect.objectContaining({ [flag]: expect.anything() }) }),
    )
  })
})
