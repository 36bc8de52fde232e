import type { NeededAction } from '../lab/permissions.js'
import type { AnyAnswers } from './answers.js'
import { bedrock } from './bedrock.js'
import { budgets } from './budgets.js'
import { cloudwatch } from './cloudwatch.js'
import { ec2 } from './ec2/index.js'
import {
  bedrockExceptions,
  budgetsExceptions,
  cloudwatchExceptions,
  type Exceptions,
  ec2Exceptions,
  iamExceptions,
  schedulerExceptions,
  ssmExceptions,
  stsExceptions,
} from './exceptions.js'
import { iam } from './iam/index.js'
import type { Service } from './intercept.js'
import { parameters } from './parameters.js'
import { runCommand } from './run-command.js'
import { scheduler } from './scheduler.js'
import { sessions } from './sessions.js'
import { sts } from './sts.js'

/** Calls that need no permission, or one that only an administrator has (`address policy --attach-to-user`). */
type OtherCalls =
  | BudgetCalls
  | 'sts:GetCallerIdentity'
  | 'sts:DecodeAuthorizationMessage'
  | 'iam:PutUserPolicy'
/** A budget's actions have other names than its calls: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbudgetservice.html */
type BudgetCalls = `budgets:${
  | `${'Create' | 'Describe' | 'Update' | 'Delete'}Budget`
  | 'DescribeNotificationsForBudget'
  | 'DescribeSubscribersForNotification'
  | `${'Create' | 'Delete'}Notification`}`
/** Actions without a call of the same name. */
type NotCalls = 'iam:PassRole' | `budgets:${'View' | 'Modify'}Budget`
type ProgramCall<Name extends string> = Exclude<NeededAction, NotCalls> | OtherCalls extends infer Action
  ? Action extends `${Name}:${infer Call}`
    ? Call
    : never
  : never

/** A service that answers exactly the program's calls; otherwise this does not compile. */
const service = <Name extends string, Given extends Record<ProgramCall<Name>, unknown>>(
  name: Name,
  answers: Given & Record<Exclude<keyof Given, ProgramCall<Name>>, never>,
  exceptions: Exceptions,
): Service => ({ name, answers: answers as AnyAnswers, exceptions })

/** The services that the rehearsal account has. */
export const services = {
  ec2: service('ec2', ec2, ec2Exceptions),
  iam: service('iam', iam, iamExceptions),
  ssm: service('ssm', { ...parameters, ...runCommand, ...sessions }, ssmExceptions),
  scheduler: service('scheduler', scheduler, schedulerExceptions),
  sts: service('sts', sts, stsExceptions),
  budgets: service('budgets', budgets, budgetsExceptions),
  cloudwatch: service('cloudwatch', cloudwatch, cloudwatchExceptions),
  bedrock: service('bedrock', bedrock, bedrockExceptions),
}
