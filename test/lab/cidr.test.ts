import { describe, expect, it } from 'vitest'
import { checkedCidr, checkedCidrs, isAllowed } from '../../src/lab/cidr.js'

const refusal = (given: string) => {
  try {
    return checkedCidr(given)
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('one range', () => {
  it.each([
    ['8.8.8.8', '8.8.8.8/32'],
    [' 8.8.8.8/32 ', '8.8.8.8/32'],
    ['8.8.8.0/24', '8.8.8.0/24'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['128.0.0.0/1', '128.0.0.0/1'],
  ])('%s is let in as %s', (given, range) => expect(checkedCidr(given)).toBe(range))

  it.each([
    '',
    'here',
    '8.8.8',
    '8.8.8.256',
    '8.8.8.8/33',
    '8.8.8.8/-1',
    '8.8.8.8/24',
    '08.8.8.8x',
    '10.0.0.1',
    '10.20.0.0/16',
    '172.16.3.0/24',
    '192.168.1.1/32',
    '127.0.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '203.0.113.4',
    '2001:db8::1',
    '::/0',
    '8.8.8.8/32; rm -rf /',
    '$(id)',
    '8.8.8.8\n9.9.9.9',
    '８.８.８.８',
    '8'.repeat(10_000),
  ])('%.40s is refused', (given) => expect(refusal(given)).toBe('bad-cidr'))

  it('says what was meant where bits are cut off', () => {
    expect(() => checkedCidr('8.8.8.8/24')).toThrow(
      expect.objectContaining({ fix: ['Did you mean 8.8.8.0/24?'] }),
    )
  })
})

describe('ranges together', () => {
  const together = (ranges: string[], everyone = false) => {
    try {
      return checkedCidrs(ranges, everyone)
    } catch (error) {
      return (error as { code: string }).code
    }
  }

  it('are sorted and said once', () => {
    expect(together(['9.9.9.9', '8.8.8.8', '9.9.9.9/32'])).toEqual(['8.8.8.8/32', '9.9.9.9/32'])
  })

  it.each([
    [['0.0.0.0/0']],
    [['0.0.0.0/1', '128.0.0.0/1']],
    [['8.0.0.0/15']],
    [['8.8.0.0/16', '9.9.9.9']],
    [['8.8.0.0/17', '8.8.128.0/17', '9.0.0.0/17']],
  ])('%j are wider than a /16, and refused unless said twice', (ranges) => {
    expect(together(ranges)).toBe('too-wide')
    expect(together(ranges, true)).toHaveLength(ranges.length)
  })

  it.each([[['8.8.0.0/16']], [['8.8.0.0/16', '8.8.4.0/24']], [['8.8.0.0/17', '8.8.128.0/17']]])(
    '%j are no wider than a /16, overlaps counted once',
    (ranges) => expect(together(ranges)).toHaveLength(ranges.length),
  )

  it('are at most what a security group holds', () => {
    const many = (n: number) => Array.from({ length: n }, (_, i) => `8.8.${i}.1`)
    expect(together(many(19))).toHaveLength(19)
    expect(together(many(20))).toBe('too-many-cidrs')
  })

  it('let in who is in one of them', () => {
    expect(isAllowed('8.8.8.8', ['9.9.9.9/32', '8.8.8.0/24'])).toBe(true)
    expect(isAllowed('8.8.9.8', ['9.9.9.9/32', '8.8.8.0/24'])).toBe(false)
    expect(isAllowed('nowhere', ['0.0.0.0/0'])).toBe(false)
  })
})
