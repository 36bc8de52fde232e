import type { EC2Client } from '@aws-sdk/client-ec2'
import { DecodeAuthorizationMessageCommand, type STSClient } from '@aws-sdk/client-sts'
import { isCode } from './errors.js'

const encoded = /\s*Encoded authorization failure message: (\S+)/

/** Which kind of policy it was, in IAM's words: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html */
const policyKind =
  /(with an explicit deny in|because no) (an? )?(service control|resource control|permissions boundary|session|identity-based|resource-based|VPC endpoint)( policy)?( allows)?/

/** Makes EC2's denials name the action and the resource, which EC2 puts into an encoded message. */
export function decodingRefusals(ec2: EC2Client, sts: STSClient): EC2Client {
  ec2.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args)
      } catch (error) {
        const asked = args.input as { DryRun?: boolean }
        // A dry run is supposed to be refused.
        if (!asked.DryRun && error instanceof Error && isCode(error, 'UnauthorizedOperation')) {
          error.message = await readable(error.message, sts)
        }
        throw error
      }
    },
    { step: 'initialize', name: 'decodeRefusals' },
  )
  return ec2
}

/** The message with its encoded part replaced by the decoded text, if the caller is allowed to decode it. */
async function readable(message: string, sts: STSClient): Promise<string> {
  const EncodedMessage = encoded.exec(message)?.[1]
  const plain = message.replace(encoded, '')
  if (!EncodedMessage) return plain
  try {
    const { DecodedMessage } = await sts.send(new DecodeAuthorizationMessageCommand({ EncodedMessage }))
    const { context, explicitDeny } = JSON.parse(DecodedMessage ?? '{}') as {
      context?: { action?: string; resource?: string }
      explicitDeny?: boolean
    }
    if (!context?.action) return plain
    const where = context.resource ? ` on ${context.resource}` : ''
    const kind = policyKind.exec(plain)?.[0]
    return `${explicitDeny ? 'A policy denies' : 'No policy allows'} ${context.action}${where}${kind ? ` (${kind})` : ''}.`
  } catch {
    // The denial is what the user needs to see, even where it can't be decoded.
    return plain
  }
}
