import {
  DisassociateAddressCommand,
  ReleaseAddressCommand,
  StartInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2'
import { GetRoleCommand, GetRolePolicyCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import { GetScheduleCommand, UpdateScheduleCommand } from '@aws-sdk/client-scheduler'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Account, openAccount } from '../support/account.js'
import { type Ended, run } from '../support/cli.js'
import { inventory, leftovers } from '../support/inventory.js'
import { inbound, lab, only } from '../support/lab.js'
import { describeAws } from '../support/moto.js'
import { changes } from '../support/tally.js'

const region = 'us-east-1'
const RoleName = 'LibreChatScheduleRole'
/** The clock in UTC, so many minutes from now. */
const clock = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString().slice(11, 16)

interface Status {
  exitCode: number
  healthy: boolean
  stopped: { by: string; since: string | null; cost: { monthlyUsd: number } } | null
  resources: { name: string; state: string; drift: { what: string; from?: string }[] }[]
}

describeAws('a lab that rests', (moto) => {
  let account: Account
  const at = () => account.at(region)
  const found = async () => {
    const there = await lab(account)
    const address = there.addresses[0]
    return { ...there, id: only(there.instances).InstanceId ?? '', address }
  }
  const succeeds = async (...args: string[]): Promise<Ended> => {
    const ended = await run(account, args)
    expect(ended.code, `${args.join(' ')}\n${ended.stdout}${ended.stderr}`).toBe(0)
    return ended
  }
  const status = async (): Promise<Status> => {
    const ended = await run(account, ['status', '--json'])
    const said = ended.json<Status & Record<string, unknown>>()
    expect(ended.code).toBe(said.exitCode)
    return said
  }
  const schedule = (Name: string) =>
    at().scheduler.send(new GetScheduleCommand({ Name, GroupName: 'LibreChat' }))
  const fires = async (name: string) => await account.schedules.fire(region, 'LibreChat', name)
  const setDaily = (stop: string) =>
    succeeds('schedule', 'set', '--start', clock(600), '--stop', stop, '--days', 'daily', '--timezone', 'UTC')

  let before: Record<string, string[]>
  beforeAll(async () => {
    account = await openAccount(moto(), { models: 3 })
    before = await inventory(account, [region])
    await succeeds('up', '--yes')
  }, 60_000)
  afterAll(() => account.close())

  it('has a schedule of its own: a group, a role for this one instance, two expressions', async () => {
    const { id } = await found()
    const typed = ['--start', '08:00', '--stop', '20:00', '--days', 'mon-fri', '--timezone', 'Europe/Berlin']
    await succeeds('schedule', 'set', ...typed)
    const { Role } = await at().iam.send(new GetRoleCommand({ RoleName }))
    expect(JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '')).Statement).toEqual([
      {
        Effect: 'Allow',
        Principal: { Service: 'scheduler.amazonaws.com' },
        Action: 'sts:AssumeRole',
        Condition: {
          StringEquals: {
            'aws:SourceAccount': account.id,
            'aws:SourceArn': `arn:aws:scheduler:${region}:${account.id}:schedule-group/LibreChat`,
          },
        },
      },
    ])
    const policy = await at().iam.send(
      new GetRolePolicyCommand({ RoleName, PolicyName: 'LibreChatSchedule' }),
    )
    expect(JSON.parse(decodeURIComponent(policy.PolicyDocument ?? '')).Statement).toEqual([
      {
        Effect: 'Allow',
        Action: ['ec2:StartInstances', 'ec2:StopInstances'],
        Resource: `arn:aws:ec2:${region}:${account.id}:instance/${id}`,
      },
    ])
    expect(await schedule('start')).toMatchObject({
      ScheduleExpression: 'cron(0 8 ? * MON,TUE,WED,THU,FRI *)',
      ScheduleExpressionTimezone: 'Europe/Berlin',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        Arn: 'arn:aws:scheduler:::aws-sdk:ec2:startInstances',
        Input: JSON.stringify({ InstanceIds: [id] }),
        RetryPolicy: { MaximumEventAgeInSeconds: 900 },
      },
    })
    expect((await schedule('stop')).ScheduleExpression).toBe('cron(0 20 ? * MON,TUE,WED,THU,FRI *)')
    account.forget()
    expect((await succeeds('schedule', 'set', ...typed)).stdout).toContain('No changes')
    expect(changes(account.calls).filter((call) => !/Parameter$/.test(call))).toEqual([])
    expect((await succeeds('schedule', 'show', '--json')).json()).toMatchObject({
      schedule: { start: '08:00', stop: '20:00', timezone: 'Europe/Berlin' },
      drift: [],
    })
    expect((await status()).exitCode).toBe(0)
  })

  it('is repaired by up after its schedule or its role was changed by hand', async () => {
    const one = await schedule('stop')
    await at().scheduler.send(
      new UpdateScheduleCommand({
        Name: 'stop',
        GroupName: 'LibreChat',
        ScheduleExpression: 'cron(0 3 ? * SUN *)',
        State: 'DISABLED',
        FlexibleTimeWindow: one.FlexibleTimeWindow,
        Target: one.Target,
      }),
    )
    const PolicyDocument =
      '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"}]}'
    await at().iam.send(
      new PutRolePolicyCommand({ RoleName, PolicyName: 'LibreChatSchedule', PolicyDocument }),
    )
    const shown = await run(account, ['schedule', 'show'])
    expect(shown.code).toBe(2)
    expect(shown.stdout).toMatch(/stop: state: is off, should be on/)
    expect((await status()).exitCode).toBe(2)
    await succeeds('up', '--yes')
    expect((await status()).exitCode).toBe(0)
    expect(await schedule('stop')).toMatchObject({
      State: 'ENABLED',
      ScheduleExpressionTimezone: 'Europe/Berlin',
    })
  })

  it('is stopped by its schedule: status says so and exits 0, and the others name start', async () => {
    await setDaily(clock(0))
    const { id } = await found()
    expect(await fires('stop')).toBe(`ec2:StopInstances ${id}`)
    const said = await status()
    expect(said).toMatchObject({ exitCode: 0, healthy: false, stopped: { by: 'schedule' } })
    for (const words of [['tunnel'], ['open'], ['logs'], ['user', 'list'], ['portainer', 'password']]) {
      const ended = await run(account, words)
      expect(ended.code, words.join(' ')).toBe(1)
      expect(ended.stderr, words.join(' ')).toMatch(/stopped, by its schedule\.[\s\S]*librechat-lab start/)
    }
    // Another schedule does not make the stop of the one before a mystery.
    await setDaily(clock(300))
    expect(await status()).toMatchObject({ exitCode: 0, stopped: { by: 'schedule' } })
  })

  it('starts again for the address that the user has now, also where the Elastic IP was taken off', async () => {
    const { address, id } = await found()
    await at().ec2.send(new DisassociateAddressCommand({ AssociationId: address?.AssociationId }))
    account.gateway.publicIp = '81.2.70.1'
    const started = await succeeds('start', '--json')
    expect(started.json()).toMatchObject({ changed: true, healthy: true, instanceId: id })
    const now = await found()
    expect(now.address?.InstanceId).toBe(id)
    expect(inbound(only(now.groups))).toContain('tcp 443 81.2.70.1/32')
    expect(inbound(only(now.groups))).not.toContain('tcp 443 81.2.69.160/32')
    expect(await status()).toMatchObject({ exitCode: 0, healthy: true, stopped: null })
    expect((await succeeds('start')).stdout).toContain('No changes')
  })

  it('is stopped by stop, which says what that costs and saves', async () => {
    await succeeds('schedule', 'off')
    const stopped = await succeeds('stop', '--json')
    // 30 GB at $0.08 and 730 hours of an address at $0.005; running, 730 hours at $0.0416 more.
    expect(stopped.json()).toMatchObject({
      changed: true,
      cost: { monthlyUsd: expect.closeTo(6.05) },
      runningCost: { monthlyUsd: expect.closeTo(36.418) },
    })
    const said = await status()
    expect(said).toMatchObject({
      exitCode: 0,
      stopped: { by: 'stop', cost: { monthlyUsd: expect.closeTo(6.05) } },
    })
    expect((await succeeds('stop')).stdout).toContain('No changes')
  })

  it('that was stopped by hand counts as drift until stop confirms it', async () => {
    const { id } = await found()
    const InstanceIds = [id]
    // A later start and stop than ours: the tag of the earlier stop counts for nothing.
    await at().ec2.send(new StartInstancesCommand({ InstanceIds }))
    await new Promise((resolve) => setTimeout(resolve, 1100))
    await succeeds('start')
    account.instances.restartedAt(id, Date.now() + 3_600_000)
    await at().ec2.send(new StopInstancesCommand({ InstanceIds }))
    expect(await status()).toMatchObject({ exitCode: 2, stopped: { by: 'unknown' } })
    account.instances.restartedAt(id, undefined)
    await succeeds('stop')
    expect(await status()).toMatchObject({ exitCode: 0, stopped: { by: 'stop' } })
    await succeeds('start')
  })

  it('is stopped, and never terminated, by a shutdown from inside', async () => {
    const { id } = await found()
    expect(account.instances.shutdown(id)).toBe('stop')
    await succeeds('up', '--yes', '--idle-stop', '2h')
    account.instances.setShutdown(id, 'terminate')
    account.forget()
    const said = await run(account, ['status'])
    expect(said.code).toBe(2)
    expect(said.stdout).toMatch(
      /after a shutdown from inside: is terminated, with all its data, should be stopped/,
    )
    const asked = account.calls.filter(({ action }) => action === 'SendCommand')
    expect(asked.map(({ params }) => JSON.stringify(params)).join()).toContain('--hold-idle-stop')
    await succeeds('up', '--yes')
    expect(account.instances.shutdown(id)).toBe('stop')
  })

  it('follows a new instance with its schedule', async () => {
    await setDaily(clock(300))
    const { id: old } = await found()
    await succeeds('up', '--yes', '--replace-instance', old, '--discard-data')
    const { id } = await found()
    expect(id).not.toBe(old)
    expect((await schedule('stop')).Target?.Input).toContain(id)
    expect(await fires('stop')).toBe(`ec2:StopInstances ${id}`)
    expect(await fires('start')).toBe(`ec2:StartInstances ${id}`)
  })

  it('is not started where its Elastic IP is gone', async () => {
    await succeeds('stop')
    const { address } = await found()
    await at().ec2.send(new DisassociateAddressCommand({ AssociationId: address?.AssociationId }))
    await at().ec2.send(new ReleaseAddressCommand({ AllocationId: address?.AllocationId }))
    const ended = await run(account, ['start'])
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/Elastic IP is gone[\s\S]*librechat-lab up/)
    expect(only((await lab(account)).instances).State?.Name).toBe('stopped')
  })

  it('leaves no schedule, group or role behind', async () => {
    await succeeds('destroy', '--confirm', 'default')
    expect(await leftovers(account, [region])).toEqual([])
    expect(await inventory(account, [region])).toEqual(before)
  })
})
