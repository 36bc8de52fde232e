import {
  CloudWatchClient,
  GetMetricDataCommand,
  type GetMetricDataCommandInput,
  ListMetricsCommand,
} from '@aws-sdk/client-cloudwatch'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, expect, it } from 'vitest'
import { modelMetrics } from '../../src/lab/model-metrics.js'
import { awsError } from '../resources/context.js'

const sdk = mockClient(CloudWatchClient)
const client = new CloudWatchClient({ region: 'us-east-1' })
beforeEach(() => sdk.reset())

const metric = (Value: string, ...more: string[]) => ({
  Dimensions: [{ Name: 'ModelId', Value }, ...more.map((Name) => ({ Name, Value: 'x' }))],
})
const asked = { from: Date.UTC(2026, 10), to: Date.UTC(2026, 11), models: ['gone', 'us.sonnet'] }

it('sums each model of the account, pages to their end, and asks for those that CloudWatch lists no more', async () => {
  sdk
    .on(ListMetricsCommand)
    .resolves({ Metrics: [metric('us.sonnet'), metric('image', 'ImageSize')], NextToken: 'more' })
    .on(ListMetricsCommand, { NextToken: 'more' })
    .resolves({ Metrics: [{ Dimensions: [] }, metric('idle')] })
  sdk.on(GetMetricDataCommand).callsFake(({ MetricDataQueries, NextToken }: GetMetricDataCommandInput) => ({
    // Each value comes on two pages, and idle has none.
    MetricDataResults: MetricDataQueries?.map(
      ({ Id, MetricStat: { Metric } = { Metric: {}, Period: 0, Stat: '' } }) => {
        const model = Metric?.Dimensions?.[0]?.Value
        const has = model !== 'idle' && Metric?.MetricName !== 'CacheReadInputTokenCount'
        return { Id, Values: has ? [model === 'gone' ? 1 : 100, 1] : [] }
      },
    ),
    ...(NextToken ? {} : { NextToken: 'rest' }),
  }))
  expect(await modelMetrics(client, asked)).toEqual([
    { model: 'us.sonnet', ...all(202) },
    { model: 'gone', ...all(4) },
  ])
  const [query] = sdk.commandCalls(GetMetricDataCommand)[0]?.args[0].input.MetricDataQueries ?? []
  expect(query?.MetricStat).toMatchObject({
    Period: 86_400,
    Stat: 'Sum',
    Metric: { Namespace: 'AWS/Bedrock' },
  })
})

const all = (sum: number) => ({
  inputTokens: sum,
  outputTokens: sum,
  cacheReadTokens: sum,
  cacheWriteTokens: sum,
  calls: sum,
})

it('asks for 500 metrics at a time', async () => {
  const Metrics = Array.from({ length: 150 }, (_, i) => metric(`model-${i}`))
  sdk.on(ListMetricsCommand).resolves({ Metrics })
  sdk.on(GetMetricDataCommand).resolves({ MetricDataResults: [] })
  expect(await modelMetrics(client, { ...asked, models: [] })).toEqual([])
  const sizes = sdk
    .commandCalls(GetMetricDataCommand)
    .map(({ args }) => args[0].input.MetricDataQueries?.length)
  expect(sizes).toEqual([500, 500, 50])
})

it('asks nothing about an account that never called a model', async () => {
  sdk.on(ListMetricsCommand).resolves({})
  expect(await modelMetrics(client, { ...asked, models: [] })).toEqual([])
  expect(sdk.commandCalls(GetMetricDataCommand)).toEqual([])
})

it('is off where the caller may not read metrics, and fails for every other reason', async () => {
  sdk.on(ListMetricsCommand).rejects(awsError('AccessDenied'))
  expect(await modelMetrics(client, asked)).toBeUndefined()
  sdk.on(ListMetricsCommand).rejects(awsError('ValidationError'))
  await expect(modelMetrics(client, asked)).rejects.toThrow('ValidationError')
})
