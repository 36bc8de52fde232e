import { answerTokens } from '../core/answer-tokens.js'

/** Limits and defaults of the settings, stated once: the schema, the checks, the questions and the help use them. */
export const facts = {
  instanceType: { default: 't3.medium', leastMemoryGib: 4 },
  /** Of an allowance or a limit, a month. */
  dollars: { least: 0.01, most: 100_000 },
  /** https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_NotificationWithSubscribers.html */
  alerts: { most: 10 },
  /** The container images take most of the least; the most is what gp3 offers. */
  diskGb: { default: 30, least: 20, most: 16_384 },
  /** Shorter than the longest answers and a person's pauses, a lab would stop under them. */
  idleStop: { leastMinutes: 30, mostMinutes: 7 * 24 * 60 },
  maxTokens: answerTokens,
} as const
