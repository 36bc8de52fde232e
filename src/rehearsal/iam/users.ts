import { accountId, userName } from '../account.js'
import type { Answers } from '../answers.js'
import { found } from '../refusal.js'
import { checkDocument, encoded, noSuch } from './common.js'

export const users = {
  GetUser(input, world) {
    const name = input.UserName ?? userName
    found(world.account.users, name, ...noSuch(`user with name ${name}`))
    return {
      User: {
        Path: '/',
        UserName: name,
        UserId: 'AIDAREHEARSAL',
        Arn: `arn:aws:iam::${accountId}:user/${name}`,
        CreateDate: new Date(0),
      },
    }
  },

  PutUserPolicy(input, world) {
    const policies = found(world.account.users, input.UserName, ...noSuch(`user with name ${input.UserName}`))
    policies[input.PolicyName ?? ''] = checkDocument(input.PolicyDocument)
    return {}
  },

  GetUserPolicy(input, world) {
    const policies = found(world.account.users, input.UserName, ...noSuch(`user with name ${input.UserName}`))
    const document = found(policies, input.PolicyName, ...noSuch(`user policy with name ${input.PolicyName}`))
    return { UserName: input.UserName, PolicyName: input.PolicyName, PolicyDocument: encoded(document) }
  },

  DeleteUserPolicy(input, world) {
    const policies = found(world.account.users, input.UserName, ...noSuch(`user with name ${input.UserName}`))
    found(policies, input.PolicyName, ...noSuch(`user policy with name ${input.PolicyName}`))
    delete policies[input.PolicyName ?? '']
    return {}
  },
} satisfies Answers<typeof import('@aws-sdk/client-iam')>
