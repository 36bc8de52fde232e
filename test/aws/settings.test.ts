import { EC2Client, ModifyInstanceAttributeCommand, ModifyVolumeCommand } from '@aws-sdk/client-ec2'
import { PutParameterCommand } from '@aws-sdk/client-ssm'
import { expect, it } from 'vitest'
import type { Account } from '../support/account.js'
import { type Ended, run, start } from '../support/cli.js'
import { inbound, lab, only } from '../support/lab.js'
import { describeAccount } from '../support/suite.js'
import { changes } from '../support/tally.js'

const Name = '/librechat-lab/default/spec'
const boundary = 'arn:aws:iam::aws:policy/PowerUserAccess'
/** The settings as somebody else in the account writes them. */
async function write(account: Account, settings: object) {
  const Value = JSON.stringify(settings)
  await account
    .at('us-east-1')
    .ssm.send(new PutParameterCommand({ Name, Value, Type: 'String', Overwrite: true }))
}
const succeeds = async (ending: Promise<Ended>) => {
  const ended = await ending
  expect(ended.code, ended.stderr).toBe(0)
  return ended
}

describeAccount('settings that someone else wrote', (account) => {
  it('change nothing with --yes that the command line does not contain, and are shown in the plan', async () => {
    await succeeds(run(account(), ['up', '--yes', '--permissions-boundary', boundary]))
    const { spec } = await lab(account())
    const poisons: [object, RegExp, RegExp][] = [
      [
        { allow: { from: 'given', cidrs: ['6.6.0.0/16'], everyone: false } },
        /--allow-cidr 6\.6\.0\.0\/16/,
        /→ 6\.6\.0\.0\/16 \(65,536 addresses\)/,
      ],
      [
        { domain: 'evil.example', openPort80: true },
        /--domain evil\.example --open-port-80/,
        /domain +none → evil\.example/,
      ],
      [
        { permissionsBoundary: undefined },
        new RegExp(`--permissions-boundary ${boundary}`),
        /boundary +arn:\S+ → none/,
      ],
      [
        { instanceType: 't3.2xlarge', diskGb: 16_000, maxTokens: 128_000 },
        /--max-tokens 128000 --instance-type t3\.2xlarge --disk 16000/,
        /longest answer +8192 tokens → 128000 tokens[\s\S]*type +t3\.medium → t3\.2xlarge[\s\S]*disk +30 GB → 16000 GB/,
      ],
      [{ email: 'evil@example.org' }, /--email evil@example\.org/, /first user +none → evil@example\.org/],
    ]
    for (const [poison, flag, planned] of poisons) {
      await write(account(), { ...spec, ...poison })
      account().forget()
      const refused = await run(account(), ['up', '--yes'])
      expect(refused.code, refused.stderr).toBe(1)
      expect(refused.stderr).toMatch(flag)
      expect(changes(account().calls)).toEqual([])
      const plan = await succeeds(run(account(), ['up', '--dry-run']))
      expect(plan.stdout).toMatch(planned)
      if (!('domain' in poison)) continue
      const opened = await succeeds(run(account(), ['open', '--json']))
      expect(opened.json().url).toBe(`https://${only((await lab(account())).addresses).PublicIp}`)
    }
  })

  it('of version 1, as 0.1.0 stored them, are read as they are', async () => {
    await succeeds(run(account(), ['up', '--yes']))
    await write(account(), {
      ...(await lab(account())).spec,
      version: 1,
      creations: undefined,
      profileArns: [],
    })
    const status = await run(account(), ['status', '--json'])
    expect(status.json<{ spec: { version: number } }>().spec.version).toBe(2)
  })

  it('are a conflict and not lost when they change between the reading and the plan', async () => {
    await succeeds(run(account(), ['up', '--yes']))
    const other = ['up', '--yes', '--allow-cidr', '81.2.70.0/24']
    let done: Promise<Ended> | undefined
    account().gateway.faults.add({
      action: /^GET .*foundation-models/,
      effect: {
        kind: 'run',
        when: 'before',
        act: async () => {
          done = run(account(), other)
          await done
        },
      },
    })
    await succeeds(run(account(), ['up', '--yes', '--disk', '40']))
    await succeeds(done as Promise<Ended>)
    const found = await lab(account())
    expect(found.spec).toMatchObject({ diskGb: 40, allow: { cidrs: ['81.2.70.0/24'] } })
    expect(inbound(only(found.groups))).toContain('tcp 443 81.2.70.0/24')
  })
})

