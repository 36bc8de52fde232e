import {
  type Budget,
  type BudgetsClient,
  CreateBudgetCommand,
  CreateNotificationCommand,
  DeleteBudgetCommand,
  DeleteNotificationCommand,
  DescribeBudgetCommand,
  ListTagsForResourceCommand,
  type Notification,
  paginateDescribeNotificationsForBudget,
  paginateDescribeSubscribersForNotification,
  type Subscriber,
  TagResourceCommand,
  UpdateBudgetCommand,
} from '@aws-sdk/client-budgets'
import { ignoreErrors } from '../aws/errors.js'
import { collect } from '../core/collect.js'
import type { Change, Resource, ResourceActions } from '../engine/resource.js'
import { type CreationProof, creationOf, type Proven } from './creation.js'
import type { LabId } from './ownership.js'

/** The wanted budget: dollars a month for the whole account, and the recipients of notices. */
export interface BudgetWish {
  usd: number
  alerts: readonly string[]
}

/** One notice: its threshold in percent, of the actual or the forecast cost. */
interface Notice {
  notification: Notification
  /** All recipients, SNS topics included. */
  to: readonly string[]
}

export interface BudgetState extends Proven {
  usd: number
  /** Whether it covers the account's whole monthly cost. */
  isWhole: boolean
  notices: readonly Notice[]
  /** The actual cost so far, up to a day late; undefined if AWS has none yet. */
  spentUsd: number | undefined
  forecastUsd: number | undefined
  /** The budget as AWS returned it: an update keeps fields that the lab does not set. */
  there: Budget
}

const gone = ['NotFoundException']

/** A budget has five notices at most: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_CreateBudget.html */
const wantedNotices: readonly Notification[] = [
  ...[50, 80, 100].map((Threshold) => ({ NotificationType: 'ACTUAL' as const, Threshold })),
  { NotificationType: 'FORECASTED' as const, Threshold: 100 },
].map((one) => ({ ...one, ComparisonOperator: 'GREATER_THAN', ThresholdType: 'PERCENTAGE' }))

const keyOf = ({
  NotificationType,
  ComparisonOperator,
  Threshold,
  ThresholdType = 'PERCENTAGE',
}: Notification) => [NotificationType, ComparisonOperator, Threshold, ThresholdType].join(' ')

/** "50 %", "forecast 100 %" */
const noticeText = ({ NotificationType, Threshold, ThresholdType }: Notification) =>
  `${NotificationType === 'FORECASTED' ? 'forecast ' : ''}${Threshold}${ThresholdType === 'ABSOLUTE_VALUE' ? ' USD' : ' %'}`

const noticesText = (notices: readonly Notification[]): string =>
  [...notices]
    .sort((one, other) => rank(one) - rank(other))
    .map(noticeText)
    .join(', ') || 'none'
const rank = ({ NotificationType, Threshold = 0 }: Notification) =>
  (NotificationType === 'FORECASTED' ? 1e9 : 0) + Threshold

/** All recipients of its notices. */
export const readersOf = ({ notices }: Pick<BudgetState, 'notices'>): string[] =>
  [...new Set(notices.flatMap(({ to }) => to))].sort()

const amountText = (usd: number) => `$${usd.toFixed(2)} a month`

/**
 * An AWS budget for everything that the account costs in a month. AWS sends the notices itself; a budget without
 * actions is free. Budgets are global, and their names are unique within an account.
 */
