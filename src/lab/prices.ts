import prices from './prices.json' with { type: 'json' }

/** AWS bills by the hour and counts 730 of them to a month. */
const hoursPerMonth = 730

/**
 * Where prices.json is from: `npm run prices` makes it from AWS's public price list before a release. The table of
 * 2025-03-02 was read from copies of that list in public projects instead: Apache libcloud 3.9 (2025-03-02), Cortex
 * (2022-09-03: the older regions, all of gp3) and Karpenter (2026-07-20: us-east-1); public IPv4 addresses from AWS's
 * announcement of one price for all regions (2023-07-28). Linux, on demand, shared tenancy: USD an hour, and USD a GB
 * and month for gp3. `null`: in none of them, which is said as "unknown" and never guessed.
 */
const priceSource = `${prices.source}, before tax; today's are at aws.amazon.com/ec2/pricing`

/** "prices of 2025-03": shown with each single price. */
export const pricesOf = `prices of ${prices.asOf.slice(0, 7)}`

/** One line of the monthly bill. */
interface CostLine {
  item: string
  /** How it is calculated: "730 hours at $0.0832". */
  unit: string
  /** USD; undefined if the price is unknown or depends on usage. */
  monthlyUsd: number | undefined
}

export interface Cost {
  lines: CostLine[]
  /** Sum of the fixed lines, USD a month; undefined if one price is unknown. */
  monthlyUsd: number | undefined
  /** Maximum cost of the models a month, from allowances and limit; undefined without both. */
  modelsMostUsd?: number | undefined
  /** Source of the figures, with their date. */
  source: string
  /** Short form: "prices of 2025-03". */
  dated: string
}

/** What limits the cost of models: US dollars a month. */
interface Bounds {
  allowance?: number | undefined
  limit?: number | undefined
  /** Undefined if unknown; then only the limit counts. */
  users?: number | undefined
  /** Users with their own allowance, and the sum of those allowances. */
  own?: { users: number; usd: number } | undefined
}

export interface CostQuestion {
  region: string
  instanceType: string
  diskGb: number
  /** Public IPv4 addresses: 1 for a lab, or for an address that was kept. */
  addresses: number
  /** Undefined: there is no limit. */
  bounds?: Bounds | undefined
  /** Hours a month that it runs; all by default. The disk and the address always cost. */
  hours?: number | undefined
}

/** What a lab costs a month, in USD before tax. */
export function monthlyCost({ region, instanceType, diskGb, addresses, hours, bounds }: CostQuestion): Cost {
  const hourly = priceOf(region, instanceType)
  const gbMonth = priceOf(region, 'gp3')
  const fixed: CostLine[] = [
    line(`${instanceType} instance`, hours ?? hoursPerMonth, 'hours', hourly),
    line(`${diskGb} GB gp3 disk`, diskGb, 'GB', gbMonth),
    line(
      addresses === 1 ? 'public IPv4 address' : `${addresses} public IPv4 addresses`,
      addresses * hoursPerMonth,
      'hours',
      priceOf(region, 'ipv4'),
    ),
  ]
  const modelsMostUsd = bounds && mostOf(bounds)
  const byUse = {
    item: 'Bedrock tokens',
    unit:
      modelsMostUsd === undefined
        ? 'by use: aws.amazon.com/bedrock/pricing'
        : `by use, at most about $${modelsMostUsd.toFixed(2)}`,
    monthlyUsd: undefined,
  }
  return {
    lines: [...fixed, byUse],
    monthlyUsd: sum(fixed),
    modelsMostUsd,
    source: priceSource,
    dated: pricesOf,
  }
}

/** A lab without users is counted as having one. */
function mostOf({ allowance, limit, users, own = { users: 0, usd: 0 } }: Bounds): number | undefined {
  const others = users === undefined ? undefined : Math.max(0, Math.max(1, users) - own.users)
  const all = allowance === undefined || others === undefined ? undefined : allowance * others + own.usd
  if (all === undefined || limit === undefined) return all ?? limit
  return Math.min(all, limit)
}

/** USD a month for one public IPv4 address; undefined where the price is unknown. */
export const addressMonthlyUsd = (region: string): number | undefined => {
  const hourly = priceOf(region, 'ipv4')
  return hourly === undefined ? undefined : hourly * hoursPerMonth
}

/** USD a month for an instance that always runs; undefined where the price is unknown. */
export const instanceMonthlyUsd = (region: string, type: string): number | undefined => {
  const hourly = priceOf(region, type)
  return hourly === undefined ? undefined : hourly * hoursPerMonth
}

/** What one public IPv4 address costs, in use or kept: "$3.65 a month (prices of 2025-03)", or that the price is unknown. */
export const addressCost = (region: string): string => costText(addressMonthlyUsd(region), 'a month')

/** What a GB of disk costs: "$0.08 a GB and month (prices of 2025-03)", or that the price is unknown. */
export const diskCost = (region: string): string => costText(priceOf(region, 'gp3'), 'a GB and month')

/**
 * USD a GB and month of EBS snapshots in the standard tier, where a public source names it; AWS counts only blocks that no
 * other snapshot of the disk has: https://aws.amazon.com/ebs/pricing/
 */
const snapshotGbMonth: Readonly<Record<string, number>> = {
  'us-east-1': 0.05,
  'us-east-2': 0.05,
  'us-west-2': 0.05,
  'eu-west-1': 0.05,
}

/** USD a month that a snapshot of so many GB costs at the most; undefined where the price is unknown. */
export function snapshotMonthlyUsd(region: string, sizeGb: number): number | undefined {
  const price = snapshotGbMonth[region]
  return price === undefined ? undefined : price * sizeGb
}

const costText = (price: number | undefined, per: string): string =>
  price === undefined ? `an unknown price ${per} in this region` : `$${priced(price)} ${per} (${pricesOf})`

function line(item: string, amount: number, unit: string, price: number | undefined): CostLine {
  if (price === undefined)
    return { item, unit: 'unknown here: see aws.amazon.com/ec2/pricing', monthlyUsd: undefined }
  return { item, unit: `${Number(amount.toFixed(1))} ${unit} at $${price}`, monthlyUsd: amount * price }
}

function sum(lines: readonly CostLine[]): number | undefined {
  let total = 0
  for (const { monthlyUsd } of lines) {
    if (monthlyUsd === undefined) return undefined
    total += monthlyUsd
  }
  return total
}

function priceOf(region: string, column: string): number | undefined {
  const row: (number | null)[] | undefined = new Map(Object.entries(prices.regions)).get(region)
  return row?.[prices.columns.indexOf(column)] ?? undefined
}

/** Two decimals, or as many as there are: "3.65", "0.152". */
const priced = (usd: number): string => {
  const exact = String(Number(usd.toFixed(4)))
  return /\.\d{3,}$/.test(exact) ? exact : usd.toFixed(2)
}
