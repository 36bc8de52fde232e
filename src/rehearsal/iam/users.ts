import type { Answers } from '../answers.js'
import { found } from '../refusal.js'
import { checkDocument, noSuch } from './common.js'

export const users = {
  PutUserPolicy(input, world) {
    const policies = found(world.account.users, input.UserName, ...noSuch(`user with name ${input.UserName}`))
    policies[input.PolicyName ?? ''] = checkDocument(input.PolicyDocument)
    return {}
  },
} satisfies Answers<typeof import('@aws-sdk/client-iam')>
