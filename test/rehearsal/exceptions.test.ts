import * as bedrock from '@aws-sdk/client-bedrock'
import * as budgets from '@aws-sdk/client-budgets'
import * as ec2 from '@aws-sdk/client-ec2'
import * as iam from '@aws-sdk/client-iam'
import * as ssm from '@aws-sdk/client-ssm'
import * as sts from '@aws-sdk/client-sts'
import { expect, it } from 'vitest'
import * as ours from '../../src/rehearsal/exceptions.js'
import { exceptionFor, Refusal } from '../../src/rehearsal/refusal.js'

// Which refusal is thrown as which class is compared with moto's, in parity.moto.test.ts.
it.each([
  ['ec2', ec2, ours.ec2Exceptions],
  ['iam', iam, ours.iamExceptions],
  ['ssm', ssm, ours.ssmExceptions],
  ['sts', sts, ours.stsExceptions],
  ['budgets', budgets, ours.budgetsExceptions],
  ['bedrock', bedrock, ours.bedrockExceptions],
])(
  'throws %s’s own exception where the SDK has a class for the code, else the base class',
  (_name, sdk, of) => {
    for (const name of Object.keys(of.classes)) {
      const own = sdk[name as keyof typeof sdk] as unknown as new () => Error
      const code = name.replace(/Exception$/, '')
      expect(exceptionFor(new Refusal(code, 'no'), of, {}), name).toBeInstanceOf(own)
    }
    const other = exceptionFor(new Refusal('SomethingElse', 'no'), of, {})
    expect(other).toMatchObject({ name: 'SomethingElse', message: 'no' })
    expect(other.constructor).toBe(of.base)
  },
)
