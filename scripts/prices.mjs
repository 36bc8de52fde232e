// Makes src/lab/prices.json anew from AWS's public price list: every region, the types that the program knows.
// Run before a release: npm run prices, then npm run format. What the list does not hold is null, "unknown" to the program.
// The list: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-the-aws-price-list-bulk-api.html
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'

const [list = 'https://pricing.us-east-1.amazonaws.com', target = 'src/lab/prices.json'] =
  process.argv.slice(2)

async function fetched(path) {
  const answer = await fetch(new URL(path, list))
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`)
  return answer
}

/** Regions and the paths of their lists, of one service. */
async function regionsOf(service) {
  const { regions } = await (await fetched(`/offers/v1.0/aws/${service}/current/region_index.json`)).json()
  return new Map(Object.values(regions).map((region) => [region.regionCode, region.currentVersionUrl]))
}

const cells = (line) => Array.from(line.matchAll(/"((?:[^"]|"")*)"(?:,|$)/g), ([, cell]) => cell)

/** The rows of a list, which is too long to hold as a whole; the five lines before its head tell its date. */
async function* rows(path) {
  const { body } = await fetched(path.replace(/\.json$/, '.csv'))
  let head
  let published = ''
  for await (const line of createInterface({ input: Readable.fromWeb(body) })) {
    const row = cells(line)
    if (head) yield { published, of: Object.fromEntries(row.map((cell, i) => [head[i], cell])) }
    else if (row[0] === 'Publication Date') published = row[1].slice(0, 10)
    else if (row[0] === 'SKU') head = row.map((name) => name.toLowerCase())
  }
}

/** The column of the table that a row has the price of. */
function columnOf(row) {
  if (row.termtype !== 'OnDemand' || row.currency !== 'USD') return undefined
  const usage = row.usagetype ?? row['usage type'] ?? ''
  if (usage.endsWith('PublicIPv4:InUseAddress')) return 'ipv4'
  if (row['location type'] !== 'AWS Region') return undefined
  if (row['product family'] === 'Storage' && row['volume api name'] === 'gp3') return 'gp3'
  const plain =
    row['product family'] === 'Compute Instance' &&
    row.tenancy === 'Shared' &&
    row['operating system'] === 'Linux' &&
    row['pre installed s/w'] === 'NA' &&
    row.capacitystatus === 'Used'
  return plain ? row['instance type'] : undefined
}

const { columns } = JSON.parse(readFileSync(new URL('../src/lab/prices.json', import.meta.url), 'utf8'))
const [machines, networks] = await Promise.all([regionsOf('AmazonEC2'), regionsOf('AmazonVPC')])
const regions = {}
let asOf = '9999-12-31'
for (const region of [...machines.keys()].sort()) {
  const found = {}
  for (const path of [machines.get(region), networks.get(region)].filter(Boolean)) {
    for await (const { published, of } of rows(path)) {
      const column = columnOf(of)
      const price = Number(of.priceperunit)
      if (published && published < asOf) asOf = published
      if (columns.includes(column) && price > 0) found[column] = price
    }
  }
  // Local Zones have lists of their own, with nothing that a lab needs.
  if (Object.keys(found).length > 0) regions[region] = columns.map((column) => found[column] ?? null)
  process.stderr.write(`${region}: ${Object.keys(found).length} prices\n`)
}
const source = `AWS's list prices as of ${asOf}`
const lines = Object.entries(regions).map(([region, row]) => `    "${region}": ${JSON.stringify(row)}`)
const head = JSON.stringify({ asOf, source, columns }).slice(1, -1)
writeFileSync(target, `{${head},"regions":{\n${lines.join(',\n')}\n}}\n`)
