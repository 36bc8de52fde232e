import { LabError, type Prose } from '../core/error.js'
import { nearest } from '../core/nearest.js'
import type { PolicyDocument } from '../core/policy.js'
import { operatorPolicies } from '../lab/operator-policy.js'
import { type CommandWithNeeds, commandNeeds } from '../lab/permissions.js'

/**
 * The least privileges for these commands, or for all if none is named.
 * @returns one document if it fits into one managed policy, else one for each feature
 */
export function policiesFor(commands: readonly string[], region: string): readonly PolicyDocument[] {
  const known = Object.keys(commandNeeds) as CommandWithNeeds[]
  const isKnown = (name: string): name is CommandWithNeeds => Object.hasOwn(commandNeeds, name)
  const unknown = commands.find((name) => !isKnown(name))
  if (unknown !== undefined) {
    throw new LabError({
      code: 'bad-usage',
      what: `${JSON.stringify(unknown.slice(0, 60))} is not a command that calls AWS.`,
      fix: [
        ...nearest(unknown, known, (name) => [name], 1).map((meant): Prose => {
          const args = commands.map((name) => (name === unknown ? meant : name))
          return ['Did you mean ', { path: 'policy', args }, '?']
        }),
        `Commands that call AWS: ${known.join(', ')}`,
      ],
    })
  }
  // Adopting widens the policy to every security group, so it is included only if it is named.
  const chosen = commands.length > 0 ? commands.filter(isKnown) : known.filter((name) => name !== 'adopt')
  return operatorPolicies(
    partitionOf(region),
    chosen.map((name) => commandNeeds[name]),
  )
}

export const partitionOf = (region: string): string =>
  region.startsWith('us-gov-') ? 'aws-us-gov' : region.startsWith('cn-') ? 'aws-cn' : 'aws'
