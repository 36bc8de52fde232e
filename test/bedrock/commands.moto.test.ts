import { AllocateAddressCommand } from '@aws-sdk/client-ec2'
import { CreateRoleCommand } from '@aws-sdk/client-iam'
import { expect, it } from 'vitest'
import { type Account, openAccount } from '../support/account.js'
import { type Ended, run } from '../support/cli.js'
import type { AccountKind } from '../support/gateway/bedrock.js'
import { describeAws } from '../support/moto.js'

interface Check {
  name: string
  ok: boolean
  advice: string[]
  problem: { code: string; fix: string[] } | null
}

describeAws('models and doctor', (moto) => {
  /** Runs a command on a fresh account; afterwards nothing in it may have been changed. */
  async function on(
    kind: AccountKind,
    args: string[],
    {
      prepare,
      ...more
    }: { prepare?: (account: Account) => Promise<unknown>; withoutInternet?: boolean } = {},
  ): Promise<Ended> {
    const account = await openAccount(moto(), { bedrock: kind, ...more })
    try {
      await prepare?.(account)
      account.forget()
      const ended = await run(account, args)
      expect(account.calls.filter((call) => call.changing)).toEqual([])
      return ended
    } finally {
      await account.close()
    }
  }

  const problemsOf = (ended: Ended) =>
    ended.json<{ checks: Check[] }>().checks.flatMap(({ problem }) => problem ?? [])

  it('models lists what can be called, by provider, with what to do about the rest', async () => {
    const { code, stdout } = await on('licence-missing', ['models'])
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /Amazon\n[\s\S]*● *Nova 2 Lite +us\.amazon\.nova-2-lite-v1:0 +us-east-1, us-east-2, us-west-2/,
    )
    expect(stdout).toMatch(/Not callable[\s\S]*Claude Sonnet 5 needs its licence accepted/)
    expect(stdout).toContain('--accept-licences')
  })

  it('models --json is one object, the same for a script every time', async () => {
    const { code, stdout, json } = await on('open', ['models', '--json'])
    expect(code).toBe(0)
    const { models, ...rest } = json<{ models: Record<string, unknown>[] }>()
    expect(JSON.parse(stdout)).toEqual({ ...rest, models })
    expect(rest).toMatchObject({ region: 'us-east-1', default: 'us.anthropic.claude-sonnet-5' })
    expect(models.find(({ id }) => id === 'us.anthropic.claude-sonnet-5')).toEqual({
      id: 'us.anthropic.claude-sonnet-5',
      modelId: 'anthropic.claude-sonnet-5',
      name: 'Claude Sonnet 5',
      provider: 'Anthropic',
      callable: true,
      picked: true,
      doubt: null,
      problem: null,
      released: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      routes: [
        {
          id: 'us.anthropic.claude-sonnet-5',
          kind: 'geographic',
          regions: ['us-east-1', 'us-east-2', 'us-west-2'],
        },
        { id: 'global.anthropic.claude-sonnet-5', kind: 'global', regions: null },
      ],
    })
  })

  it('models says so where nothing can be called, and where the caller may not ask', async () => {
    expect(await on('empty', ['models'])).toMatchObject({ code: 0, stdout: expect.stringContaining('none') })
    expect(await on('denied', ['models'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Allow bedrock:List'),
    })
  })

  it('doctor finds nothing on a perfect account', async () => {
    const ended = await on('open', ['doctor'])
    expect(ended).toMatchObject({ code: 0, stdout: 'All checks passed. Next: librechat-lab up\n' })
  })

  it.each([
    ['not-authorised', 'no-callable-model', 'AWS Support'],
    ['empty', 'no-callable-model', '--region'],
    ['denied', 'bedrock-denied', 'bedrock:List'],
  ] as const)('doctor names the one thing to do on an account of kind %s', async (kind, code, step) => {
    const ended = await on(kind, ['doctor', '--json'])
    expect(ended.code).toBe(1)
    expect(problemsOf(ended)).toEqual([
      expect.objectContaining({ code, fix: expect.arrayContaining([expect.stringContaining(step)]) }),
    ])
  })

  it.each([
    ['form-missing', '--use-case-file'],
    ['licence-missing', '--accept-licences'],
  ] as const)('doctor advises on an account of kind %s, where Nova answers already', async (kind, step) => {
    const ended = await on(kind, ['doctor', '--json'])
    expect(ended.code).toBe(0)
    const { checks } = ended.json<{ checks: Check[] }>()
    expect(checks.flatMap(({ advice }) => advice).join()).toContain(step)
  })

  it.each([
    ['open', 'Claude Fable 5.1', /requires that prompts .* 30 days.*"inherit"/],
    ['payment', 'Claude Sonnet 5', /no valid payment method/],
  ] as const)('models, on an account of kind %s, tells why %s cannot be called', async (kind, name, why) => {
    const { stdout } = await on(kind, ['models'])
    expect(stdout).toMatch(new RegExp(`✖ ${name}`))
    expect(stdout).toMatch(why)
    expect(stdout).toContain(`For ${kind === 'open' ? name : ''}`)
  })

  it('doctor tells which models of a lab do not answer, and why, from the last proof', async () => {
    const account = await openAccount(moto(), { bedrock: 'payment-at-call' })
    try {
      await run(account, ['up', '--yes'])
      account.forget()
      const ended = await run(account, ['doctor', '--json'])
      const { checks } = ended.json<{ checks: Check[] }>()
      expect(checks.flatMap(({ advice }) => advice)).toEqual([
        expect.stringMatching(/^Claude Sonnet 5, .*no valid payment method.*paymentpreferences/),
      ])
    } finally {
      await account.close()
    }
  })

  it('doctor stops at a model that was named and cannot be called', async () => {
    const ended = await on('form-missing', ['doctor', '--models', 'claude-sonnet-5', '--json'])
    expect(ended.code).toBe(1)
    expect(problemsOf(ended)).toMatchObject([{ code: 'model-not-callable' }])
  })

  it.each([
    [
      'a role of someone else has our name',
      'unowned',
      async ({ at }: Account) => {
        const assume = { Version: '2012-10-17', Statement: [] }
        await at('us-east-1').iam.send(
          new CreateRoleCommand({
            RoleName: 'LibreChatInstanceRole',
            AssumeRolePolicyDocument: JSON.stringify(assume),
          }),
        )
      },
    ],
    [
      'no Elastic IP is left',
      'address-quota',
      async ({ at }: Account) => {
        for (let i = 0; i < 5; i += 1)
          await at('us-east-1').ec2.send(new AllocateAddressCommand({ Domain: 'vpc' }))
      },
    ],
  ] as const)('doctor names the one thing to do where %s', async (_, code, prepare) => {
    const ended = await on('open', ['doctor', '--json'], { prepare })
    expect(ended.code).toBe(1)
    expect(problemsOf(ended)).toMatchObject([{ code }])
  })

  it('doctor reports all problems, each with its own number', async () => {
    const ended = await on('not-authorised', ['doctor'], { withoutInternet: true })
    expect(ended.code).toBe(1)
    expect(ended.stdout).toMatch(/1\. [\s\S]*is not public[\s\S]*2\. No chat model/)
  })

  it('doctor without credentials names the way to them', async () => {
    const account = await openAccount(moto())
    try {
      const env = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined }
      const ended = await run(account, ['doctor', '--json'], { env })
      expect(ended.code).toBe(1)
      expect(problemsOf(ended)).toHaveLength(1)
      expect(problemsOf(ended)[0]?.fix.join()).toContain('aws configure')
    } finally {
      await account.close()
    }
  })
})
