import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  AllocateAddressCommand,
  AssociateIamInstanceProfileCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DeleteInternetGatewayCommand,
  DeleteSubnetCommand,
  DeleteTagsCommand,
  DeleteVpcCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeInternetGatewaysCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  DetachInternetGatewayCommand,
  DisassociateAddressCommand,
  DisassociateIamInstanceProfileCommand,
  ModifyInstanceAttributeCommand,
  ModifyInstanceMetadataOptionsCommand,
  ModifyVolumeCommand,
  RevokeSecurityGroupEgressCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2'
import {
  AddRoleToInstanceProfileCommand,
  AttachRolePolicyCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  RemoveRoleFromInstanceProfileCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam'
import {
  DeleteScheduleGroupCommand,
  GetScheduleCommand,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler'
import { PutParameterCommand } from '@aws-sdk/client-ssm'
import { afterAll, expect, it, vi } from 'vitest'
import { type Account, type AccountOptions, openAccount } from '../support/account.js'
import { clockJump, newHome, type RunOptions, run, start } from '../support/cli.js'
import type { Witness } from '../support/clients.js'
import { jsonAnswer } from '../support/gateway/wire.js'
import { lab, only } from '../support/lab.js'
import { describeAws } from '../support/moto.js'
import { Remote } from '../tunnel/remote.js'
import { type Guard, guard } from './guard.js'
import { type Asked, judge, without } from './judge.js'

const role = 'LibreChatInstanceRole'
const setSchedule = ['schedule', 'set', '--start', '08:00', '--stop', '20:00', '--timezone', 'UTC']
const assumable = (AWS: string) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole' }],
  })

