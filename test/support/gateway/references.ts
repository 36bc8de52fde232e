import { GetRolePolicyCommand, ListRolePoliciesCommand } from '@aws-sdk/client-iam'
import { GetParametersCommand, type Parameter } from '@aws-sdk/client-ssm'
import type { Witness } from '../clients.js'
import { roleOf } from './managed.js'
import { decide, documentOf } from './policy.js'

const reference = /\{\{ *ssm:([/\w.:-]+) *\}\}/g
const mostPerCall = 10

/**
 * Puts the values of parameters where commands refer to them as `{{ssm:name}}` or `{{ssm:name:version}}`, as the agent
 * does before it runs a document: with GetParameters, without decryption and with its host's role
 * (agent/framework/docparser/parameterstore/parameterstore.go and parser.go, GetParameters of agent/ssm/service.go).
 * Throws the agent's error where it refuses the document; then nothing of it runs.
 */
export async function resolveReferences(
  witness: Witness,
  instanceId: string,
  commands: readonly string[],
): Promise<readonly string[]> {
  const names = new Set(
    commands.flatMap((line) => [...line.matchAll(reference)].map(([, name = '']) => name)),
  )
  if (names.size === 0) return commands
  const values = await parameters(witness, instanceId, [...names])
  const secret = [...values.values()].filter(({ Type }) => Type === 'SecureString').map(({ Name }) => Name)
  if (secret.length > 0) throw new Error(`Parameters [${secret}] of type SecureString are not supported`)
  return commands.flatMap((line) => insert(line, values))
}

/** A list alone in its line becomes several lines; it can't be a part of one. */
function insert(line: string, values: ReadonlyMap<string, Parameter>): string[] {
  const [alone, name = ''] = /^\s*\{\{ *ssm:([/\w.:-]+) *\}\}\s*$/.exec(line) ?? []
  if (alone && values.get(name)?.Type === 'StringList') return values.get(name)?.Value?.split(',') ?? []
  return [
    line.replace(reference, (_, one: string) => {
      const { Name, Type, Value = '' } = values.get(one) ?? {}
      if (Type === 'StringList')
        throw new Error(`Parameter ${Name} of type StringList cannot be used as a String`)
      return Value
    }),
  ]
}

/** By the name that the commands use, with the version where they name one. */
async function parameters(
  witness: Witness,
  instanceId: string,
  names: string[],
): Promise<Map<string, Parameter>> {
  await authorize(witness, instanceId)
  const found = new Map<string, Parameter>()
  for (let at = 0; at < names.length; at += mostPerCall) {
    const Names = names.slice(at, at + mostPerCall)
    const { Parameters = [], InvalidParameters = [] } = await witness.ssm.send(
      new GetParametersCommand({ Names, WithDecryption: false }),
    )
    if (InvalidParameters.length > 0) {
      throw new Error(`Input contains invalid parameters [${InvalidParameters.join(' ')}]`)
    }
    for (const one of Parameters) {
      for (const name of [one.Name, `${one.Name}:${one.Version}`]) {
        if (name !== undefined && Names.includes(name)) found.set(name, one)
      }
    }
  }
  return found
}

/** AmazonSSMManagedInstanceCore allows GetParameters on every parameter; an inline policy of the role may deny it. */
async function authorize(witness: Witness, instanceId: string): Promise<void> {
  const RoleName = await roleOf(witness, instanceId)
  const { PolicyNames = [] } = await witness.iam.send(new ListRolePoliciesCommand({ RoleName }))
  const policies = await Promise.all(
    PolicyNames.map((PolicyName) => witness.iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }))),
  )
  const statements = policies.flatMap(({ PolicyDocument }) => documentOf(PolicyDocument))
  const asked = { action: 'ssm:GetParameters', resource: '*', context: {} }
  if (decide(statements, asked) !== 'denied') return
  const why = `AccessDeniedException: ${RoleName} is not authorized to perform: ssm:GetParameters`
  throw new Error(`Encountered error while calling GetParameters API. Error: ${why}`)
}
