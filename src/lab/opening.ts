import { LabError } from '../core/error.js'
import type { Rule } from '../resources/security-group.js'
import type { Choices } from './choices.js'
import type { Settings } from './settings.js'

/**
 * Whoever may write a parameter in the account may write the settings: what they alone would open to everybody
 * must be read in the plan, or be said in this run. LabError `opened-by-settings`.
 */
export function refuseUnsaidOpening(settings: Settings, choices: Choices, there: readonly Rule[]): void {
  if (!settings.allow.everyone || choices.allow !== undefined) return
  const isOpen = (cidr: string) => there.some(({ source, fromPort }) => source === cidr && fromPort === 443)
  if (settings.allow.cidrs.every(isOpen)) return
  const cidrs = settings.allow.cidrs.join(' ')
  throw new LabError({
    code: 'opened-by-settings',
    what: `The stored settings would let in ${cidrs}, and until now the lab does not.`,
    why: 'An earlier run may have chosen that and been cut off; or somebody else in the account wrote it. With --yes nobody reads the plan.',
    fix: [
      'To close it: librechat-lab up --yes --allow-cidr detect',
      `If you mean it: librechat-lab up --yes --allow-cidr ${cidrs} --allow-everyone`,
    ],
  })
}
