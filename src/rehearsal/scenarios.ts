import { LabError } from '../core/error.js'
import { type Scenario, scenarios } from '../core/scenarios.js'

export { type Scenario, scenarios } from '../core/scenarios.js'

/** The scenario of that name; without a name, one without failures. LabError `unknown-scenario`. */
export function scenarioOf(name: string | undefined): Scenario | undefined {
  if (name === undefined) return undefined
  const found = scenarios.find((scenario) => scenario.name === name)
  if (found) return found.name
  throw new LabError({
    code: 'unknown-scenario',
    what: `There is no rehearsal scenario ${JSON.stringify(name.slice(0, 60))}.`,
    fix: [
      { command: { path: 'up', flags: { rehearse: true } }, text: 'rehearses without a failure' },
      ...scenarios.map(({ name: scenario, plays }) => ({
        command: { path: 'up' as const, flags: { scenario } },
        text: plays,
      })),
    ],
  })
}