describeAccount('what AWS would refuse', (account) => {
  it('is refused by the plan before anything is written', async () => {
    await succeeds(run(account(), ['up', '--yes']))
    const before = await lab(account())
    for (const [args, says] of [
      [['--instance-type', 't4g.medium'], /t3\.medium \(x86_64\) cannot become t4g\.medium \(arm64\)/],
      [['--disk', '20'], /30 GB and cannot become 20 GB/],
      [['--subnet-id', 'subnet-0123456789abcdef0'], /cannot move to subnet-0123456789abcdef0/],
    ] as const) {
      account().forget()
      const ended = await run(account(), ['up', '--yes', ...args])
      expect(ended.code, ended.stderr).toBe(1)
      expect(ended.stderr).toMatch(says)
      expect(changes(account().calls)).toEqual([])
    }
    expect((await lab(account())).spec).toEqual(before.spec)
  })

  it('is refused by the test’s own AWS too', async () => {
    await succeeds(run(account(), ['up', '--yes']))
    const instance = only((await lab(account())).instances)
    const { InstanceId = '' } = instance
    const gateway = new EC2Client({
      endpoint: account().endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIDTEST', secretAccessKey: 'secret' },
    })
    const arm = new ModifyInstanceAttributeCommand({ InstanceId, InstanceType: { Value: 't4g.medium' } })
    await expect(gateway.send(arm)).rejects.toMatchObject({ name: 'InvalidInstanceAttributeValue' })
    const VolumeId = instance.BlockDeviceMappings?.[0]?.Ebs?.VolumeId ?? ''
    await expect(gateway.send(new ModifyVolumeCommand({ VolumeId, Size: 20 }))).rejects.toMatchObject({
      name: 'InvalidParameterValue',
    })
  })

  it('waits after a change of type until the host is healthy again', async () => {
    await succeeds(run(account(), ['up', '--yes']))
    const id = only((await lab(account())).instances).InstanceId ?? ''
    const ran = account().hosts.of(id).ran.length
    const ended = await succeeds(run(account(), ['up', '--yes', '--instance-type', 't3.large']))
    expect(ended.stderr).toMatch(/health: checked again after the change of type/)
    expect(account().hosts.of(id).ran.slice(ran).join()).toMatch(/health/)
  })
})

describeAccount('the first user', (account) => {
  const users = async () => account().hosts.of(only((await lab(account())).instances).InstanceId ?? '').users

  it('gets a new password at the next up when the first run was killed before it could show one', async () => {
    const up = ['up', '--yes', '--email', 'me@example.org']
    const running = start(account(), up)
    const acted = { kind: 'run' as const, when: 'before' as const, act: () => running.signal('SIGKILL') }
    // The stack stage, which creates the user, is over when the health stage begins.
    account().gateway.faults.add({
      where: ({ action, params }) => action === 'SendCommand' && /health$/.test(String(params.Comment)),
      nth: 1,
      effect: acted,
    })
    expect((await running.ended).code).toBe('SIGKILL')
    expect(await users()).toEqual(['me@example.org'])
    // Whoever may write the settings could have it set a new password, so --yes does it only where the command says it.
    const unsaid = await run(account(), ['up', '--yes'])
    expect(unsaid.code).toBe(1)
    expect(unsaid.stderr).toMatch(/give me@example\.org a new password[\s\S]*--email me@example\.org/)
    const next = await succeeds(run(account(), up))
    expect(next.stderr).toMatch(/password of me@example\.org: never shown → a new one/)
    expect(next.stdout).toMatch(/Password +\S+/)
    const after = await succeeds(run(account(), ['up', '--yes']))
    expect(after.stdout).toMatch(/No changes/)
    expect(after.stdout).not.toMatch(/Password +\S+/)
    expect((await lab(account())).spec).not.toHaveProperty('passwordDue')
  })

  it('is not planned on a lab that has users, and up says so', async () => {
    await succeeds(run(account(), ['up', '--yes']))
    const before = await run(account(), ['up', '--yes'])
    expect(before.stdout).toMatch(/create the first user/i)
    ;(await users()).push('ana@example.org')
    const after = await succeeds(run(account(), ['up', '--yes']))
    expect(after.stdout).not.toMatch(/create the first user/i)
    const ended = await succeeds(run(account(), ['up', '--yes', '--email', 'me@example.org']))
    expect(ended.stderr).toMatch(/has a user already[\s\S]*user add me@example\.org/)
    expect(ended.stdout).toMatch(/No changes/)
    expect(await users()).toEqual(['ana@example.org'])
    expect((await lab(account())).spec).not.toHaveProperty('email')
  })
})
