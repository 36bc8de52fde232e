import { LabError } from '../core/error.js'

/** What can go wrong in a rehearsal. */
export const scenarios = [
  { name: 'credentials-expired', plays: 'the sign-in expires in the middle, before the host is set up' },
  { name: 'throttling', plays: 'AWS asks to slow down, at every third kind of call' },
  { name: 'no-default-vpc', plays: 'the region has no default VPC' },
  { name: 'form-missing', plays: "Anthropic's use-case form was never sent, so Claude can't be called" },
  { name: 'no-callable-model', plays: 'AWS has not authorised the account for any model yet' },
  {
    name: 'payment-missing',
    plays: 'the account has no valid payment method, so only Amazon’s own models answer',
  },
  { name: 'data-retention', plays: 'the account retains nothing, and the newest Claude models refuse that' },
  { name: 'zero-quota', plays: 'every token quota is zero, so no model answers' },
  { name: 'address-quota', plays: 'the quota of Elastic IPs is used up' },
  { name: 'no-capacity', plays: 'the first availability zone has no machine free' },
  { name: 'stage-failing', plays: 'the images cannot be pulled: a host stage fails' },
] as const

export type Scenario = (typeof scenarios)[number]['name']

/** The scenario that `--rehearse` names; `true` is the account in which all goes well. LabError `unknown-scenario`. */
export function scenarioOf(rehearse: boolean | string | undefined): Scenario | undefined {
  if (typeof rehearse !== 'string') return undefined
  const found = scenarios.find(({ name }) => name === rehearse)
  if (found) return found.name
  throw new LabError({
    code: 'unknown-scenario',
    what: `There is no scenario ${JSON.stringify(rehearse.slice(0, 60))} to rehearse.`,
    fix: [
      'librechat-lab up --rehearse   plays an account in which all goes well',
      ...scenarios.map(({ name, plays }) => `librechat-lab up --rehearse ${name}   ${plays}`),
    ],
  })
}
