import { describe, expect, it } from 'vitest'
import { checkOwned, isStrangers, tagKeys } from '../../src/resources/ownership.js'
import { printedFix } from '../support/printed.js'
import { lab } from './context.js'

const tagged = (name: string, region: string) => [
  { Key: tagKeys.lab, Value: name },
  { Key: tagKeys.region, Value: region },
]
const refusal = (act: () => unknown) => {
  try {
    act()
  } catch (error) {
    return error as never
  }
  throw new Error('was accepted')
}

describe('ownership by tags', () => {
  it('accepts what has the lab’s tags', () => {
    expect(checkOwned(lab, 'role R', tagged(lab.name, lab.region), false)).toBe(true)
  })

  it('refuses what has no tags of a lab, with two ways on', () => {
    const error = refusal(() => checkOwned(lab, 'role R', [], false))
    expect(error).toMatchObject({ code: 'unowned' })
    expect(isStrangers(error)).toBe(true)
    expect(printedFix(error)).toMatch(/up --name my-lab[\s\S]*up --adopt/)
  })

  it('lets what has no tags be adopted', () => {
    expect(checkOwned(lab, 'role R', [], true)).toBe(false)
  })

  it('names the region of a lab of the same name, whether it may adopt or not', () => {
    for (const adopt of [false, true]) {
      const error = refusal(() => checkOwned(lab, 'role R', tagged(lab.name, 'eu-west-1'), adopt))
      expect(error).toMatchObject({ code: 'other-region' })
      expect(printedFix(error)).toContain('up --region eu-west-1')
    }
  })
})