describeAws('the printed policy', (moto) => {
  const open: Account[] = []
  const guards: Guard[] = []
  let remote: Remote | undefined
  afterAll(async () => {
    await Promise.all(open.map((account) => account.close()))
    await remote?.stop()
  })

  const guarded = async (options?: AccountOptions) => {
    const account = await openAccount(moto(), options)
    const own = guard(account)
    open.push(account)
    guards.push(own)
    /** Runs a command as somebody who has its policy alone, and nothing of it may be refused. */
    const may = async (commands: string[], args: string[], code = 0, options: RunOptions = {}) => {
      await own.only(...commands)
      const before = own.refused.length
      const ended = await run(account, args, options)
      own.off()
      expect(own.refused.slice(before), args.join(' ')).toEqual([])
      expect(ended.code, `${args.join(' ')}\n${ended.stdout}${ended.stderr}`).toBe(code)
      return ended
    }
    return { account, may, guard: own, at: account.at('us-east-1') }
  }

  it('lets each command do its work, a whole life long', { timeout: 240_000 }, async () => {
    const { account, may, guard: own, at } = await guarded({ regions: ['us-east-1', 'eu-central-1'] })
    const found = async () => {
      const there = await lab(account)
      return {
        instanceId: only(there.instances).InstanceId ?? '',
        groupId: only(there.groups).GroupId ?? '',
        volumeId: only(there.volumes).VolumeId ?? '',
        address: only(there.addresses),
      }
    }
    const { ec2, iam } = at
    await may(['doctor'], ['doctor'])
    await may(['models'], ['models'])
    await may(['up'], ['up', '--yes', '--email', 'ana@example.org', '--budget', '50'])
    await may(['status'], ['status', '--chat'])
    await may(['list'], ['list', '--all-regions'])
    await may(['open'], ['open'])
    await may(['address'], ['address', 'policy'])
    await may(['access'], ['access', 'list'])
    await withoutEgress(at, (await found()).groupId)
    await may(['access'], ['access', 'add', '198.50.100.0/24', '--yes'])
    await may(['access'], ['access', 'remove', '198.50.100.0/24', '--yes'])
    await may(['user'], ['user', 'add', 'bob@example.org'])
    await may(['user'], ['user', 'list'])
    await may(['user'], ['user', 'remove', 'bob@example.org', '--confirm', 'bob@example.org'])
    await may(['portainer'], ['portainer', 'password'])
    const ModelId = 'amazon.nova-pro-v1:0'
    account.answer({
      before: (call) => (call.action === 'ListMetrics' ? jsonAnswer(used(ModelId)) : undefined),
    })
    await may(['usage'], ['usage'])
    await may(['user'], ['user', 'allowance'])
    const { stdout } = await may(['snapshot'], ['backup', '--snapshot', '--json'])
    await may(['snapshot'], ['backup', 'remove', JSON.parse(stdout).snapshot.name, '--confirm', 'default'])
    await dataMoves(account, may)
    await may(['schedule'], setSchedule)
    // The last chat proof is on the host, which doctor's policy does not reach: doctor says so and goes on.
    await own.only('doctor')
    expect((await run(account, ['doctor'])).code).toBe(0)
    expect(own.refused.map(({ action }) => action)).toEqual(['ssm:DescribeInstanceInformation'])
    own.off()
    await may(['schedule'], ['schedule', 'off'])
    const typed = ['user', 'add', 'eva@example.org', '--password-stdin']
    await may(['user'], typed, 0, { input: 'correct horse battery\n' })

    // Changed by hand, all at once, and repaired.
    const { instanceId, groupId, volumeId, address } = await found()
    const profiles = await ec2.send(new DescribeIamInstanceProfileAssociationsCommand({}))
    const AssociationId = only(profiles.IamInstanceProfileAssociations).AssociationId
    await ec2.send(new DisassociateIamInstanceProfileCommand({ AssociationId }))
    const imds = { InstanceId: instanceId, HttpTokens: 'optional' as const, HttpEndpoint: 'enabled' as const }
    await ec2.send(new ModifyInstanceMetadataOptionsCommand(imds))
    const unprotected = { InstanceId: instanceId, DisableApiTermination: { Value: false } }
    await ec2.send(new ModifyInstanceAttributeCommand(unprotected))
    await ec2.send(new ModifyVolumeCommand({ VolumeId: volumeId, Iops: 4000 }))
    const everybody = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }
    await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: groupId, IpPermissions: [everybody] }))
    await withoutEgress(at, groupId)
    const PolicyArn = 'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore'
    await iam.send(new DetachRolePolicyCommand({ RoleName: role, PolicyArn }))
    await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: role, PolicyDocument: assumable('*') }))
    const more = { RoleName: role, PolicyName: 'Everything', PolicyDocument: everything }
    await iam.send(new PutRolePolicyCommand(more))
    const ReadOnly = 'arn:aws:iam::aws:policy/ReadOnlyAccess'
    await iam.send(new AttachRolePolicyCommand({ RoleName: role, PolicyArn: ReadOnly }))
    const Tags = [{ Key: 'librechat-lab:protected' }]
    await ec2.send(new DeleteTagsCommand({ Resources: [address.AllocationId ?? ''], Tags }))
    account.addresses.offer(address.AllocationId ?? '', '210987654321')
    await ec2.send(new DisassociateAddressCommand({ AssociationId: address.AssociationId }))
    const left = {
      Name: '/librechat-lab/default/secret/4567',
      Value: 'secret',
      Type: 'SecureString' as const,
    }
    await at.ssm.send(new PutParameterCommand(left))
    await may(['up'], ['up', '--yes'])

    // Another profile at the instance, another type, a larger disk; stopped, a boundary, and none again.
    const InstanceProfileName = 'other'
    await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName }))
    await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName: role }))
    const [theirs] =
      (await ec2.send(new DescribeIamInstanceProfileAssociationsCommand({})))
        .IamInstanceProfileAssociations ?? []
    await ec2.send(new DisassociateIamInstanceProfileCommand({ AssociationId: theirs?.AssociationId }))
    const other = { InstanceId: instanceId, IamInstanceProfile: { Name: InstanceProfileName } }
    await ec2.send(new AssociateIamInstanceProfileCommand(other))
    await may(['up'], ['up', '--yes', '--instance-type', 't3.large', '--disk', '40'])
    await ec2.send(new StopInstancesCommand({ InstanceIds: [instanceId] }))
    const bounded = ['--permissions-boundary', 'arn:aws:iam::aws:policy/PowerUserAccess']
    await may(['up'], ['up', '--yes', ...bounded])
    const PermissionsBoundary = 'arn:aws:iam::aws:policy/ReadOnlyAccess'
    await iam.send(new PutRolePermissionsBoundaryCommand({ RoleName: role, PermissionsBoundary }))
    await may(['up'], ['up', '--yes', ...bounded, '--replace-instance', instanceId, '--discard-data'])

    await iam.send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName, RoleName: role }))

    await rests(account, may)

    // What a killed run leaves goes with the lab.
    const Name = '/librechat-lab/default/secret/0123'
    await at.ssm.send(new PutParameterCommand({ Name, Value: 'secret', Type: 'SecureString' }))
    const { address: last } = await found()
    await may(['destroy'], ['destroy', '--confirm', 'default', '--release-address', last.PublicIp ?? ''])
    expect((await lab(account)).addresses).toEqual([])
  })

  it('lets up take away a boundary that the settings never had', async () => {
    const { account, may, at, guard: own } = await guarded()
    expect(await run(account, ['up', '--yes'])).toMatchObject({ code: 0 })
    const PermissionsBoundary = 'arn:aws:iam::aws:policy/ReadOnlyAccess'
    await at.iam.send(new PutRolePermissionsBoundaryCommand({ RoleName: role, PermissionsBoundary }))
    await may(['up'], ['up', '--yes', '--no-permissions-boundary'])
    await may(['schedule'], setSchedule)
    const RoleName = 'LibreChatScheduleRole'
    await at.iam.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary }))
    await may(['schedule'], setSchedule)
    // A stranger's instance profile, with a role of theirs in it: theirs goes out, the lab's goes in.
    const InstanceProfileName = role
    await at.iam.send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName, RoleName: role }))
    const AssumeRolePolicyDocument = assumable('*')
    await at.iam.send(new CreateRoleCommand({ RoleName: 'theirs', AssumeRolePolicyDocument }))
    await at.iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName: 'theirs' }))
    await may(['up'], ['up', '--yes'])
    // A group that something else still uses is named at the deadline.
    account.gateway.faults.add({
      action: 'DeleteSecurityGroup',
      times: Infinity,
      effect: { kind: 'error', code: 'DependencyViolation', message: 'resource has a dependent object' },
    })
    await own.only('destroy')
    const env = { NODE_OPTIONS: `--import=${clockJump}` }
    const running = start(account, ['destroy', '--confirm', 'default'], { env })
    account.gateway.faults.add({
      action: 'DeleteSecurityGroup',
      nth: 3,
      effect: { kind: 'run', when: 'before', act: () => running.signal('SIGUSR2') },
    })
    expect((await running.ended).code).toBe(2)
    expect(account.calls.map(({ action }) => action)).toContain('DescribeNetworkInterfaces')
    expect(own.refused).toEqual([])
  })

  it('lets open ask the host which domain it serves, and doctor and up ask for the quota of addresses', async () => {
    const { account, may } = await guarded()
    await may(['up'], ['up', '--yes', '--domain', 'chat.example.org', '--open-port-80'])
    await may(['open'], ['open'])
    expect((await lab(account)).addresses).toHaveLength(1)
    const full = await guarded()
    for (let held = 0; held < 5; held++) await full.at.ec2.send(new AllocateAddressCommand({ Domain: 'vpc' }))
    await full.may(['doctor'], ['doctor'], 1)
    await full.may(['up'], ['up', '--yes'], 1)
  })

  it('lets up make the default VPC, fill in the form, accept licences', async () => {
    const bare = await guarded()
    await withoutDefaultVpc(bare.at)
    await bare.may(['up'], ['up', '--yes', '--create-default-vpc'])
    const form = {
      companyName: 'Example',
      companyWebsite: 'https://example.com',
      intendedUsers: '0',
      industryOption: 'Education',
      useCases: 'A private chat for a team of five.',
    }
    const file = join(newHome(), 'form.json')
    writeFileSync(file, JSON.stringify(form))
    const fresh = await guarded({ bedrock: 'form-missing' })
    await fresh.may(['doctor'], ['doctor'])
    await fresh.may(['models'], ['models'])
    await fresh.may(['up'], ['up', '--yes'])
    await fresh.may(['status'], ['status'])
    await fresh.may(['up'], ['up', '--yes', '--use-case-file', file, '--accept-licences'])
  })

  it('lets up take over a stranger’s things only where adopting was asked for', async () => {
    const { account, may, at, guard: own } = await guarded()
    const group = { GroupName: 'LibreChatSecurityGroup', Description: 'theirs' }
    await at.ec2.send(new CreateSecurityGroupCommand({ ...group, VpcId: await vpcOf(at) }))
    await at.iam.send(new CreateRoleCommand({ RoleName: role, AssumeRolePolicyDocument: assumable('*') }))
    await at.iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: role }))
    // Nothing is ours: status needs the network to say so.
    await may(['status'], ['status'], 3)
    await own.only('up')
    expect((await run(account, ['up', '--yes', '--adopt'])).code).toBe(2)
    expect(own.refused.map(({ action }) => action)).toEqual(['ec2:CreateTags'])
    const second = await guarded()
    await second.at.ec2.send(new CreateSecurityGroupCommand({ ...group, VpcId: await vpcOf(second.at) }))
    await second.may(['up', 'adopt'], ['up', '--yes', '--adopt'])
  })

  it('lets tunnel, shell and logs open sessions of their own kind, and no other', async () => {
    const { account, guard: own } = await guarded()
    expect(await run(account, ['up', '--yes'])).toMatchObject({ code: 0 })
    const { InstanceId = '' } = only((await lab(account)).instances)
    remote = await Remote.start()
    const { accessKeyId: id, secretAccessKey: secret } = account.credentials
    await remote.set({ agent: {}, instances: [{ id: InstanceId }], errors: {}, accessKey: { id, secret } })
    const { url } = remote
    account.answer({
      // moto has no sessions: the remote side of the tunnel's own tests plays them.
      async before(call) {
        const { action, params } = call
        if (!/Session/.test(action)) return undefined
        const headers = {
          'x-amz-target': `AmazonSSM.${action}`,
          'content-type': 'application/x-amz-json-1.1',
        }
        const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(params) })
        return { ...jsonAnswer({}), status: answer.status, body: await answer.text() }
      },
    })
    for (const args of [['tunnel', '80'], ['shell'], ['logs', 'proxy', '--follow']]) {
      account.forget()
      await own.only(String(args[0]))
      account.gateway.faults.add({
        action: 'StartSession',
        effect: { kind: 'error', code: 'TargetNotConnected' },
      })
      expect((await run(account, args)).stderr).toContain('agent')
      const session = start(account, args, { input: 'sleep 20\n' })
      const answered = () => account.calls.flatMap(({ action, status }) => (status === 200 ? [action] : []))
      const done = (action: string) =>
        vi.waitFor(() => expect(answered(), args.join(' ') + session.stderr()).toContain(action), 15_000)
      // Its connection breaks as soon as it stands: a command that ends at once has to resume as well.
      while ((await remote.break('kill')) === 0) await new Promise((later) => setTimeout(later, 5))
      await done('ResumeSession')
      session.signal('SIGINT')
      await session.ended
      expect(account.calls.map(({ action }) => action)).toContain('TerminateSession')
      expect(own.refused).toEqual([])
    }
    // Whoever may have a tunnel alone gets no shell.
    await own.only('tunnel')
    expect((await run(account, ['shell'])).code).toBe(1)
    expect(own.refused.map(({ resource }) => resource.split('/').pop())).toEqual([
      'SSM-SessionManagerRunShell',
    ])
  })

  it('holds nothing that some run did not need', async () => {
    const asked = new Map<string, Asked[]>()
    for (const own of guards) {
      for (const [commands, questions] of own.asked) {
        // What adopting adds is one statement, and a test of its own.
        if (commands === 'up adopt') continue
        asked.set(commands, [...(asked.get(commands) ?? []), ...questions])
      }
    }
    const [account] = open
    if (!account) throw new Error('no run was recorded')
    const spare: string[] = []
    for (const [commands, questions] of asked) {
      const policy = JSON.parse((await run(account, ['policy', ...commands.split(' ')])).stdout)
      const actions = new Set<string>(policy.Statement.flatMap(({ Action }: { Action: string[] }) => Action))
      for (const action of actions) {
        // Their data goes through the sessions of `tunnel`, which break and are resumed above; `s3` notes it too.
        const elsewhere = /Session|ssmmessages|InstanceInformation|CreateTags/
        if (['backup', 'restore'].includes(commands) && elsewhere.test(action)) continue
        const less = without(policy, action)
        const needing = questions.filter((question) => question.action === action)
        const verdicts = await Promise.all(needing.map((question) => judge([less], question)))
        if (verdicts.every((verdict) => verdict === 'Allowed')) spare.push(`${commands}: ${action}`)
      }
    }
    expect(spare).toEqual([])
  })

  it('allows besides what no emulator asks about, and the docs say where AWS asks', () => {
    const questions = guards.flatMap((own) => [...own.asked.values()].flat())
    const besides = questions.flatMap(({ action, besides }) => (besides ? [action] : []))
    const docs = readFileSync(new URL('../../docs/permissions.md', import.meta.url), 'utf8')
    const table = docs.slice(docs.indexOf('## What no emulator checks'))
    const rows = [...table.matchAll(/^\| `([\w-]+:\w+)` \|.*https:\/\/docs\.aws\.amazon\.com\//gm)]
    expect(rows.map(([, action]) => action).sort()).toEqual([...new Set(besides)].sort())
  })
})

