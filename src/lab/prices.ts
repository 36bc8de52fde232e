import prices from './prices.json' with { type: 'json' }

/** AWS bills by the hour and counts 730 of them to a month. */
const hoursPerMonth = 730
/** USD an hour for every public IPv4 address, in use or idle, in every region (since February 2024). */
const publicIpv4Hourly = 0.005

/**
 * Where prices.json is from: list prices for Linux, on demand, shared tenancy (USD an hour) and for gp3 storage
 * (USD a GB and month), read from copies of AWS's price list in public projects: Apache libcloud 3.9 (list of
 * 2025-03-02), Cortex (2022-09-03: the older regions, all of gp3) and Karpenter (2026-07-20: us-east-1). libcloud
 * gives some sizes at the dedicated tenancy's price, 6 to 10 % higher; these were told apart by comparing a
 * family's sizes. Every figure that two of the sources hold agrees to within rounding. `null`: in none of them.
 */
const priceSource =
  "AWS's list prices as of 2025-03-02 (us-east-1 unchanged on 2026-07-20), before tax; today's are at aws.amazon.com/ec2/pricing"

/** One line of the monthly bill. */
interface CostLine {
  item: string
  /** How AWS counts it: "730 hours at $0.0832". */
  unit: string
  /** USD; undefined where the price is not known here, or goes by use. */
  monthlyUsd: number | undefined
}

export interface Cost {
  lines: CostLine[]
  /** The fixed lines together, USD a month; undefined when the price of one is not known here. */
  monthlyUsd: number | undefined
  /** Where the figures are from, with their date. */
  source: string
}

export interface CostQuestion {
  region: string
  instanceType: string
  diskGb: number
  /** Public IPv4 addresses: 1 for a lab, none but the kept one when only an address is left. */
  addresses: number
}

/** What a lab costs a month while it runs all the time, in USD before tax. */
export function monthlyCost({ region, instanceType, diskGb, addresses }: CostQuestion): Cost {
  const hourly = priceOf(region, instanceType)
  const gbMonth = priceOf(region, 'gp3')
  const fixed: CostLine[] = [
    line(`${instanceType} instance`, hoursPerMonth, 'hours', hourly),
    line(`${diskGb} GB gp3 disk`, diskGb, 'GB', gbMonth),
    line(
      addresses === 1 ? 'public IPv4 address' : `${addresses} public IPv4 addresses`,
      addresses * hoursPerMonth,
      'hours',
      publicIpv4Hourly,
    ),
  ]
  const byUse = {
    item: 'Bedrock tokens',
    unit: 'by use: aws.amazon.com/bedrock/pricing',
    monthlyUsd: undefined,
  }
  return { lines: [...fixed, byUse], monthlyUsd: sum(fixed), source: priceSource }
}

function line(item: string, amount: number, unit: string, price: number | undefined): CostLine {
  if (price === undefined) return { item, unit: 'see aws.amazon.com/ec2/pricing', monthlyUsd: undefined }
  return { item, unit: `${amount} ${unit} at $${price}`, monthlyUsd: amount * price }
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
