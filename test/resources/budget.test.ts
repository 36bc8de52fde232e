import {
  BudgetsClient,
  CreateBudgetCommand,
  CreateNotificationCommand,
  DeleteBudgetCommand,
  DeleteNotificationCommand,
  DescribeBudgetCommand,
  DescribeNotificationsForBudgetCommand,
  DescribeSubscribersForNotificationCommand,
  ListTagsForResourceCommand,
  type Notification,
  TagResourceCommand,
  UpdateBudgetCommand,
} from '@aws-sdk/client-budgets'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import { type BudgetWish, budget, readersOf } from '../../src/resources/budget.js'
import { awsError, claim, context, lab, proofOf, seen } from './context.js'

const sdk = mockClient(BudgetsClient)
beforeEach(() => sdk.reset())

const me = ['me@example.org']
const proof = proofOf({})
const marked = [{ Key: 'librechat-lab:creation', Value: proof.id }, ...claim]
const of = (wanted: BudgetWish | undefined = { usd: 50, alerts: me }, adopt = false) =>
  budget({
    budgets: new BudgetsClient({ region: 'eu-west-1' }),
    lab,
    adopt,
    name: 'LibreChat',
    wanted,
    proof,
    after: [],
  })
const unwanted = budget({
  budgets: new BudgetsClient({ region: 'eu-west-1' }),
  lab,
  adopt: false,
  name: 'LibreChat',
  wanted: undefined,
  proof,
  after: [],
})

const notice = (Threshold: number, NotificationType: 'ACTUAL' | 'FORECASTED' = 'ACTUAL'): Notification => ({
  NotificationType,
  ComparisonOperator: 'GREATER_THAN',
  Threshold,
  ThresholdType: 'PERCENTAGE',
})
const all = [notice(50), notice(80), notice(100), notice(100, 'FORECASTED')]
const monthly = {
  BudgetName: 'LibreChat',
  BudgetType: 'COST' as const,
  TimeUnit: 'MONTHLY' as const,
  BudgetLimit: { Amount: '50.0', Unit: 'USD' },
}

/** What AWS has. */
function there({ one = {}, notices = all, tags = marked, readers = me } = {}) {
  sdk.on(DescribeBudgetCommand).resolves({ Budget: { ...monthly, ...one } })
  sdk.on(ListTagsForResourceCommand).resolves({ ResourceTags: tags })
  // In pages, each with a state of its own.
  const [first, ...rest] = notices.map((each) => ({ ...each, NotificationState: 'OK' as const }))
  sdk
    .on(DescribeNotificationsForBudgetCommand)
    .resolves({ Notifications: rest })
    .on(DescribeNotificationsForBudgetCommand, { NextToken: undefined })
    .resolves({ Notifications: first ? [first] : [], NextToken: 'more' })
    .on(DescribeNotificationsForBudgetCommand, { NextToken: 'more' })
    .resolves({ Notifications: rest })
  sdk.on(DescribeSubscribersForNotificationCommand).resolves({
    Subscribers: readers.map((Address) => ({ SubscriptionType: 'EMAIL', Address })),
  })
}
const sent = (command: Parameters<typeof sdk.commandCalls>[0]) =>
  sdk.commandCalls(command).map(({ args }) => args[0].input as unknown as Record<string, unknown>)

async function changed(wanted?: BudgetWish): Promise<[string, string | undefined, string | undefined][]> {
  const one = of(wanted)
  return one.changes(await one.observe(seen), () => undefined).map(({ what, from, to }) => [what, from, to])
}

