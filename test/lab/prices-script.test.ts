import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'

const head = (date: string) =>
  `"FormatVersion","v1.0"\n"Disclaimer","For information, ""only"", as it says."\n"Publication Date","${date}T00:00:00Z"\n"Version","1"\n"OfferCode","x"\n`

const ec2Columns =
  '"SKU","TermType","PriceDescription","Unit","PricePerUnit","Currency","Product Family","Location Type","Instance Type","Tenancy","Operating System","Pre Installed S/W","CapacityStatus","Volume API Name","usageType"'

/** A row of the EC2 list: a plain t3.medium by the hour, but for what is changed. */
function machine(price: string, change: Record<string, string> = {}): string {
  const row: Record<string, string> = {
    SKU: 'S',
    TermType: 'OnDemand',
    PriceDescription: 'one, "two", three',
    Unit: 'Hrs',
    PricePerUnit: price,
    Currency: 'USD',
    'Product Family': 'Compute Instance',
    'Location Type': 'AWS Region',
    'Instance Type': 't3.medium',
    Tenancy: 'Shared',
    'Operating System': 'Linux',
    'Pre Installed S/W': 'NA',
    CapacityStatus: 'Used',
    ...change,
  }
  const names = ec2Columns.split(',').map((name) => name.slice(1, -1))
  return names.map((name) => `"${(row[name] ?? '').replaceAll('"', '""')}"`).join(',')
}

const gp3 = { 'Product Family': 'Storage', 'Volume API Name': 'gp3', 'Instance Type': '', Unit: 'GB-Mo' }
const machines = [
  ec2Columns,
  machine('9', { Tenancy: 'Dedicated' }),
  machine('9', { 'Operating System': 'Windows' }),
  machine('9', { TermType: 'Reserved' }),
  machine('9', { CapacityStatus: 'UnusedCapacityReservation' }),
  machine('9', { 'Location Type': 'AWS Local Zone' }),
  machine('0.0456000000'),
  machine('0.0880000000', gp3),
  machine('9', { 'Pre Installed S/W': 'SQL Std' }),
]
const addresses = [
  '"SKU","TermType","Unit","PricePerUnit","Currency","usageType"',
  '"S","OnDemand","Hrs","0.0000000000","USD","EU-PublicIPv4:InUseAddress"',
  '"S","OnDemand","Hrs","0.0050000000","USD","EU-PublicIPv4:InUseAddress"',
  '"S","OnDemand","Hrs","0.0450000000","USD","EU-NatGateway-Hours"',
]

it('the table of prices holds each region’s own, and null for what the list does not have', async () => {
  const lists: Record<string, string> = {
    '/ec2/eu-west-1.csv': head('2026-11-02') + machines.join('\n'),
    '/ec2/eu-west-1-zone.csv': `${head('2026-11-02')}${ec2Columns}\n`,
    '/vpc/eu-west-1.csv': head('2026-10-30') + addresses.join('\n'),
  }
  const indexOf = (service: string, ...names: string[]) =>
    JSON.stringify({
      regions: Object.fromEntries(
        names.map((name) => [name, { regionCode: name, currentVersionUrl: `/${service}/${name}.json` }]),
      ),
    })
  lists['/offers/v1.0/aws/AmazonEC2/current/region_index.json'] = indexOf(
    'ec2',
    'eu-west-1',
    'eu-west-1-zone',
  )
  lists['/offers/v1.0/aws/AmazonVPC/current/region_index.json'] = indexOf('vpc', 'eu-west-1')
  const server = createServer(({ url }, response) => void response.end(lists[url ?? '']))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-prices-'))
  onTestFinished(() => {
    server.close()
    rmSync(folder, { recursive: true })
  })

  const target = join(folder, 'prices.json')
  const list = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await promisify(execFile)(process.execPath, ['scripts/prices.mjs', list, target])
  const { asOf, columns, regions } = JSON.parse(readFileSync(target, 'utf8'))
  const row = Object.fromEntries(columns.map((name: string, i: number) => [name, regions['eu-west-1'][i]]))
  expect(row).toMatchObject({ 't3.medium': 0.0456, gp3: 0.088, ipv4: 0.005, 't3.large': null })
  expect(Object.keys(regions)).toEqual(['eu-west-1'])
  expect(asOf).toBe('2026-10-30')
})
