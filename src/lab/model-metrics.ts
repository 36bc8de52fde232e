import {
  type CloudWatchClient,
  type MetricDataQuery,
  paginateGetMetricData,
  paginateListMetrics,
} from '@aws-sdk/client-cloudwatch'
import { ignoreErrors } from '../aws/errors.js'
import { collect } from '../core/collect.js'

/** What Bedrock has counted for one model in the account and region. */
export interface ModelMetrics {
  /** The id that was called: an inference profile's or a model's, or an ARN. */
  model: string
  inputTokens: number
  outputTokens: number
  cacheReadTokens: number
  cacheWriteTokens: number
  calls: number
}

/**
 * https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html. AWS's pages use two names for
 * the cached tokens; at most one of them has figures.
 */
const Namespace = 'AWS/Bedrock'
const fields = {
  InputTokenCount: 'inputTokens',
  OutputTokenCount: 'outputTokens',
  CacheReadInputTokens: 'cacheReadTokens',
  CacheReadInputTokenCount: 'cacheReadTokens',
  CacheWriteInputTokens: 'cacheWriteTokens',
  CacheWriteInputTokenCount: 'cacheWriteTokens',
  Invocations: 'calls',
} as const
type Metric = keyof typeof fields
const metrics = Object.keys(fields) as Metric[]

/**
 * The limit of one request: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
 */
const mostQueries = 500
const day = 86_400

/**
 * Tokens and calls of each model in a period of whole days in UTC, the most used first; undefined where the caller
 * may not read metrics. CloudWatch lists only models that were called in the last two weeks, so models of earlier
 * months are named by the caller. AWS charges $0.01 for 1,000 metrics that are read, which are seven for each model.
 */
export async function modelMetrics(
  client: CloudWatchClient,
  { from, to, models }: { from: number; to: number; models: readonly string[] },
): Promise<ModelMetrics[] | undefined> {
  return await ignoreErrors(['AccessDenied*', 'UnauthorizedOperation'], async () => {
    const listed = await collect(
      paginateListMetrics({ client }, { Namespace, MetricName: 'InputTokenCount' }),
      ({ Metrics = [] }) =>
        Metrics.flatMap(({ Dimensions = [] }) =>
          // Other dimensions, such as the sum of all models, would count a call twice.
          Dimensions.length === 1 && Dimensions[0]?.Name === 'ModelId' ? [Dimensions[0].Value ?? ''] : [],
        ),
    )
    const asked = [...new Set([...listed, ...models])]
      .filter(Boolean)
      .flatMap((model) => metrics.map((metric) => ({ model, metric, sum: 0 })))
    for (let at = 0; at < asked.length; at += mostQueries) {
      const some = asked.slice(at, at + mostQueries)
      const pages = paginateGetMetricData(
        { client },
        { MetricDataQueries: some.map(queryOf), StartTime: new Date(from), EndTime: new Date(to) },
      )
      for await (const { MetricDataResults = [] } of pages)
        for (const { Id, Values = [] } of MetricDataResults) {
          const one = some[Number(Id?.slice(1))]
          if (one) one.sum += Values.reduce((sum, value) => sum + value, 0)
        }
    }
    return byModel(asked)
      .filter((one) => one.calls + tokensOf(one) > 0)
      .sort((one, other) => tokensOf(other) - tokensOf(one))
  })
}

export const modelMetricsActions = ['cloudwatch:ListMetrics', 'cloudwatch:GetMetricData'] as const

const queryOf = ({ model, metric }: { model: string; metric: Metric }, i: number): MetricDataQuery => ({
  Id: `m${i}`,
  MetricStat: {
    Metric: { Namespace, MetricName: metric, Dimensions: [{ Name: 'ModelId', Value: model }] },
    Period: day,
    Stat: 'Sum',
  },
})

function byModel(sums: readonly { model: string; metric: Metric; sum: number }[]): ModelMetrics[] {
  const found = new Map<string, ModelMetrics>()
  for (const { model, metric, sum } of sums) {
    const before = found.get(model) ?? { model, ...nothing }
    const field = fields[metric]
    found.set(model, { ...before, [field]: Math.max(before[field], sum) })
  }
  return [...found.values()]
}

const nothing = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, calls: 0 }

const tokensOf = (one: ModelMetrics) =>
  one.inputTokens + one.outputTokens + one.cacheReadTokens + one.cacheWriteTokens
