import { accountId, callerArn, type Tags, userName } from './account.js'
import { Refusal } from './refusal.js'
import { encodedRefusal } from './sts.js'
import type { World } from './world.js'

interface Statement {
  Effect: string
  Action: string | string[]
  Resource?: string | string[]
  Condition?: { StringEquals?: Record<string, string | string[]> }
}

/**
 * The caller is allowed everything that the user's inline policies don't deny: by the action's name, the address's
 * ARN or `*`, and equal resource tags. EC2's error contains the details in an encoded message.
 */
export function mayTouchAddress(action: string, allocationId: string, tags: Tags, world: World): void {
  const arn = `arn:aws:ec2:${world.region}:${accountId}:elastic-ip/${allocationId}`
  const documents = Object.values(world.account.users[userName] ?? {})
  const statements = documents.flatMap((text) => {
    const { Statement } = JSON.parse(text) as { Statement: Statement | Statement[] }
    return [Statement].flat()
  })
  const denied = statements.some(
    ({ Effect, Action, Resource = '*', Condition }) =>
      Effect === 'Deny' &&
      [Action].flat().includes(action) &&
      [Resource].flat().some((one) => one === '*' || one === arn) &&
      Object.entries(Condition?.StringEquals ?? {}).every(([key, wanted]) =>
        [wanted].flat().includes(tags[key.replace(/^(aws|ec2):ResourceTag\//, '')] ?? ''),
      ),
  )
  if (!denied) return
  throw new Refusal(
    'UnauthorizedOperation',
    `You are not authorized to perform this operation. User: ${callerArn} is not authorized to perform: ${action} ` +
      `on resource: ${arn} with an explicit deny in an identity-based policy. ` +
      `Encoded authorization failure message: ${encodedRefusal(action, arn)}`,
    403,
  )
}
