import { RunInstancesCommand } from '@aws-sdk/client-ec2'
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam'
import {
  GetCommandInvocationCommand,
  PutParameterCommand,
  SendCommandCommand,
  SSMClient,
} from '@aws-sdk/client-ssm'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Account, openAccount } from '../support/account.js'
import { Gateway } from '../support/gateway/gateway.js'
import { runCommand } from '../support/gateway/runcommand.js'
import { describeAws } from '../support/moto.js'

describeAws('{{ssm:…}} in what Run Command carries', (moto) => {
  let account: Account
  let gateway: Gateway
  let ssm: SSMClient
  let InstanceId: string

  /** A host that prints what it is told to run. */
  beforeEach(async () => {
    account = await openAccount(moto())
    const { ec2, iam, ssm: store } = account.at('us-east-1')
    await iam.send(new CreateRoleCommand({ RoleName: 'r', AssumeRolePolicyDocument: '{"Statement":[]}' }))
    await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: 'p' }))
    await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName: 'p', RoleName: 'r' }))
    const wanted = { ImageId: 'ami-12c6146b', MinCount: 1, MaxCount: 1, IamInstanceProfile: { Name: 'p' } }
    const { Instances } = await ec2.send(new RunInstancesCommand(wanted))
    InstanceId = Instances?.[0]?.InstanceId ?? ''
    const parameters = [
      { Name: '/a', Value: "it's $HOME", Type: 'String' as const },
      { Name: 'list', Value: 'ls,date', Type: 'StringList' as const },
      { Name: 'secret', Value: 'hidden', Type: 'SecureString' as const },
    ]
    for (const one of parameters) await store.send(new PutParameterCommand(one))
    const echo = async ({ commands }: { commands: readonly string[] }) => ({
      code: 0,
      stdout: commands.join('\n'),
    })
    gateway = new Gateway(new URL(account.endpoint), [
      runCommand({ online: async () => true }, echo, account.at),
    ])
    const { credentials } = account
    ssm = new SSMClient({ endpoint: await gateway.listen(), credentials, region: 'us-east-1' })
  })
  afterEach(async () => {
    await gateway.close()
    await account.close()
  })

  async function run(...commands: string[]) {
    const DocumentName = 'AWS-RunShellScript'
    const { Command } = await ssm.send(
      new SendCommandCommand({ InstanceIds: [InstanceId], DocumentName, Parameters: { commands } }),
    )
    const CommandId = Command?.CommandId ?? ''
    const seen = () => ssm.send(new GetCommandInvocationCommand({ CommandId, InstanceId }))
    await expect.poll(async () => (await seen()).Status).not.toBe('InProgress')
    return seen()
  }

  it.each([
    ['a name', ['echo {{ssm:/a}} {{ ssm:/a }}'], "echo it's $HOME it's $HOME"],
    ['a version', ['echo {{ssm:/a:1}}'], "echo it's $HOME"],
    ['a list that is a line of its own', ['set -e', '{{ssm:list}}'], 'set -e\nls\ndate'],
  ])('is replaced by the value, unquoted: %s', async (_, commands, stdout) => {
    expect(await run(...commands)).toMatchObject({ Status: 'Success', StandardOutputContent: stdout })
  })

  it.each([
    ['is missing', 'echo {{ssm:none}}', 'Input contains invalid parameters [none]'],
    ['is secret', 'echo {{ssm:secret}}', 'Parameters [secret] of type SecureString are not supported'],
    ['is a list', 'echo {{ssm:list}}', 'Parameter list of type StringList cannot be used as a String'],
  ])('fails the command, of which nothing runs, where the parameter %s', async (_, line, why) => {
    expect(await run('first', line)).toMatchObject({
      Status: 'Failed',
      StandardOutputContent: '',
      StandardErrorContent: expect.stringContaining(why),
    })
  })

  it('fails the command where the host’s role may not read parameters', async () => {
    const Statement = [{ Effect: 'Deny', Action: 'ssm:GetParameter*', Resource: '*' }]
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement })
    const policy = { RoleName: 'r', PolicyName: 'inline', PolicyDocument }
    await account.at('us-east-1').iam.send(new PutRolePolicyCommand(policy))
    expect(await run('echo {{ssm:/a}}')).toMatchObject({
      Status: 'Failed',
      StandardErrorContent: expect.stringContaining('not authorized to perform: ssm:GetParameters'),
    })
  })
})