/** Backups and an update, as far as a played host goes: the role is known by its instance alone. */
async function dataMoves(
  account: Account,
  may: (commands: string[], args: string[], code?: number) => Promise<unknown>,
): Promise<void> {
  const pass = join(newHome(), 'pass.txt')
  writeFileSync(pass, 'four random words\n')
  const { iam } = account.at('us-east-1')
  const Tags = (await iam.send(new GetRoleCommand({ RoleName: role }))).Role?.Tags
  await iam.send(new UntagRoleCommand({ RoleName: role, TagKeys: ['librechat-lab:creation'] }))
  await may(['s3'], ['backup', '--to', 's3://my-backups/lab', '--passphrase-file', pass])
  await iam.send(new TagRoleCommand({ RoleName: role, Tags }))
  await may(['backup'], ['backup', 'list'])
  // The host has no dump to give; the lock is taken and released.
  await may(['backup'], ['backup', `${pass}.backup`, '--passphrase-file', pass], 1)
  await may(['restore'], ['restore', '20260101T020000Z-nightly', '--confirm', 'default'], 1)
  const { InstanceId = '' } = only((await lab(account)).instances)
  account.hosts.of(InstanceId).runs.librechat = 'v0.8.7'
  await may(['update'], ['update', '--yes'])
  delete account.hosts.of(InstanceId).runs.librechat
}