describe('the budget', () => {
  it('is created with its notices, their readers and its tags in one call', async () => {
    sdk.on(DescribeBudgetCommand).rejects(awsError('NotFoundException'))
    sdk.on(CreateBudgetCommand).resolves({})
    const one = of({ usd: 50, alerts: [...me, 'you@example.org'] })
    expect(await one.observe(seen)).toBeUndefined()
    expect(one.changes(undefined, () => undefined).map(({ to }) => to)).toEqual([
      '$50.00 a month for the whole account',
      '50 %, 80 %, 100 %, forecast 100 %',
      'me@example.org, you@example.org',
    ])
    const made = await one.ensure(undefined, context())
    expect(readersOf(made)).toEqual(['me@example.org', 'you@example.org'])
    const [{ Budget, NotificationsWithSubscribers, ResourceTags } = {}] = sent(CreateBudgetCommand)
    expect(Budget).toEqual({ ...monthly, BudgetLimit: { Amount: '50', Unit: 'USD' } })
    expect(NotificationsWithSubscribers).toHaveLength(4)
    expect(ResourceTags).toEqual(marked)
  })

  it('is as it should be when all pages say so', async () => {
    there()
    expect(await changed()).toEqual([])
  })

  it('says what AWS has counted', async () => {
    there({ one: { CalculatedSpend: { ActualSpend: { Amount: '12.5', Unit: 'USD' } } } })
    expect(await of().observe(seen)).toMatchObject({ spentUsd: 12.5, forecastUsd: undefined })
  })

  it.each([
    [
      'another amount',
      { one: { BudgetLimit: { Amount: '900', Unit: 'USD' } } },
      ['amount', '$900.00 a month', '$50.00 a month'],
    ],
    [
      'one service only',
      { one: { CostFilters: { Service: ['Amazon EC2'] } } },
      ['covers', 'a part of it', 'all that the account costs in a month'],
    ],
    [
      'a year',
      { one: { TimeUnit: 'ANNUALLY' as const } },
      ['covers', 'a part of it', 'all that the account costs in a month'],
    ],
    [
      'a notice gone',
      { notices: all.slice(1) },
      ['notices at', '80 %, 100 %, forecast 100 %', '50 %, 80 %, 100 %, forecast 100 %'],
    ],
    ['another reader', { readers: ['spy@example.net'] }, ['notices to', 'spy@example.net', 'me@example.org']],
  ] as const)('shows %s', async (_, what, row) => {
    there(what as Parameters<typeof there>[0])
    expect(await changed()).toEqual([row])
  })

  it('is updated where it differs, and keeps what the lab does not set', async () => {
    const CostTypes = { IncludeCredit: false }
    there({ one: { BudgetLimit: { Amount: '9', Unit: 'USD' }, CostTypes, CostFilters: { Service: ['x'] } } })
    sdk.on(UpdateBudgetCommand).resolves({})
    await of().ensure(await of().observe(seen), context())
    expect(sent(UpdateBudgetCommand)).toEqual([
      {
        AccountId: lab.account,
        NewBudget: { ...monthly, BudgetLimit: { Amount: '50', Unit: 'USD' }, CostTypes },
      },
    ])
    expect([CreateNotificationCommand, DeleteNotificationCommand].flatMap(sent)).toEqual([])
  })

  it('replaces the notices with other readers, and removes those that are not its own', async () => {
    there({ notices: [...all, notice(10)], readers: [...me, 'spy@example.net'] })
    sdk.on(DeleteNotificationCommand).rejectsOnce(awsError('NotFoundException')).resolves({})
    sdk.on(CreateNotificationCommand).resolves({})
    await of().ensure(await of().observe(seen), context())
    expect(sent(UpdateBudgetCommand)).toEqual([])
    // Without a state, which a notice is not told apart by.
    expect(sent(DeleteNotificationCommand).map(({ Notification }) => Notification)).toEqual([
      ...all,
      notice(10),
    ])
    expect(sent(CreateNotificationCommand).map(({ Subscribers }) => Subscribers)).toEqual(
      all.map(() => [{ SubscriptionType: 'EMAIL', Address: 'me@example.org' }]),
    )
  })

  it('is the lab’s only with the creation id; others of the name need --adopt', async () => {
    there({ tags: claim })
    await expect(of().observe(seen)).rejects.toMatchObject({ code: 'unowned', stranger: { kind: 'budget' } })
    there({ tags: [] })
    await expect(of().observe(seen)).rejects.toMatchObject({ code: 'unowned' })
    const one = of(undefined, true)
    const state = await one.observe(seen)
    expect(one.changes(state, () => undefined)).toMatchObject([{ what: 'ownership' }])
    sdk.on(TagResourceCommand).resolves({})
    await one.ensure(state, context())
    expect(sent(TagResourceCommand)).toMatchObject([
      { ResourceARN: 'arn:aws:budgets::123456789012:budget/LibreChat', ResourceTags: marked },
    ])
  })

  it('that is no longer wanted is shown with its amount and removed; gone already is fine', async () => {
    there()
    const state = await unwanted.observe(seen)
    if (!state) throw new Error('no budget')
    expect(unwanted.isUnwanted).toBe(true)
    expect(unwanted.changes(state, () => undefined)).toEqual([
      { what: 'amount', from: '$50.00 a month', to: 'none' },
    ])
    sdk.on(DeleteBudgetCommand).resolvesOnce({}).rejects(awsError('NotFoundException'))
    await unwanted.remove(state, context())
    await unwanted.remove(state, context())
  })
})
