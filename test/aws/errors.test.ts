import {
  AllocateAddressCommand,
  CreateNetworkInterfaceCommand,
  DeleteSubnetCommand,
  DeleteVpcCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeInternetGatewaysCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  DetachInternetGatewayCommand,
  DisassociateIamInstanceProfileCommand,
} from '@aws-sdk/client-ec2'
import { expect, it } from 'vitest'
import type { Account } from '../support/account.js'
import { anHourLater, run } from '../support/cli.js'
import { expiry, throttle } from '../support/gateway/faults.js'
import { leftovers } from '../support/inventory.js'
import { lab, only, tagsOf } from '../support/lab.js'
import { describeAccount } from '../support/suite.js'
import { changes } from '../support/tally.js'

const sent = (account: Account, action: string) => account.calls.filter((call) => call.action === action)
const up = (account: Account, ...more: string[]) => run(account, ['up', '--yes', ...more])

/** A code at which nothing helps but the user: what it must say. */
interface Fatal {
  action: string
  code: string
  says: RegExp[]
}

const fatal: Fatal[] = [
  {
    action: 'RunInstances',
    code: 'VcpuLimitExceeded',
    says: [/vCPU/, /servicequotas/, /L-1216C47A/, /--instance-type/],
  },
  {
    action: 'AllocateAddress',
    code: 'AddressLimitExceeded',
    says: [/Elastic IP/, /servicequotas/, /L-0263D0A3/],
  },
  { action: 'RunInstances', code: 'PendingVerification', says: [/verif/, /e-mail|wait/i] },
  { action: 'RunInstances', code: 'Blocked', says: [/blocked/, /contact/] },
  { action: 'RunInstances', code: 'OptInRequired', says: [/sign/, /https:\/\/\S+/] },
]

