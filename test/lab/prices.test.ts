import { describe, expect, it } from 'vitest'
import { addressCost, diskCost, monthlyCost } from '../../src/lab/prices.js'
import prices from '../../src/lab/prices.json' with { type: 'json' }

const lab = { region: 'us-east-1', instanceType: 't3.large', diskGb: 40, addresses: 1 }

describe('the monthly cost', () => {
  it('adds up instance, disk and address in us-east-1', () => {
    const cost = monthlyCost(lab)
    expect(cost.lines.map((line) => line.monthlyUsd?.toFixed(2))).toEqual([
      '60.74',
      '3.20',
      '3.65',
      undefined,
    ])
    expect(cost.monthlyUsd).toBeCloseTo(67.586, 3)
    expect(cost.lines[0]?.unit).toBe('730 hours at $0.0832')
  })

  // On-demand Linux figures of two sources each, typed here by hand and not read from the table.
  it.each([
    ['us-east-1', 0.0416, 0.0672, 0.08],
    ['us-west-2', 0.0416, 0.0672, 0.08],
    ['eu-west-1', 0.0456, 0.0736, 0.088],
    ['eu-central-1', 0.048, 0.0768, 0.0952],
  ])('knows %s', (region, t3medium, t4glarge, gp3) => {
    const hours = (instanceType: string) => monthlyCost({ ...lab, region, instanceType }).lines[0]?.monthlyUsd
    expect(hours('t3.medium')).toBeCloseTo(730 * t3medium, 6)
    expect(hours('t4g.large')).toBeCloseTo(730 * t4glarge, 6)
    expect(monthlyCost({ ...lab, region }).lines[1]?.monthlyUsd).toBeCloseTo(40 * gp3, 6)
  })

  it('says where to look instead of guessing a price it does not have', () => {
    const cost = monthlyCost({ ...lab, instanceType: 'x2idn.metal' })
    expect(cost.lines[0]).toMatchObject({
      monthlyUsd: undefined,
      unit: 'unknown here: see aws.amazon.com/ec2/pricing',
    })
    expect(cost.monthlyUsd).toBeUndefined()
    expect(monthlyCost({ ...lab, region: 'constructor' }).monthlyUsd).toBeUndefined()
  })

  it('counts a kept address that has no instance', () => {
    expect(monthlyCost({ ...lab, addresses: 2 }).lines[2]?.monthlyUsd).toBeCloseTo(7.3, 6)
  })

  it('limits the models’ cost only by the limit if the number of users is unknown', () => {
    const most = (bounds: object) => monthlyCost({ ...lab, bounds }).modelsMostUsd
    expect(most({ allowance: 10 })).toBeUndefined()
    expect(most({ allowance: 10, limit: 50 })).toBe(50)
    expect(most({ allowance: 10, limit: 50, users: 3 })).toBe(30)
  })

  it('holds a table without slips: doubling sizes double the price, and no figure is out of its range', () => {
    for (const [region, row] of Object.entries(prices.regions)) {
      expect(row, region).toHaveLength(prices.columns.length)
      const price = (type: string) => row[prices.columns.indexOf(type)]
      for (const [small, large] of [
        ['t3.medium', 't3.large'],
        ['t3.large', 't3.xlarge'],
        ['t4g.medium', 't4g.large'],
      ]) {
        expect((price(large ?? '') ?? 0) / (price(small ?? '') ?? 0), `${region} ${large}`).toBeCloseTo(2, 1)
      }
      prices.columns.forEach((column, i) => {
        const [least, most] = column === 'ipv4' ? [0.004, 0.006] : [0.02, 0.3]
        const value = row[i] ?? undefined
        if (value !== undefined) expect(value > least && value < most, `${region} ${column}`).toBe(true)
      })
    }
  })
})

describe('a price in a message', () => {
  it('is the region’s own', () => {
    expect(addressCost('eu-central-1')).toBe('$3.65 a month (prices of 2025-03)')
    expect(diskCost('us-east-1')).toBe('$0.08 a GB and month (prices of 2025-03)')
    expect(diskCost('sa-east-1')).toBe('$0.152 a GB and month (prices of 2025-03)')
  })

  it('is said to be unknown where it is', () => {
    for (const region of ['eusc-de-east-1', 'cn-north-1', 'constructor']) {
      expect(addressCost(region)).toMatch(/unknown/)
      expect(diskCost(region)).toMatch(/unknown/)
      expect(monthlyCost({ ...lab, region }).lines[2]?.monthlyUsd).toBeUndefined()
    }
  })
})