/** Stopped, started, with a schedule that somebody changes, repaired by each command that can. */
async function rests(
  account: Account,
  may: (commands: string[], args: string[], code?: number) => Promise<unknown>,
): Promise<void> {
  const { ec2, iam, scheduler } = account.at('us-east-1')
  const RoleName = 'LibreChatScheduleRole'
  const harm = async () => {
    const PolicyDocument = assumable('*')
    await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }))
    await iam.send(
      new PutRolePolicyCommand({ RoleName, PolicyName: 'Everything', PolicyDocument: everything }),
    )
    const PolicyArn = 'arn:aws:iam::aws:policy/ReadOnlyAccess'
    await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }))
    await iam.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary: PolicyArn }))
    const group = { GroupName: 'LibreChat' }
    const { Target, FlexibleTimeWindow } = await scheduler.send(
      new GetScheduleCommand({ ...group, Name: 'stop' }),
    )
    const ScheduleExpression = 'cron(0 3 ? * SUN *)'
    await scheduler.send(
      new UpdateScheduleCommand({ ...group, Name: 'stop', ScheduleExpression, Target, FlexibleTimeWindow }),
    )
  }
  await may(['schedule'], setSchedule)
  await harm()
  await may(['schedule'], setSchedule)
  await may(['schedule'], ['schedule', 'show'])
  await harm()
  // Only its own address is let in again, as it is detected, so that start has a rule to swap.
  await may(['up'], ['up', '--yes', '--allow-cidr', 'detect'])
  await scheduler.send(new DeleteScheduleGroupCommand({ Name: 'LibreChat' }))
  await may(['up'], ['up', '--yes'])
  const { address, instance, group } = await lab(account).then((found) => ({
    address: only(found.addresses),
    instance: only(found.instances),
    group: only(found.groups),
  }))
  account.instances.setShutdown(instance.InstanceId ?? '', 'terminate')
  await may(['status'], ['status'], 2)
  await may(['stop'], ['stop'])
  await ec2.send(new DisassociateAddressCommand({ AssociationId: address.AssociationId }))
  account.gateway.publicIp = '81.2.70.1'
  await withoutEgress({ ec2 }, group.GroupId ?? '')
  await may(['start'], ['start'])
  account.gateway.publicIp = '81.2.69.160'
  await may(['schedule'], ['schedule', 'off'])
  await may(['up'], ['up', '--yes'])
  // A lab that its schedule stopped, and the schedule is taken away: the reason is kept.
  await ec2.send(
    new DeleteTagsCommand({
      Resources: [instance.InstanceId ?? ''],
      Tags: [{ Key: 'librechat-lab:stopped' }],
    }),
  )
  const now = new Date().toISOString().slice(11, 16)
  await may(['schedule'], [...setSchedule.slice(0, 4), '--stop', now, '--days', 'daily', '--timezone', 'UTC'])
  expect(await account.schedules.fire('us-east-1', 'LibreChat', 'stop')).toContain('ec2:StopInstances i-')
  await may(['schedule'], ['schedule', 'off'])
  await may(['schedule'], setSchedule)
}