describeAccount('what AWS refuses', (account) => {
  it.each(fatal)('$code: says what the user must do, once, and goes on when it is done', async (row) => {
    const { action, code, says } = row
    account().gateway.faults.add({ action, effect: { kind: 'error', code, message: `AWS says ${code}` } })
    const ended = await up(account())
    expect(ended.code).toBe(2)
    for (const said of says) expect(ended.stderr).toMatch(said)
    expect(ended.stderr).toMatch(/request id|[0-9a-f]{8}-[0-9a-f]{4}-/i)
    expect(ended.stderr).not.toMatch(/\n\s+at /)
    expect(sent(account(), action)).toHaveLength(1)
    expect(await up(account())).toMatchObject({ code: 0 })
    const found = await lab(account())
    for (const things of [found.instances, found.addresses, found.groups]) only(things)
    expect(found.lock).toBeUndefined()
  })

  it('settings that cannot be stored: nothing else is created, and the same command finishes later', async () => {
    account().gateway.faults.add({
      action: 'PutParameter',
      where: ({ params }) => params.Name === '/librechat-lab/default/spec',
      effect: { kind: 'error', code: 'AccessDeniedException' },
    })
    expect(await up(account())).toMatchObject({ code: 2 })
    expect(await leftovers(account(), ['us-east-1'])).toEqual([])
    expect(await up(account())).toMatchObject({ code: 0 })
  })

  it('AddressLimitExceeded: lists the idle addresses', async () => {
    const { PublicIp } = await account()
      .at('us-east-1')
      .ec2.send(new AllocateAddressCommand({ Domain: 'vpc' }))
    account().gateway.faults.add({
      action: 'AllocateAddress',
      effect: { kind: 'error', code: 'AddressLimitExceeded' },
    })
    const ended = await up(account())
    expect(ended.stderr).toContain(PublicIp)
  })

  it('InvalidParameterValue for the profile: waits until EC2 knows it', async () => {
    account().slowness.profile = 1_500
    expect(await up(account())).toMatchObject({ code: 0 })
    expect(sent(account(), 'RunInstances').length).toBeGreaterThan(1)
    expect(new Set(sent(account(), 'RunInstances').map(({ params }) => params.ClientToken)).size).toBe(1)
    only((await lab(account())).instances)
  })

  it('InvalidParameterValue for another reason than propagation is reported at once', async () => {
    const effect = {
      kind: 'error',
      code: 'InvalidParameterValue',
      message: 'Invalid value for volume size',
    } as const
    account().gateway.faults.add({ action: 'RunInstances', times: 5, effect })
    const ended = await up(account())
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain('Invalid value for volume size')
    expect(sent(account(), 'RunInstances')).toHaveLength(1)
  })

  it('an instance launched silently without its profile gets it', async () => {
    account().gateway.faults.add({
      action: 'RunInstances',
      effect: {
        kind: 'run',
        when: 'after',
        act: async () => {
          const { ec2 } = account().at('us-east-1')
          const { IamInstanceProfileAssociations } = await ec2.send(
            new DescribeIamInstanceProfileAssociationsCommand({}),
          )
          const { AssociationId } = only(IamInstanceProfileAssociations)
          await ec2.send(new DisassociateIamInstanceProfileCommand({ AssociationId }))
        },
      },
    })
    expect(await up(account())).toMatchObject({ code: 0 })
    const found = await lab(account())
    expect(only(found.instances).profileArn).toBe(found.profile?.Arn)
  })

  it('an agent that comes late is waited for', async () => {
    account().slowness.agent = 1_500
    const ended = await up(account())
    expect(ended.code, ended.stderr).toBe(0)
    expect(sent(account(), 'DescribeInstanceInformation').length).toBeGreaterThan(3)
  })

  it('an agent that never comes is diagnosed at the deadline: role, way out, agent', async () => {
    account().slowness.agent = 3_600_000
    const ended = await anHourLater(account(), ['up', '--yes'], {
      action: 'DescribeInstanceInformation',
      nth: 3,
    })
    expect(ended.code).toBe(2)
    for (const cause of [/role/, /internet gateway|egress|way out/, /agent/, /reboot/])
      expect(ended.stderr).toMatch(cause)
  })

  it('InvalidInstanceId from SendCommand, although it was online: reports it and continues when run again', async () => {
    account().gateway.faults.add({
      action: 'SendCommand',
      effect: {
        kind: 'error',
        code: 'InvalidInstanceId',
        message: 'Instances not in a valid state for account',
      },
    })
    const ended = await up(account())
    if (ended.code !== 0) expect(ended.stderr).toMatch(/Systems Manager/)
    expect(await up(account())).toMatchObject({ code: 0 })
  })

  it('InvocationDoesNotExist just after sending, and throttled polls, do not fail the run', async () => {
    const poll = { action: 'GetCommandInvocation' }
    account().gateway.faults.add({
      ...poll,
      times: 2,
      effect: { kind: 'error', code: 'InvocationDoesNotExist' },
    })
    account().gateway.faults.add({
      ...poll,
      nth: 4,
      times: 4,
      effect: { kind: 'error', code: 'ThrottlingException' },
    })
    expect(await up(account())).toMatchObject({ code: 0 })
  })

  it.each(['InsufficientInstanceCapacity', 'InsufficientFreeAddressesInSubnet', 'Unsupported'])(
    '%s: takes the next zone',
    async (code) => {
      const effect = { kind: 'error', code, message: `${code} in this zone` } as const
      account().gateway.faults.add({ action: 'RunInstances', times: 2, effect })
      expect(await up(account())).toMatchObject({ code: 0 })
      const subnets = sent(account(), 'RunInstances').map(
        (call) => call.params['NetworkInterface.1.SubnetId'],
      )
      expect(subnets).toHaveLength(3)
      expect(new Set(subnets).size).toBe(3)
      only((await lab(account())).instances)
    },
  )

  it('InsufficientInstanceCapacity everywhere: tries each zone that offers the type once, then offers another', async () => {
    const effect = { kind: 'error', code: 'InsufficientInstanceCapacity', message: 'no room' } as const
    account().gateway.faults.add({ action: 'RunInstances', times: Infinity, effect })
    const ended = await up(account())
    expect(ended.code).toBe(2)
    expect(ended.stderr).toMatch(/--instance-type/)
    const tried = sent(account(), 'RunInstances').map((call) => call.params['NetworkInterface.1.SubnetId'])
    // us-east-1e offers no t3: five of the six zones.
    expect(tried).toHaveLength(5)
    expect(new Set(tried).size).toBe(5)
  })

  it('never asks for a zone that does not offer the type', async () => {
    await up(account())
    const { Subnets } = await account().at('us-east-1').ec2.send(new DescribeSubnetsCommand({}))
    const without = Subnets?.find(({ AvailabilityZone }) => AvailabilityZone === 'us-east-1e')?.SubnetId
    const tried = sent(account(), 'RunInstances').map((call) => call.params['NetworkInterface.1.SubnetId'])
    expect(tried).not.toContain(without)
  })

  it.each([
    ['instance', 'InvalidInstanceID.NotFound'],
    ['group', 'InvalidGroup.NotFound'],
    ['address', 'InvalidAllocationID.NotFound'],
  ] as const)('an %s not yet visible (%s) is waited for, and nothing is made twice', async (kind, _code) => {
    account().slowness[kind] = 500
    const ended = await up(account())
    expect(ended.code, ended.stderr).toBe(0)
    const found = await lab(account())
    for (const things of [found.instances, found.addresses, found.groups]) only(things)
    expect(only(found.addresses).InstanceId).toBe(only(found.instances).InstanceId)
  })

  it.each(['RunInstances', 'AllocateAddress', 'CreateSecurityGroup', 'CreateRole', 'PutParameter'])(
    'a lost answer to %s never makes two',
    async (action) => {
      account().gateway.faults.add({ action, effect: { kind: 'drop' } })
      const ended = await up(account())
      expect(ended.code, ended.stderr).toBe(0)
      const found = await lab(account())
      for (const things of [found.instances, found.addresses, found.groups]) only(things)
      const standing = await leftovers(account(), ['us-east-1'])
      expect(standing.filter((line) => line.startsWith('eipalloc'))).toHaveLength(1)
      expect(standing.filter((line) => line.startsWith('i-') && line.includes(' t3'))).toHaveLength(1)
    },
  )

  it('IdempotentParameterMismatch: another run used the token for something else; it is reported or repaired, and nothing is created twice', async () => {
    account().gateway.faults.add({
      action: 'RunInstances',
      effect: { kind: 'error', code: 'IdempotentParameterMismatch', message: 'Arguments are inconsistent' },
    })
    const first = await up(account())
    if (first.code !== 0) expect(await up(account())).toMatchObject({ code: 0 })
    only((await lab(account())).instances)
  })

  it('DependencyViolation on the group: waits until nothing uses it', async () => {
    await up(account())
    account().gateway.faults.add({
      action: 'DeleteSecurityGroup',
      times: 3,
      effect: { kind: 'error', code: 'DependencyViolation', message: 'resource has a dependent object' },
    })
    expect(await run(account(), ['destroy', '--confirm', 'default'])).toMatchObject({ code: 0 })
    expect((await lab(account())).groups).toEqual([])
  })

  it('DependencyViolation to the deadline: names the interfaces', async () => {
    await up(account())
    const GroupId = only((await lab(account())).groups).GroupId ?? ''
    const { ec2 } = account().at('us-east-1')
    const SubnetId = (await ec2.send(new DescribeSubnetsCommand({}))).Subnets?.[0]?.SubnetId
    const { NetworkInterface } = await ec2.send(
      new CreateNetworkInterfaceCommand({ SubnetId, Groups: [GroupId] }),
    )
    account().gateway.faults.add({
      action: 'DeleteSecurityGroup',
      times: Infinity,
      effect: { kind: 'error', code: 'DependencyViolation', message: 'resource has a dependent object' },
    })
    const ended = await anHourLater(account(), ['destroy', '--confirm', 'default'], {
      action: 'DeleteSecurityGroup',
      nth: 3,
    })
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain(NetworkInterface?.NetworkInterfaceId)
    expect(sent(account(), 'DescribeNetworkInterfaces').length).toBeGreaterThan(0)
  })

  it('InvalidIPAddress.InUse: takes it off first, and releases it', async () => {
    await up(account())
    const address = only((await lab(account())).addresses).PublicIp ?? ''
    account().gateway.faults.add({
      action: 'ReleaseAddress',
      times: 2,
      effect: { kind: 'error', code: 'InvalidIPAddress.InUse' },
    })
    const args = ['destroy', '--confirm', 'default', '--release-address', address]
    expect(await run(account(), args)).toMatchObject({ code: 0 })
    expect((await lab(account())).addresses).toEqual([])
  })

  it('throttling: every third call, and it still gets done', async () => {
    account().gateway.faults.storm = (call) => (call.index % 3 === 0 ? throttle(call) : undefined)
    const ended = await up(account())
    expect(ended.code, ended.stderr).toBe(0)
    only((await lab(account())).instances)
  })

  it('UnauthorizedOperation: decodes the message, names the action and the resource, and does not retry', async () => {
    account().permissions.deny('ec2:RunInstances')
    const ended = await up(account())
    expect(ended.code).toBe(2)
    expect(ended.stderr).toMatch(/denies ec2:RunInstances on arn:aws:ec2:us-east-1/)
    expect(ended.stderr).not.toMatch(/Encoded/)
    expect(ended.stderr).toContain('librechat-lab policy')
    expect(sent(account(), 'DecodeAuthorizationMessage')).toHaveLength(1)
    expect(sent(account(), 'RunInstances')).toHaveLength(1)
  })

  it('UnauthorizedOperation, and no right to decode either: still names the action', async () => {
    account().permissions.deny('ec2:RunInstances', 'sts:DecodeAuthorizationMessage')
    const ended = await up(account())
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain('ec2:RunInstances')
  })

  it('no default VPC: seen before anything is made, with both ways on', async () => {
    await withoutDefaultVpc(account())
    const ended = await up(account())
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/--create-default-vpc/)
    expect(ended.stderr).toMatch(/--subnet-id/)
    expect(changes(account().calls)).toEqual([])
    expect(await up(account(), '--create-default-vpc')).toMatchObject({ code: 0 })
    only((await lab(account())).instances)
  })

  it.each([
    ['sts', 'InvalidClientTokenId'],
    ['ec2', 'AuthFailure'],
    ['ssm', 'UnrecognizedClientException'],
  ])(
    'a region that is not enabled (%s: %s): checks that before it blames the credentials',
    async (service, code) => {
      account().gateway.faults.add({
        service,
        times: Infinity,
        where: ({ region }) => region === 'ap-east-1',
        effect: { kind: 'error', code, message: 'The security token included in the request is invalid' },
      })
      const ended = await up(account(), '--region', 'ap-east-1')
      expect(ended.code).toBe(1)
      expect(ended.stderr).toMatch(/ap-east-1/)
      expect(ended.stderr).toMatch(/not enabled|enable/i)
      expect(changes(account().calls)).toEqual([])
    },
  )

  it('credentials that expire in the middle: says how to get new ones, and the next run finishes', async () => {
    let calls = 0
    account().gateway.faults.storm = (call) => {
      calls += 1
      return calls > 25 ? expiry(call) : undefined
    }
    const profile = { AWS_PROFILE: undefined }
    const ended = await run(account(), ['up', '--yes'], { env: profile })
    expect(ended.code).toBeGreaterThan(0)
    expect(ended.stderr).toMatch(/expired/)
    expect(ended.stderr).toMatch(/aws sso login/)
    expect(ended.stderr).toMatch(/again|nothing is lost/i)
    account().gateway.faults.clear()
    expect(await up(account())).toMatchObject({ code: 0 })
    const found = await lab(account())
    for (const things of [found.instances, found.addresses, found.groups]) only(things)
    expect(found.lock).toBeUndefined()
    expect(tagsOf(found.role?.Tags)).toMatchObject({ 'librechat-lab:name': 'default' })
  })

  it('no credentials at all: names the ways to get some, before any call', async () => {
    const env = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined }
    const ended = await run(account(), ['up', '--yes'], { env })
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/aws configure/)
    expect(ended.stderr).toMatch(/--rehearse/)
    expect(account().calls).toEqual([])
  })

  it('a stage that fails: shows the end of its own log, and goes on when run again', async () => {
    account().hosts.mood.failing = {
      docker:
        '{"error":{"code":"no-network","what":"Docker could not be fetched.","why":"No way out.","fix":["Look at the route."]}}\n' +
        '--- the end of /var/log/librechat-lab/docker.log\nCurl error (28): timeout was reached\n',
    }
    const ended = await up(account())
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain('Docker could not be fetched.')
    expect(ended.stderr).toContain('Curl error (28)')
    expect(ended.stderr).toContain('Look at the route.')
    account().hosts.mood.failing = {}
    expect(await up(account())).toMatchObject({ code: 0 })
    only((await lab(account())).instances)
  })

  it('with --json an error is one object on stdout, with a stable code', async () => {
    account().gateway.faults.add({
      action: 'RunInstances',
      effect: { kind: 'error', code: 'VcpuLimitExceeded' },
    })
    const ended = await up(account(), '--json')
    expect(ended.json()).toMatchObject({ error: { code: expect.any(String), fix: expect.any(Array) } })
  })
})

async function withoutDefaultVpc(account: Account): Promise<void> {
  const { ec2 } = account.at('us-east-1')
  const VpcId = only((await ec2.send(new DescribeVpcsCommand({}))).Vpcs).VpcId
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}))
  for (const { SubnetId } of Subnets) await ec2.send(new DeleteSubnetCommand({ SubnetId }))
  const { InternetGateways = [] } = await ec2.send(new DescribeInternetGatewaysCommand({}))
  for (const { InternetGatewayId } of InternetGateways) {
    await ec2.send(new DetachInternetGatewayCommand({ InternetGatewayId, VpcId }))
  }
  await ec2.send(new DeleteVpcCommand({ VpcId }))
}
