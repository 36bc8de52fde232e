import { type Cost, instanceMonthlyUsd, monthlyCost } from '../../lab/prices.js'
import type { Plan } from './objects.js'

/** One line of a bill; undefined if the price is unknown. */
interface Line {
  item: string
  usd: number | undefined
}

/** The monthly cost of the lab, and of the cluster without its databases. US dollars before tax. */
interface Comparison {
  lab: Cost
  cluster: Line[]
  /** The sum of the known lines. */
  clusterUsd: number
}

const hours = 730
/** An EKS cluster of a version in standard support, in all regions: aws.amazon.com/eks/pricing */
export const eksHourly = 0.1
/** An Application Load Balancer in us-east-1, without traffic: aws.amazon.com/elasticloadbalancing/pricing */
export const balancerHourly = 0.0225

/** One replica requests half a core and 1 GiB; two nodes in two zones can run up to six. */
const nodeType = 't3.large'
const nodes = 2

export function compare({ source, target }: Plan): Comparison {
  const { lab, settings } = source
  const node = instanceMonthlyUsd(lab.region, nodeType)
  const cluster: Line[] = [
    { item: 'EKS control plane', usd: eksHourly * hours },
    { item: `${nodes} ${nodeType} nodes`, usd: node === undefined ? undefined : node * nodes },
    { item: 'load balancer, without its traffic (price of us-east-1)', usd: balancerHourly * hours },
    { item: 'MongoDB', usd: undefined },
    ...(target.redis ? [{ item: 'Redis', usd: undefined }] : []),
    { item: 'storage of files and search index', usd: undefined },
  ]
  return {
    lab: monthlyCost({
      region: lab.region,
      instanceType: settings.instanceType,
      diskGb: settings.diskGb,
      addresses: 1,
    }),
    cluster,
    clusterUsd: cluster.reduce((sum, { usd }) => sum + (usd ?? 0), 0),
  }
}