/** CloudWatch's metrics of a model that was called: only then is there something to read. */
const used = (Value: string) => ({
  Metrics: [
    {
      Namespace: 'AWS/Bedrock',
      MetricName: 'InputTokenCount',
      Dimensions: [{ Name: 'ModelId', Value }],
    },
  ],
})

const everything = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
})

async function withoutEgress({ ec2 }: Pick<Witness, 'ec2'>, GroupId: string): Promise<void> {
  const IpPermissions = [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }]
  await ec2.send(new RevokeSecurityGroupEgressCommand({ GroupId, IpPermissions }))
}

async function vpcOf({ ec2 }: Witness): Promise<string> {
  return only((await ec2.send(new DescribeVpcsCommand({}))).Vpcs).VpcId ?? ''
}

async function withoutDefaultVpc(at: Witness): Promise<void> {
  const VpcId = await vpcOf(at)
  const { Subnets = [] } = await at.ec2.send(new DescribeSubnetsCommand({}))
  for (const { SubnetId } of Subnets) await at.ec2.send(new DeleteSubnetCommand({ SubnetId }))
  const { InternetGateways = [] } = await at.ec2.send(new DescribeInternetGatewaysCommand({}))
  for (const { InternetGatewayId } of InternetGateways) {
    await at.ec2.send(new DetachInternetGatewayCommand({ InternetGatewayId, VpcId }))
    await at.ec2.send(new DeleteInternetGatewayCommand({ InternetGatewayId }))
  }
  await at.ec2.send(new DeleteVpcCommand({ VpcId }))
}
