import { accountId, callerArn } from './account.js'
import type { Answers } from './answers.js'

export const sts = {
  GetCallerIdentity() {
    return { Account: accountId, Arn: callerArn, UserId: 'AIDAREHEARSAL' }
  },
} satisfies Answers<typeof import('@aws-sdk/client-sts')>
