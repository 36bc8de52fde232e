import { answerTokens } from '../core/answer-tokens.js'

/** Limits and defaults of the settings, for the schema, the checks, the questions and the help. */
export const facts = {
  instanceType: { default: 't3.medium', leastMemoryGib: 4 },
  /** Of an allowance, a limit or a budget, per month. */
  dollars: { least: 0.01, most: 100_000 },
  /** https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_NotificationWithSubscribers.html */
  alerts: { most: 10 },
  /** The container images fill most of the minimum. The maximum is gp3's. */
  diskGb: { default: 30, least: 20, most: 16_384 },
  /** A shorter time could stop a lab during a long answer or a user's pause. */
  idleStop: { leastMinutes: 30, mostMinutes: 7 * 24 * 60 },
  maxTokens: answerTokens,
} as const
