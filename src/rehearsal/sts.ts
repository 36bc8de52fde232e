import { accountId, callerArn } from './account.js'
import type { Answers } from './answers.js'
import { Refusal } from './refusal.js'

/** Decodes the encoded part of EC2's errors, for callers with the permission. */
export const encodedRefusal = (action: string, resource: string): string =>
  Buffer.from(
    JSON.stringify({
      allowed: false,
      explicitDeny: true,
      context: { principal: { arn: callerArn }, action, resource },
    }),
  ).toString('base64url')

export const sts = {
  GetCallerIdentity() {
    return { Account: accountId, Arn: callerArn, UserId: 'AIDAREHEARSAL' }
  },

  DecodeAuthorizationMessage(input) {
    const DecodedMessage = Buffer.from(input.EncodedMessage ?? '', 'base64url').toString()
    if (DecodedMessage.startsWith('{"allowed":false')) return { DecodedMessage }
    throw new Refusal('InvalidAuthorizationMessageException', 'Message is not valid.')
  },
} satisfies Answers<typeof import('@aws-sdk/client-sts')>
