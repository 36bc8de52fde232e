import {
  type Budget,
  CreateBudgetCommand,
  DeleteBudgetCommand,
  DescribeBudgetCommand,
  type Notification,
  type NotificationWithSubscribers,
  type ResourceTag,
  type Subscriber,
} from '@aws-sdk/client-budgets'
import type { Witness } from '../clients.js'
import type { Call } from './call.js'
import type { Supplement } from './gateway.js'
import { type Answer, errorAnswer, jsonAnswer } from './wire.js'

export interface Budgets extends Supplement {
  /** Who is told of what: "ACTUAL 80: me@example.org". */
  notices(name: string): string[]
  tags(name: string): readonly ResourceTag[]
}

interface Sent {
  AccountId?: string
  BudgetName?: string
  Budget?: Budget
  NewBudget?: Budget
  Notification?: Notification
  NotificationsWithSubscribers?: NotificationWithSubscribers[]
  Subscribers?: Subscriber[]
  ResourceTags?: ResourceTag[]
  ResourceARN?: string
}

/**
 * moto keeps budgets and their notices as they are sent. It knows no update, subscriber or tag, and refuses nothing:
 * this does, after https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Operations_AWS_Budgets.html
 */
export function budgets(witness: (region: string) => Witness, account: string): Budgets {
  const notices = new Map<string, NotificationWithSubscribers[]>()
  const tags = new Map<string, ResourceTag[]>()
  const noticesOf = (name = '') => notices.get(name) ?? []

  /** moto has no update, so the budget is made anew. */
  async function update(call: Call, NewBudget: Budget): Promise<Answer> {
    const { budgets: client } = witness(call.region)
    const one = { AccountId: account, BudgetName: NewBudget.BudgetName }
    await client.send(new DescribeBudgetCommand(one))
    await client.send(new DeleteBudgetCommand(one))
    const NotificationsWithSubscribers = noticesOf(NewBudget.BudgetName)
    await client.send(
      new CreateBudgetCommand({ AccountId: account, Budget: NewBudget, NotificationsWithSubscribers }),
    )
    return jsonAnswer({})
  }

  function ofSubscribers({ BudgetName, Notification }: Sent, call: Call): Answer {
    const found = noticesOf(BudgetName).find((one) => isSame(one.Notification, Notification))
    return found
      ? jsonAnswer({ Subscribers: found.Subscribers })
      : errorAnswer(call, 'NotFoundException', 'Unable to get the notification - it doesn’t exist.')
  }

  return {
    notices: (name) =>
      noticesOf(name)
        .map(
          ({ Notification, Subscribers }) =>
            `${text(Notification)}: ${Subscribers?.map(({ Address }) => Address)}`,
        )
        .sort(),
    tags: (name) => tags.get(name) ?? [],

    async before(call) {
      if (call.service !== 'budgets') return undefined
      const sent = call.params as Sent
      if (sent.AccountId !== undefined && sent.AccountId !== account)
        return errorAnswer(call, 'AccessDeniedException', `Account ${sent.AccountId} is not yours.`)
      const name = sent.ResourceARN?.split('/').at(-1) ?? ''
      const refusal = refused(call, sent, noticesOf(sent.BudgetName))
      if (refusal) return refusal
      switch (call.action) {
        case 'UpdateBudget':
          return await update(call, sent.NewBudget as Budget)
        case 'DescribeSubscribersForNotification':
          return ofSubscribers(sent, call)
        case 'ListTagsForResource':
          return jsonAnswer({ ResourceTags: tags.get(name) ?? [] })
        case 'TagResource': {
          const keys = (sent.ResourceTags ?? []).map(({ Key }) => Key)
          const kept = (tags.get(name) ?? []).filter(({ Key }) => !keys.includes(Key))
          tags.set(name, [...kept, ...(sent.ResourceTags ?? [])])
          return jsonAnswer({})
        }
        default:
          return undefined
      }
    },

    after(call, answer) {
      if (call.service !== 'budgets' || answer.status >= 300) return undefined
      const { Budget, BudgetName = '', Notification, Subscribers, ...sent } = call.params as Sent
      if (call.action === 'CreateBudget' && Budget?.BudgetName) {
        notices.set(Budget.BudgetName, sent.NotificationsWithSubscribers ?? [])
        tags.set(Budget.BudgetName, sent.ResourceTags ?? [])
      }
      if (call.action === 'DeleteBudget') for (const map of [notices, tags]) map.delete(BudgetName)
      if (call.action === 'CreateNotification')
        notices.set(BudgetName, [...noticesOf(BudgetName), { Notification, Subscribers }])
      if (call.action === 'DeleteNotification')
        notices.set(
          BudgetName,
          noticesOf(BudgetName).filter((one) => !isSame(one.Notification, Notification)),
        )
      return undefined
    },
  }
}

const text = (one: Notification | undefined) => `${one?.NotificationType} ${one?.Threshold}`
const isSame = (one: Notification | undefined, other: Notification | undefined) =>
  text(one) === text(other) && one?.ComparisonOperator === other?.ComparisonOperator

/** What AWS does not take: names, money, notices and readers of another form or number. */
function refused(call: Call, sent: Sent, there: readonly NotificationWithSubscribers[]): Answer | undefined {
  const invalid = (why: string) => errorAnswer(call, 'InvalidParameterException', why)
  const tooMany = (why: string) => errorAnswer(call, 'CreationLimitExceededException', why)
  const budget = sent.Budget ?? sent.NewBudget
  const name = budget?.BudgetName ?? sent.BudgetName
  if (name !== undefined && !/^(?![^:\\]*\/action\/)[^:\\]{1,100}$/.test(name))
    return invalid(
      `1 validation error detected: Value '${name}' at 'budgetName' failed to satisfy constraint`,
    )
  if (budget) {
    const { Amount = '', Unit } = budget.BudgetLimit ?? {}
    if (!/^([0-9]*\.)?[0-9]+$/.test(Amount) || Number(Amount) <= 0)
      return invalid(`Invalid amount ${Amount}.`)
    if (Unit !== 'USD') return invalid(`Currency unit ${Unit} is not supported for this account.`)
  }
  const added: NotificationWithSubscribers[] =
    call.action === 'CreateNotification'
      ? [{ Notification: sent.Notification, Subscribers: sent.Subscribers }]
      : (sent.NotificationsWithSubscribers ?? [])
  const all = [...there, ...added]
  if (added.length > 0 && all.length > 5) return tooMany('One budget can have at most 5 notifications.')
  if (
    added.some((one, i) =>
      all.slice(0, there.length + i).some((o) => isSame(o.Notification, one.Notification)),
    )
  )
    return errorAnswer(call, 'DuplicateRecordException', 'Error creating notification - it already exists.')
  for (const { Notification, Subscribers = [] } of added) {
    const mails = Subscribers.filter(({ SubscriptionType }) => SubscriptionType === 'EMAIL')
    if (Subscribers.length === 0) return invalid('A notification needs a subscriber.')
    if (mails.length > 10) return tooMany('one notification can only have 10 subscribers with type of EMAIL')
    if (mails.some(({ Address = '' }) => !/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(Address)))
      return invalid('Invalid e-mail address.')
    if (!(Number(Notification?.Threshold) > 0)) return invalid('Invalid threshold.')
  }
  return undefined
}

/** Nobody has called a model here: Bedrock's metrics are played by the rehearsal and by unit tests. */
export const metrics: Supplement = {
  before: (call) =>
    call.service === 'monitoring'
      ? jsonAnswer(call.action === 'ListMetrics' ? { Metrics: [] } : { MetricDataResults: [] })
      : undefined,
}
