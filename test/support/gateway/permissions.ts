import { DescribeTagsCommand } from '@aws-sdk/client-ec2'
import type { Witness } from '../clients.js'
import { type Call, list } from './call.js'
import type { Supplement } from './gateway.js'
import { type Asked, decide, type Statement, statementsOf } from './policy.js'
import { type Answer, errorAnswer, queryAnswer } from './wire.js'

/** Extra refusals, as an organisation's policy or a person without rights would meet. */
export interface Permissions extends Supplement {
  /** Refuses these actions (`ec2:RunInstances`) from now on. */
  deny(...actions: string[]): void
  /** Allows nothing but what these statements allow. */
  allowOnly(statements: readonly Statement[]): void
}

const denials: Record<string, string> = { ec2: 'UnauthorizedOperation', ssm: 'AccessDeniedException' }

/**
 * Who may do what: moto checks no permission and carries out some dry runs. The denials of the operator's own
 * inline policies hold, whatever else a test denies, and a dry run says what would be.
 */
export function permissions(
  witness: (region: string) => Witness,
  account: string,
  user: string,
): Permissions {
  const denied = new Set<string>()
  let allowed: readonly Statement[] | undefined

  async function refusal(call: Call): Promise<string | undefined> {
    const asked = await whatIsAsked(witness, account, call)
    const own = await statementsOf(witness(call.region).iam, user)
    const verdict = decide([...own, ...(allowed ?? [everything])], asked)
    return denied.has(asked.action) || verdict !== 'allowed' ? asked.action : undefined
  }

  return {
    deny: (...actions) => actions.forEach((action) => void denied.add(action)),
    allowOnly: (statements) => {
      allowed = statements
    },
    async before(call) {
      if (call.action === 'DecodeAuthorizationMessage') return decoded(call)
      const restricted = denied.size > 0 || allowed !== undefined || guarded.has(call.action)
      const action = restricted ? await refusal(call) : undefined
      if (action) return refuse(call, action, `arn:aws:iam::${account}:user/${user}`)
      return undefined
    },
  }
}

/** A dry run that nothing refused. To be asked last of all. */
export const dryRuns: Supplement = {
  before: (call) =>
    call.service === 'ec2' && call.params.DryRun === 'true'
      ? errorAnswer(call, 'DryRunOperation', 'Request would have succeeded, but DryRun flag is set.')
      : undefined,
}

const everything: Statement = { Effect: 'Allow', Action: '*', Resource: '*' }

/** The calls that a protecting policy may deny: judged always. Judging each call would cost two more of moto's. */
const guarded = new Set(['ReleaseAddress', 'EnableAddressTransfer', 'DeleteTags', 'CreateTags'])

function refuse(call: Call, action: string, user: string): Answer {
  const why = `User: ${user} is not authorized to perform: ${action}`
  if (call.service !== 'ec2') return errorAnswer(call, denials[call.service] ?? 'AccessDenied', why)
  const encoded = Buffer.from(
    JSON.stringify({
      allowed: false,
      explicitDeny: true,
      context: { action, resource: `arn:aws:ec2:${call.region}::*` },
    }),
  ).toString('base64')
  const message = `You are not authorized to perform this operation. ${why}. Encoded authorization failure message: ${encoded}`
  return errorAnswer(call, 'UnauthorizedOperation', message)
}

function decoded(call: Call): Answer {
  const text = Buffer.from(String(call.params.EncodedMessage), 'base64').toString()
  return queryAnswer(call, `<DecodedMessage>${text.replace(/"/g, '&quot;')}</DecodedMessage>`)
}

/** The request's context keys: the tags it would set, and those of what it names. */
async function whatIsAsked(
  witness: (region: string) => Witness,
  account: string,
  call: Call,
): Promise<Asked> {
  const context: Record<string, string[]> = { 'aws:requestedregion': [call.region], 'aws:tagkeys': [] }
  for (const [key, value] of Object.entries(call.params)) {
    if (!/(^|\.)Tags?\.(member\.)?\d+\.Key$/.test(key)) continue
    context['aws:tagkeys']?.push(String(value))
    context[`aws:requesttag/${String(value).toLowerCase()}`] = [
      String(call.params[key.replace(/Key$/, 'Value')]),
    ]
  }
  const ids = [call.params.AllocationId, call.params.InstanceId, ...list(call.params, 'ResourceId')]
  const id = call.service === 'ec2' ? ids.find((one) => one !== undefined) : undefined
  if (id) {
    const filter = { Name: 'resource-id', Values: [String(id)] }
    const { Tags = [] } = await witness(call.region).ec2.send(new DescribeTagsCommand({ Filters: [filter] }))
    for (const { Key = '', Value = '' } of Tags) {
      for (const prefix of ['aws', 'ec2']) context[`${prefix}:resourcetag/${Key.toLowerCase()}`] = [Value]
    }
  }
  const kind = kinds[String(id).split('-')[0] ?? '']
  const resource = kind ? `arn:aws:ec2:${call.region}:${account}:${kind}/${id}` : '*'
  return { action: `${call.service}:${call.action}`, resource, context }
}

/** EC2's resource types by the beginning of an id. */
const kinds: Record<string, string> = {
  eipalloc: 'elastic-ip',
  i: 'instance',
  sg: 'security-group',
  vol: 'volume',
}
