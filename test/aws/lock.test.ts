import { hostname } from 'node:os'
import { DeleteParameterCommand, GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm'
import { expect, it, vi } from 'vitest'
import type { Account } from '../support/account.js'
import { type Running, run, start } from '../support/cli.js'
import { inbound, lab, only } from '../support/lab.js'
import { describeAccount } from '../support/suite.js'

const Name = '/librechat-lab/default/lock'
const sent = (account: Account, action: string, parameter = Name) =>
  account.calls.filter((call) => call.action === action && call.params.Name === parameter)

/** As another run would have left it. */
const heldBy = (account: Account, machine: string, pid: number) => {
  const holder = {
    id: 'other',
    who: `ana@${machine}`,
    machine,
    pid,
    command: 'up',
    since: new Date().toISOString(),
  }
  const put = { Name, Value: JSON.stringify(holder), Type: 'String' as const, Overwrite: true }
  return account.at('us-east-1').ssm.send(new PutParameterCommand(put))
}

describeAccount('the lock', (account) => {
  it('is taken before the first change, without overwriting, and is gone afterwards', async () => {
    await run(account(), ['up', '--yes'])
    const first = account().calls.find(({ changing }) => changing)
    expect(first).toMatchObject({ action: 'PutParameter', params: { Name } })
    expect(first?.params.Overwrite ?? false).toBe(false)
    const holder = JSON.parse(String(first?.params.Value))
    expect(holder).toMatchObject({ who: expect.stringContaining(hostname()), command: 'up' })
    expect((await lab(account())).lock).toBeUndefined()
  })

  it('is not taken when there is nothing to change', async () => {
    await run(account(), ['up', '--yes'])
    account().forget()
    await run(account(), ['up', '--yes'])
    await run(account(), ['status'])
    await run(account(), ['up', '--dry-run'])
    expect(sent(account(), 'PutParameter')).toEqual([])
  })

  it('of a run that was killed on this machine is taken over immediately', async () => {
    const killed = start(account(), ['up', '--yes'])
    account().gateway.faults.add({
      action: 'CreateRole',
      effect: { kind: 'run', when: 'before', act: () => killed.signal('SIGKILL') },
    })
    await killed.ended
    expect((await lab(account())).lock).toBeDefined()
    const ended = await run(account(), ['up', '--yes'])
    expect(ended.code, ended.stderr).toBe(0)
    expect((await lab(account())).lock).toBeUndefined()
  })

  it('of a machine with the same host name is waited for, although no process here has its id', async () => {
    const noProcess = 2 ** 22 + 1
    await heldBy(account(), hostname(), noProcess)
    const waiting = start(account(), ['up', '--yes'], { env: { LIBRECHAT_LAB_POLL_SCALE: '0.05' } })
    await vi.waitFor(() => expect(waiting.stderr()).toMatch(/is changing this lab/), 60_000)
    expect((await lab(account())).groups).toEqual([])
    waiting.signal('SIGINT')
    expect((await waiting.ended).code).toBe(130)
  })

  it('stops a run that has lost it before its next change', async () => {
    const running = start(account(), ['up', '--yes'])
    account().gateway.faults.add({
      action: 'CreateSecurityGroup',
      effect: {
        kind: 'run',
        when: 'after',
        act: () => heldBy(account(), 'elsewhere', 1).then(() => {}),
      },
    })
    const ended = await running.ended
    expect(ended.code).toBe(2)
    expect(ended.stderr).toMatch(/ana@elsewhere has taken over this lab/)
    const { Parameter } = await account().at('us-east-1').ssm.send(new GetParameterCommand({ Name }))
    expect(JSON.parse(Parameter?.Value ?? '')).toMatchObject({ id: 'other' })
  })

  it('is renewed through TooManyUpdates', async () => {
    account().hosts.mood.takes = 500
    account().gateway.faults.add({
      where: ({ action, params }) =>
        action === 'PutParameter' && params.Overwrite === true && params.Name === Name,
      times: 2,
      effect: { kind: 'error', code: 'TooManyUpdates' },
    })
    const ended = await run(account(), ['up', '--yes'])
    expect(ended.code, ended.stderr).toBe(0)
    const renewals = sent(account(), 'PutParameter').filter(({ params }) => params.Overwrite)
    expect(renewals.length).toBeGreaterThan(3)
  })

  it('of another user is waited for while it is renewed, and the user is named', async () => {
    await heldBy(account(), 'elsewhere', 1)
    const waiting = start(account(), ['up', '--yes'], { env: { LIBRECHAT_LAB_POLL_SCALE: '0.05' } })
    const renewed = () => heldBy(account(), 'elsewhere', 1)
    await vi.waitFor(
      async () => {
        await renewed()
        expect(waiting.stderr()).toMatch(/ana@elsewhere/)
      },
      { timeout: 60_000, interval: 300 },
    )
    for (let n = 0; n < 10; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, 300))
      await renewed()
    }
    expect((await lab(account())).groups).toEqual([])
    waiting.signal('SIGINT')
    expect((await waiting.ended).code).toBe(130)
    const { Parameter } = await account().at('us-east-1').ssm.send(new GetParameterCommand({ Name }))
    expect(JSON.parse(Parameter?.Value ?? '')).toMatchObject({ id: 'other' })
  })

  /** Until one of the runs waits for the lock; or has ended, and the test will say why. */
  const untilOneWaits = (runs: () => (Running | undefined)[]) =>
    vi.waitFor(() => {
      const waits = (one?: Running) => one && /is changing this lab/.test(one.stderr())
      expect(runs().some((one) => waits(one) || typeof one?.child.exitCode === 'number')).toBe(true)
    }, 60_000)

  /** A run that stands before its call until another one waits for it. */
  const startAndHold = (args: string[], action: string, other: () => Running | undefined) =>
    new Promise<Running>((reached) => {
      const running = start(account(), args)
      const act = () => {
        reached(running)
        return untilOneWaits(() => [other()])
      }
      account().gateway.faults.add({ action, effect: { kind: 'run', when: 'before', act } })
    })

  const bothSucceed = async (first: Running | undefined, second: Running) => {
    const ended = await Promise.all([first?.ended, second.ended])
    const said = ended.map((one) => one?.stderr).join('\n')
    expect(
      ended.map((one) => one?.code),
      said,
    ).toEqual([0, 0])
    expect(said).toMatch(/is changing this lab/)
    const found = await lab(account())
    for (const things of [found.instances, found.addresses, found.groups]) only(things)
    expect(found.lock).toBeUndefined()
  }

  it('keeps two runs of up apart: one waits, and there is one lab', async () => {
    const runs: Running[] = []
    const act = () => untilOneWaits(() => runs)
    account().gateway.faults.add({ action: 'CreateRole', effect: { kind: 'run', when: 'before', act } })
    const [first, second] = [start(account(), ['up', '--yes']), start(account(), ['up', '--yes'])]
    runs.push(first, second)
    await bothSucceed(first, second)
  })

  it.each(['AttachRolePolicy', 'RunInstances', 'AssociateAddress'])(
    'is waited for by a run that began before there were settings and looks while %s is under way',
    async (action) => {
      let [first, second]: (Running | undefined)[] = []
      const act = async () => {
        first = await startAndHold(['up', '--yes'], action, () => second)
      }
      // The second run asks for the models when it has read the settings.
      const models = /^GET .*foundation-models/
      account().gateway.faults.add({ action: models, effect: { kind: 'run', when: 'before', act } })
      second = start(account(), ['up', '--yes'])
      await second.ended
      await bothSucceed(first, second)
    },
  )

  it('is waited for by a run that reads what the other has stored and not yet done', async () => {
    await run(account(), ['up', '--yes'])
    let second: Running | undefined
    const opens = ['up', '--yes', '--allow-cidr', '81.2.70.0/24']
    const first = await startAndHold(opens, 'AuthorizeSecurityGroupIngress', () => second)
    second = start(account(), ['up', '--yes', '--disk', '40'])
    await bothSucceed(first, second)
    const found = await lab(account())
    expect(found.spec).toMatchObject({ diskGb: 40, allow: { cidrs: ['81.2.70.0/24'] } })
    expect(inbound(only(found.groups))).toContain('tcp 443 81.2.70.0/24')
  })

  it('keeps what each of two runs at once has chosen', async () => {
    await run(account(), ['up', '--yes'])
    const [first, second] = await Promise.all([
      run(account(), ['up', '--yes', '--allow-cidr', '81.2.70.0/24']),
      run(account(), ['up', '--yes', '--disk', '40']),
    ])
    expect([first.code, second.code], first.stderr + second.stderr).toEqual([0, 0])
    const found = await lab(account())
    expect(found.spec).toMatchObject({ diskGb: 40, allow: { cidrs: ['81.2.70.0/24'] } })
    expect(only(found.volumes).Size).toBe(40)
    expect(inbound(only(found.groups))).toContain('tcp 443 81.2.70.0/24')
  })

  it('is followed by a look at the settings that another run stored while this one waited for it', async () => {
    await run(account(), ['up', '--yes'])
    const { spec } = await lab(account())
    const { ssm } = account().at('us-east-1')
    const store = (settings: object) => {
      const Value = JSON.stringify(settings)
      const put = { Name: '/librechat-lab/default/spec', Value, Type: 'String' as const, Overwrite: true }
      return ssm.send(new PutParameterCommand(put))
    }
    /** `up` waits for the lock of another run, which stores this before it removes the lock. */
    const meanwhile = async (theirs: object) => {
      await store(spec ?? {})
      await heldBy(account(), 'elsewhere', 1)
      const waiting = start(account(), ['up', '--yes', '--disk', '40'])
      await vi.waitFor(() => expect(waiting.stderr()).toMatch(/is changing this lab/), 60_000)
      await store({ ...spec, ...theirs })
      await ssm.send(new DeleteParameterCommand({ Name }))
      return await waiting.ended
    }
    const range = { from: 'given', cidrs: ['6.6.0.0/16'], everyone: false }
    expect(await meanwhile({ allow: range })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /does not ask for: let in 6\.6\.0\.0\/16.*up --yes --disk 40 --allow-cidr 6\.6\.0\.0\/16/s,
      ),
    })
    expect(await meanwhile({ diskGb: 50 })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/Another run has just changed --disk/),
    })
    expect(only((await lab(account())).volumes).Size).toBe(30)
    const merged = await meanwhile({ tags: { Owner: 'ana' } })
    expect(merged.code, merged.stderr).toBe(0)
    expect((await lab(account())).spec).toMatchObject({ diskGb: 40, tags: { Owner: 'ana' } })
    expect(only((await lab(account())).volumes).Size).toBe(40)
  })

  it('keeps up and destroy apart: the result is one lab or none', async () => {
    await run(account(), ['up', '--yes'])
    const address = only((await lab(account())).addresses).PublicIp ?? ''
    const destroy = ['destroy', '--confirm', 'default', '--release-address', address]
    const [up, gone] = await Promise.all([
      run(account(), ['up', '--yes', '--allow-cidr', '81.2.70.0/24']),
      run(account(), destroy),
    ])
    const found = await lab(account())
    const counts = [found.instances, found.addresses, found.groups].map(({ length }) => length)
    expect(
      [up.code, gone.code].some((code) => code === 0),
      up.stderr + gone.stderr,
    ).toBe(true)
    expect(['0,0,0', '1,1,1']).toContain(counts.join())
    expect(found.lock).toBeUndefined()
  })

  it('is released when the run fails, and when it is interrupted', async () => {
    account().gateway.faults.add({
      action: 'RunInstances',
      effect: { kind: 'error', code: 'VcpuLimitExceeded' },
    })
    await run(account(), ['up', '--yes'])
    expect((await lab(account())).lock).toBeUndefined()
    const running = start(account(), ['up', '--yes'])
    account().gateway.faults.add({
      action: 'RunInstances',
      effect: { kind: 'run', when: 'before', act: () => running.signal('SIGINT') },
    })
    const ended = await running.ended
    expect(ended.code).toBe(130)
    expect(ended.stderr).toMatch(/Stopping/)
    expect((await lab(account())).lock).toBeUndefined()
    expect(await run(account(), ['up', '--yes'])).toMatchObject({ code: 0 })
    only((await lab(account())).instances)
  })
})
