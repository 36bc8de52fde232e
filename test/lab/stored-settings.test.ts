import { describe, expect, it } from 'vitest'
import { nothingChosen } from '../../src/lab/settings.js'
import { describeSettingsChange, formatSettings } from '../../src/lab/stored-settings.js'

const lab = { name: 'default', region: 'us-east-1', account: '123456789012', partition: 'aws' }
const creations = { address: 'a'.repeat(16), group: 'b'.repeat(16) }
const settings = { ...nothingChosen, generation: '01234567', creations }

describe('settings without creation ids', () => {
  it('differ from those with them, so that each id is stored before it is used', () => {
    const { creations: _, ...without } = settings
    const difference = describeSettingsChange(
      formatSettings(without, lab),
      formatSettings(settings, lab),
      lab,
    )
    expect(difference).toEqual([{ what: 'creation ids', from: 'none', to: 'address, group' }])
    const other = { ...settings, creations: { ...creations, group: 'c'.repeat(16) } }
    expect(describeSettingsChange(formatSettings(other, lab), formatSettings(settings, lab), lab)).toEqual([])
  })
})
