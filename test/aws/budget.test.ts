import {
  BudgetsClient,
  CreateBudgetCommand,
  CreateNotificationCommand,
  DeleteBudgetCommand,
  DeleteNotificationCommand,
  DescribeBudgetCommand,
  UpdateBudgetCommand,
} from '@aws-sdk/client-budgets'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Account, openAccount } from '../support/account.js'
import { run } from '../support/cli.js'
import { describeAws } from '../support/moto.js'
import { changes } from '../support/tally.js'

const alerts = ['--alert', 'me@example.org', 'you@example.org']
const notices = (...to: string[]) =>
  ['ACTUAL 100', 'ACTUAL 50', 'ACTUAL 80', 'FORECASTED 100'].map((one) => `${one}: ${to}`)

describeAws('the AWS budget', (moto) => {
  let account: Account
  let Budget: { AccountId: string; BudgetName: string }
  let byHand: BudgetsClient
  const there = async () =>
    (await account.at('us-east-1').budgets.send(new DescribeBudgetCommand(Budget))).Budget
  const succeeds = async (...args: string[]) => {
    account.forget()
    const ended = await run(account, args)
    expect(ended.code, `${args.join(' ')}\n${ended.stdout}${ended.stderr}`).toBe(0)
    return ended
  }
  const calls = () => changes(account.calls).filter((call) => call.includes('budgets:'))

  beforeAll(async () => {
    account = await openAccount(moto(), { models: 3 })
    Budget = { AccountId: account.id, BudgetName: 'LibreChat' }
    const { endpoint, credentials } = account
    byHand = new BudgetsClient({ endpoint, credentials, region: 'us-east-1' })
    await succeeds('up', '--yes', '--budget', '50', ...alerts)
  }, 60_000)
  afterAll(() => account.close())

  it('counts the whole account, tells everybody at each step, and is the lab’s by its tags', async () => {
    expect(await there()).toMatchObject({
      BudgetLimit: { Amount: '50', Unit: 'USD' },
      TimeUnit: 'MONTHLY',
      BudgetType: 'COST',
    })
    expect(account.budgets.notices('LibreChat')).toEqual(notices('me@example.org,you@example.org'))
    expect(account.budgets.tags('LibreChat').map(({ Key }) => Key)).toContain('librechat-lab:creation')
    const { stdout } = await succeeds('status', '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      budget: { usd: 50, alerts: ['me@example.org', 'you@example.org'], spentUsd: 0 },
    })
  })

  it('is left alone by a run that changes nothing of it', async () => {
    await succeeds('up', '--yes')
    expect(changes(account.calls)).toEqual([])
  })

  it('that was changed by hand is drift, which up repairs', async () => {
    const one = await there()
    await byHand.send(
      new UpdateBudgetCommand({
        AccountId: account.id,
        NewBudget: { ...one, BudgetName: 'LibreChat', BudgetLimit: { Amount: '5000', Unit: 'USD' } } as never,
      }),
    )
    const notice = (Threshold: number) => ({
      ...Budget,
      Notification: { NotificationType: 'ACTUAL', ComparisonOperator: 'GREATER_THAN', Threshold } as const,
    })
    await byHand.send(new DeleteNotificationCommand(notice(80)))
    const Subscribers = [{ SubscriptionType: 'EMAIL' as const, Address: 'spy@example.net' }]
    await byHand.send(new CreateNotificationCommand({ ...notice(90), Subscribers }))
    const status = await run(account, ['status'])
    expect(status.code).toBe(2)
    expect(status.stdout).toContain('amount: is $5000.00 a month, should be $50.00 a month')
    expect(status.stdout).toContain('notices to: is me@example.org, spy@example.net, you@example.org')
    await succeeds('up', '--yes')
    expect((await there())?.BudgetLimit?.Amount).toBe('50')
    expect(account.budgets.notices('LibreChat')).toEqual(notices('me@example.org,you@example.org'))
  })

  it('changes its amount and its readers, each in as few calls as it takes', async () => {
    await succeeds('up', '--yes', '--budget', '40.50')
    expect(calls().map((call) => call.split(' ')[0])).toHaveLength(1)
    expect((await there())?.BudgetLimit?.Amount).toBe('40.5')
    await succeeds('up', '--yes', '--alert', 'me@example.org')
    expect(account.budgets.notices('LibreChat')).toEqual(notices('me@example.org'))
  })

  it('deleted by hand is missing, and up creates it again as the same', async () => {
    await byHand.send(new DeleteBudgetCommand(Budget))
    const status = await run(account, ['status'])
    expect(status.stdout).toContain('budget LibreChat  missing')
    // Who would hear of it is said again: nobody hears now.
    expect(await run(account, ['up', '--yes'])).toMatchObject({ code: 1 })
    await succeeds('up', '--yes', '--budget', '40.50', '--alert', 'me@example.org')
    expect(account.budgets.notices('LibreChat')).toEqual(notices('me@example.org'))
  })

  it('goes with --no-budget, once, and is asked for again by name', async () => {
    const { stdout, stderr } = await succeeds('up', '--yes', '--no-budget')
    expect(`${stdout}${stderr}`).toContain('- budget LibreChat  remove')
    await expect(there()).rejects.toThrow()
    await succeeds('up', '--yes')
    expect(changes(account.calls)).toEqual([])
  })

  it('with its name that is not the lab’s is not changed, and is named', async () => {
    await byHand.send(
      new CreateBudgetCommand({
        AccountId: account.id,
        Budget: {
          BudgetName: 'LibreChat',
          BudgetLimit: { Amount: '7', Unit: 'USD' },
          TimeUnit: 'MONTHLY',
          BudgetType: 'COST',
        },
        ResourceTags: [
          { Key: 'librechat-lab:name', Value: 'default' },
          { Key: 'librechat-lab:region', Value: 'us-east-1' },
        ],
      }),
    )
    const refused = await run(account, ['up', '--yes', '--budget', '50', '--alert', 'me@example.org'])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('There is already a budget LibreChat')
    const { stdout } = await run(account, ['status'])
    expect(stdout).toContain('budget LibreChat')
    await succeeds('destroy', '--confirm', 'default')
    expect((await there())?.BudgetLimit?.Amount).toBe('7')
    await byHand.send(new DeleteBudgetCommand(Budget))
  })

  it('is deleted by destroy', async () => {
    await succeeds('up', '--yes', '--budget', '50', ...alerts)
    await succeeds('destroy', '--confirm', 'default')
    await expect(there()).rejects.toThrow()
  })
})