export function budget(options: {
  budgets: BudgetsClient
  lab: LabId
  adopt: boolean
  name: string
  /** Undefined: none, so an existing budget is removed. */
  wanted: BudgetWish | undefined
  proof: CreationProof
  after: readonly Resource[]
}): Resource<BudgetState> {
  const { budgets, lab, name, wanted } = options
  const creation = creationOf(options, 'budget')
  const ofBudget = { AccountId: lab.account, BudgetName: name }
  const ResourceARN = `arn:${lab.partition}:budgets::${lab.account}:budget/${name}`
  const subscribers = (): Subscriber[] =>
    (wanted?.alerts ?? []).map((Address) => ({ SubscriptionType: 'EMAIL', Address }))

  const wantedBudget = (there?: Budget): Budget => ({
    BudgetName: name,
    BudgetType: 'COST',
    TimeUnit: 'MONTHLY',
    BudgetLimit: { Amount: String(wanted?.usd), Unit: 'USD' },
    // The user decides whether credits, taxes and refunds count.
    ...(there?.CostTypes ? { CostTypes: there.CostTypes } : {}),
    ...(there?.TimePeriod ? { TimePeriod: there.TimePeriod } : {}),
  })

  /** The notices to create, and those to delete because they have other recipients or are not wanted. */
  const difference = (notices: readonly Notice[]) => {
    const alerts = JSON.stringify([...(wanted?.alerts ?? [])].sort())
    const isAsWanted = ({ notification, to }: Notice) =>
      wantedNotices.some((one) => keyOf(one) === keyOf(notification)) &&
      JSON.stringify([...to].sort()) === alerts
    const kept = notices.filter(isAsWanted).map(({ notification }) => keyOf(notification))
    return {
      missing: wantedNotices.filter((one) => !kept.includes(keyOf(one))),
      others: notices.filter((one) => !isAsWanted(one)),
    }
  }

  return {
    name: `budget ${name}`,
    after: options.after,
    isUnwanted: wanted === undefined,
    id: () => name,

    async observe(seen) {
      const found = await ignoreErrors(gone, () =>
        budgets.send(new DescribeBudgetCommand({ ...ofBudget, ShowFilterExpression: true })),
      )
      if (!found?.Budget) return undefined
      const tags = await ignoreErrors(gone, () =>
        budgets.send(new ListTagsForResourceCommand({ ResourceARN })),
      )
      const proven = await creation.check(tags?.ResourceTags, seen)
      return { ...proven, ...amountsOf(found.Budget), notices: await noticesOf(budgets, ofBudget) }
    },

    changes(state) {
      if (!wanted) return state ? [{ what: 'amount', from: amountText(state.usd), to: 'none' }] : []
      const to = [...wanted.alerts].sort().join(', ')
      const wantedText = noticesText(wantedNotices)
      if (!state)
        return [
          { what: 'amount', to: `${amountText(wanted.usd)} for the whole account` },
          { what: 'notices at', to: wantedText },
          { what: 'notices to', to },
        ]
      const noticesThere = noticesText(state.notices.map(({ notification }) => notification))
      const addresses = readersOf(state).join(', ') || 'nobody'
      const isDrifted = difference(state.notices).missing.length + difference(state.notices).others.length > 0
      return [
        ...creation.changes(state),
        ...differs('amount', amountText(state.usd), amountText(wanted.usd)),
        ...differs('covers', state.isWhole ? everything : 'a part of it', everything),
        ...differs('notices at', noticesThere, wantedText),
        ...differs('notices to', addresses, to),
        // No notice has all of the recipients.
        ...(isDrifted && noticesThere === wantedText && addresses === to
          ? [{ what: 'notices to', from: 'some of them each', to }]
          : []),
      ]
    },

    async ensure(state) {
      const subscribed = subscribers()
      if (!state) {
        await budgets.send(
          new CreateBudgetCommand({
            AccountId: lab.account,
            Budget: wantedBudget(),
            NotificationsWithSubscribers: wantedNotices.map((one) => ({
              Notification: one,
              Subscribers: subscribed,
            })),
            ResourceTags: creation.tags,
          }),
        )
      } else {
        const ResourceTags = creation.missing(state)
        if (ResourceTags.length > 0) await budgets.send(new TagResourceCommand({ ResourceARN, ResourceTags }))
        if (state.usd !== wanted?.usd || !state.isWhole)
          await budgets.send(
            new UpdateBudgetCommand({ AccountId: lab.account, NewBudget: wantedBudget(state.there) }),
          )
        const { missing, others } = difference(state.notices)
        for (const { notification } of others) {
          const { NotificationState: _, ...Notification } = notification
          await ignoreErrors(gone, () =>
            budgets.send(new DeleteNotificationCommand({ ...ofBudget, Notification })),
          )
        }
        for (const Notification of missing)
          await budgets.send(
            new CreateNotificationCommand({ ...ofBudget, Notification, Subscribers: subscribed }),
          )
      }
      return {
        ...(state ?? { spentUsd: undefined, forecastUsd: undefined, there: wantedBudget() }),
        owned: true,
        marked: true,
        usd: wanted?.usd ?? 0,
        isWhole: true,
        notices: wantedNotices.map((notification) => ({ notification, to: wanted?.alerts ?? [] })),
      }
    },

    async remove() {
      await ignoreErrors(gone, () => budgets.send(new DeleteBudgetCommand(ofBudget)))
    },
  }
}

const everything = 'all that the account costs in a month'
const differs = (what: string, from: string, to: string): Change[] =>
  from === to ? [] : [{ what, from, to }]

const dollars = (amount: { Amount?: string | undefined } | undefined): number | undefined =>
  amount?.Amount === undefined ? undefined : Number(amount.Amount)

function amountsOf(
  there: Budget,
): Pick<BudgetState, 'usd' | 'isWhole' | 'spentUsd' | 'forecastUsd' | 'there'> {
  const { BudgetLimit, BudgetType, TimeUnit, CostFilters = {}, CalculatedSpend } = there
  return {
    usd: dollars(BudgetLimit) ?? 0,
    isWhole:
      BudgetType === 'COST' &&
      TimeUnit === 'MONTHLY' &&
      BudgetLimit?.Unit === 'USD' &&
      Object.keys(CostFilters).length === 0 &&
      there.FilterExpression === undefined,
    spentUsd: dollars(CalculatedSpend?.ActualSpend),
    forecastUsd: dollars(CalculatedSpend?.ForecastedSpend),
    there,
  }
}

async function noticesOf(
  client: BudgetsClient,
  ofBudget: { AccountId: string; BudgetName: string },
): Promise<Notice[]> {
  const found = await ignoreErrors(gone, () =>
    collect(
      paginateDescribeNotificationsForBudget({ client }, ofBudget),
      ({ Notifications }) => Notifications,
    ),
  )
  return await Promise.all(
    (found ?? []).map(async (notification) => {
      const { NotificationState: _, ...Notification } = notification
      const to = await ignoreErrors(gone, () =>
        collect(
          paginateDescribeSubscribersForNotification({ client }, { ...ofBudget, Notification }),
          ({ Subscribers = [] }) => Subscribers.map(({ Address = '' }) => Address),
        ),
      )
      return { notification, to: to ?? [] }
    }),
  )
}

/**
 * IAM has only these actions for all calls, and one more for tags:
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbudgetservice.html
 */
export const budgetActions = {
  observe: ['budgets:ViewBudget', 'budgets:ListTagsForResource'],
  ensure: ['budgets:ModifyBudget', 'budgets:TagResource'],
  remove: ['budgets:ModifyBudget'],
} as const satisfies ResourceActions
