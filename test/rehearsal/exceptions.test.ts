import { readdirSync, readFileSync } from 'node:fs'
import * as bedrock from '@aws-sdk/client-bedrock'
import * as ec2 from '@aws-sdk/client-ec2'
import * as iam from '@aws-sdk/client-iam'
import * as ssm from '@aws-sdk/client-ssm'
import * as sts from '@aws-sdk/client-sts'
import { expect, it } from 'vitest'
import * as ours from '../../src/rehearsal/exceptions.js'

const folder = new URL('../../src/rehearsal/', import.meta.url)
const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
)
const written = (pattern: RegExp) =>
  sources
    .filter((file) => pattern.test(file))
    .map((file) => readFileSync(new URL(file, folder), 'utf8'))
    .join('\n')

it.each([
  ['ec2', ec2, ours.ec2Exceptions, written(/^ec2./)],
  ['iam', iam, ours.iamExceptions, written(/^iam/)],
  ['ssm', ssm, ours.ssmExceptions, written(/^(parameters|run-command|sessions)/)],
  ['sts', sts, ours.stsExceptions, written(/^(sts|interfere)/)],
  ['bedrock', bedrock, ours.bedrockExceptions, written(/^(bedrock|interfere)/)],
])(
  'throws %s’s own exception for each refusal that the SDK has a class for',
  (_name, sdk, { classes }, text) => {
    const used = Object.entries(sdk).filter(
      ([name, value]) =>
        typeof value === 'function' &&
        value.prototype instanceof Error &&
        new RegExp(`'${name.replace(/Exception$/, '')}(Exception)?'`).test(text),
    )
    expect(Object.keys(classes)).toEqual(expect.arrayContaining(used.map(([name]) => name)))
    for (const [name, own] of Object.entries(classes)) {
      expect(own).toBe(sdk[name as keyof typeof sdk])
      expect(used.map(([one]) => one)).toContain(name)
    }
  },
)
