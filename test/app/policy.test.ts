import { expect, it } from 'vitest'
import { policiesFor } from '../../src/app/policy.js'
import { LabError } from '../../src/core/error.js'
import { printedFix } from '../support/printed.js'

const fixFor = (commands: readonly string[]): string => {
  try {
    policiesFor(commands, 'us-east-1')
  } catch (error) {
    if (error instanceof LabError) return printedFix(error)
    throw error
  }
  return ''
}

it('asks whether another command was meant, with the others as they were typed', () => {
  expect(fixFor(['statsu', 'tunnel'])).toContain('Did you mean librechat-lab policy status tunnel?')
})

it('asks nothing where no command is similar', () => {
  expect(fixFor(['zzz'])).toMatch(/^Commands that call AWS/)
})
