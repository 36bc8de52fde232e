import type { Budget, Notification, Subscriber } from '@aws-sdk/client-budgets'
import type { BudgetHere } from './account.js'
import type { Answers } from './answers.js'
import { found, Refusal } from './refusal.js'
import { fromTags, toTags, type World } from './world.js'

/** Budgets are stored as they are sent. No cost is counted, and no notice is sent. */
export const budgets = {
  CreateBudget(input, world) {
    const name = input.Budget?.BudgetName ?? ''
    const all = budgetsOf(world)
    if (all[name])
      throw new Refusal(
        'DuplicateRecordException',
        `Error creating budget: ${name} - the budget already exists.`,
      )
    all[name] = {
      budget: { ...input.Budget },
      notices: (input.NotificationsWithSubscribers ?? []).map((one) => ({
        notification: { ...one.Notification },
        subscribers: [...(one.Subscribers ?? [])],
      })),
      tags: toTags(input.ResourceTags),
    }
    return {}
  },

  DescribeBudget(input, world) {
    const { budget } = budgetOf(world, input.BudgetName)
    const spent = { Amount: '0', Unit: 'USD' }
    return { Budget: { ...(budget as Budget), CalculatedSpend: { ActualSpend: spent } } }
  },

  UpdateBudget(input, world) {
    budgetOf(world, input.NewBudget?.BudgetName).budget = { ...input.NewBudget }
    return {}
  },

  DeleteBudget(input, world) {
    budgetOf(world, input.BudgetName)
    delete budgetsOf(world)[input.BudgetName ?? '']
    return {}
  },

  DescribeNotificationsForBudget: (input, world) => ({
    Notifications: budgetOf(world, input.BudgetName).notices.map(
      ({ notification }) => notification as Notification,
    ),
  }),

  DescribeSubscribersForNotification: (input, world) => ({
    Subscribers: noticeOf(budgetOf(world, input.BudgetName), input.Notification).subscribers as Subscriber[],
  }),

  CreateNotification(input, world) {
    const { notices } = budgetOf(world, input.BudgetName)
    notices.push({ notification: { ...input.Notification }, subscribers: [...(input.Subscribers ?? [])] })
    return {}
  },

  DeleteNotification(input, world) {
    const budget = budgetOf(world, input.BudgetName)
    const notice = noticeOf(budget, input.Notification)
    budget.notices = budget.notices.filter((one) => one !== notice)
    return {}
  },

  ListTagsForResource: (input, world) => ({
    ResourceTags: fromTags(budgetOf(world, input.ResourceARN?.split('/').at(-1)).tags),
  }),

  TagResource(input, world) {
    Object.assign(budgetOf(world, input.ResourceARN?.split('/').at(-1)).tags, toTags(input.ResourceTags))
    return {}
  },
} satisfies Answers<typeof import('@aws-sdk/client-budgets')>

function budgetsOf({ account }: World): Record<string, BudgetHere> {
  account.budgets ??= {}
  return account.budgets
}

const budgetOf = (world: World, name: string | undefined): BudgetHere =>
  found(
    budgetsOf(world),
    name,
    'NotFoundException',
    `Unable to get budget: ${name} - the budget doesn't exist.`,
  )

function noticeOf({ notices }: BudgetHere, wanted: Notification | undefined) {
  const notice = notices.find(
    ({ notification }) =>
      notification.NotificationType === wanted?.NotificationType &&
      notification.Threshold === wanted?.Threshold,
  )
  if (notice) return notice
  throw new Refusal('NotFoundException', 'Unable to get the notification - it doesn’t exist.')
}
