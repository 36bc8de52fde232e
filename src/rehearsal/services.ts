import { bedrock } from './bedrock.js'
import { ec2 } from './ec2/index.js'
import {
  bedrockExceptions,
  ec2Exceptions,
  iamExceptions,
  ssmExceptions,
  stsExceptions,
} from './exceptions.js'
import { iam } from './iam/index.js'
import type { Service } from './intercept.js'
import { parameters } from './parameters.js'
import { runCommand } from './run-command.js'
import { sessions } from './sessions.js'
import { sts } from './sts.js'

/** The services that the rehearsal account has. */
export const services = {
  ec2: { name: 'ec2', answers: ec2, exceptions: ec2Exceptions },
  iam: { name: 'iam', answers: iam, exceptions: iamExceptions },
  ssm: { name: 'ssm', answers: { ...parameters, ...runCommand, ...sessions }, exceptions: ssmExceptions },
  sts: { name: 'sts', answers: sts, exceptions: stsExceptions },
  bedrock: { name: 'bedrock', answers: bedrock, exceptions: bedrockExceptions },
} satisfies Record<string, Service>
