import type { Answers } from './answers.js'
import { countedBy } from './host-usage.js'
import type { World } from './world.js'

/** Bedrock's metrics, as if other programs of the account had called the first model as often as the lab's users. */
export const cloudwatch = {
  ListMetrics: (_input, world) => ({
    Metrics: modelsOf(world).map((Value) => ({
      Namespace: 'AWS/Bedrock',
      MetricName: 'InputTokenCount',
      Dimensions: [{ Name: 'ModelId', Value }],
    })),
  }),

  GetMetricData(input, world) {
    const [from, to] = [input.StartTime, input.EndTime].map(Number)
    return {
      MetricDataResults: (input.MetricDataQueries ?? []).map(({ Id, MetricStat }) => {
        const model = MetricStat?.Metric?.Dimensions?.[0]?.Value ?? ''
        const metric = MetricStat?.Metric?.MetricName ?? ''
        const hosts = hostsOf(world)
        const sum = hosts.reduce(
          (all, host) =>
            all + countedBy(host, { model, metric, from: from ?? 0, to: to ?? 0, now: world.now }),
          0,
        )
        return { Id, StatusCode: 'Complete' as const, Values: sum > 0 ? [sum] : [] }
      }),
    }
  },
} satisfies Answers<typeof import('@aws-sdk/client-cloudwatch')>

const hostsOf = ({ here }: World) =>
  Object.values(here.instances).flatMap(({ state, host }) => (state === 'terminated' ? [] : host))

const modelsOf = (world: World): string[] => [...new Set(hostsOf(world).flatMap(({ models = [] }) => models))]
