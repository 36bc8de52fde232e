import { type Hint, LabError, type Prose } from '../core/error.js'
import { notPublic } from '../core/ipv4.js'

/** An IPv4 range: first address as an unsigned number, and prefix length. */
interface Range {
  first: number
  prefix: number
}

/** A group can have 60 rules. Each range needs one for each of three ports, and an open port 80 needs two more. */
const mostRanges = 19

const sizeOf = (prefix: number) => 2 ** (32 - prefix)

function parse(text: string): Range | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(text)
  if (!match) return undefined
  const bytes = match.slice(1, 5).map(Number)
  const prefix = Number(match[5] ?? 32)
  if (bytes.some((byte) => byte > 255) || prefix > 32) return undefined
  return { first: bytes.reduce((sum, byte) => sum * 256 + byte, 0), prefix }
}

function format({ first, prefix }: Range): string {
  const bytes = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256)
  return `${bytes.join('.')}/${prefix}`
}

/** The advice about a refused range, which depends on the command. */
export interface RangeAdvice {
  /** An example of a valid range. */
  example: Prose | Hint
  /** How to allow your own address instead. */
  own: Prose | Hint
  /** How to allow more than a /16. */
  everyone: Prose | Hint
}

const adviceOfUp: RangeAdvice = {
  example: 'For example: --allow-cidr 198.50.100.7/32',
  own: 'Leave --allow-cidr out to allow your current public address.',
  everyone: 'Or add --allow-everyone to allow them anyway.',
}

const refuse = (given: string, why: string, fix: Prose | Hint) =>
  new LabError({
    code: 'bad-cidr',
    what: `${JSON.stringify(given.length > 60 ? `${given.slice(0, 60)}…` : given)} can't be allowed.`,
    why,
    fix: [fix],
  })

/** "1.2.3.4" or "1.2.3.0/24" as a public IPv4 range, "1.2.3.4/32"; LabError `bad-cidr`. */
export function checkedCidr(given: string, advice: RangeAdvice = adviceOfUp): string {
  const text = given.trim()
  if (text.includes(':')) {
    throw refuse(given, 'It is an IPv6 range, and the lab has only an IPv4 address.', {
      run: 'curl -4 https://checkip.amazonaws.com',
      text: 'prints your IPv4 address',
    })
  }
  const range = parse(text)
  if (!range) {
    throw refuse(given, 'It is not an IPv4 address or range.', advice.example)
  }
  const aligned = Math.floor(range.first / sizeOf(range.prefix)) * sizeOf(range.prefix)
  if (aligned !== range.first) {
    throw refuse(
      given,
      `A /${range.prefix} range starts at ${format({ ...range, first: aligned }).replace(/\/.*/, '')}.`,
      `Did you mean ${format({ ...range, first: aligned })}?`,
    )
  }
  const inside = notPublic.find((reserved) => {
    const other = parse(reserved) as Range
    return other.prefix <= range.prefix && overlaps(range, other)
  })
  if (inside) {
    throw refuse(
      given,
      `It lies in ${inside}, which is not a public range: no connection reaches AWS from there.`,
      advice.own,
    )
  }
  return format(range)
}

const overlaps = (a: Range, b: Range) =>
  a.first < b.first + sizeOf(b.prefix) && b.first < a.first + sizeOf(a.prefix)

/** Whether every address of `cidr` lies in one of the ranges. A source that is not an IPv4 range covers nothing. */
export function isCovered(cidr: string, ranges: readonly string[]): boolean {
  const inner = parse(cidr)
  if (!inner) return false
  return ranges.some((range) => {
    const outer = parse(range)
    return outer !== undefined && outer.prefix <= inner.prefix && overlaps(inner, outer)
  })
}

/** How many addresses the ranges let in together. */
export function countAddresses(cidrs: readonly string[]): number {
  const ranges = cidrs.flatMap((cidr) => parse(cidr) ?? []).sort((a, b) => a.first - b.first)
  let end = 0
  let count = 0
  for (const { first, prefix } of ranges) {
    const last = first + sizeOf(prefix)
    count += Math.max(0, last - Math.max(first, end))
    end = Math.max(end, last)
  }
  return count
}

/**
 * The ranges checked one by one and together, without repeats, in order. More than a /16 in all is refused
 * unless `allowEveryone`; LabError `bad-cidr`, `too-wide` or `too-many-cidrs`.
 */
export function checkedCidrs(
  given: readonly string[],
  allowEveryone: boolean,
  advice: RangeAdvice = adviceOfUp,
): string[] {
  const cidrs = [...new Set(given.map((one) => checkedCidr(one, advice)))].sort()
  if (cidrs.length > mostRanges) {
    throw new LabError({
      code: 'too-many-cidrs',
      what: `${cidrs.length} ranges are more than a security group can hold.`,
      why: `A group holds 60 rules, and each range takes three: ${mostRanges} ranges at most.`,
      fix: ['Combine neighbouring ranges into a wider one.'],
    })
  }
  const count = countAddresses(cidrs)
  if (count > 2 ** 16 && !allowEveryone) {
    throw new LabError({
      code: 'too-wide',
      what: `${cidrs.join(', ')} would let in ${count === 2 ** 32 ? 'the whole internet' : `${count.toLocaleString('en')} addresses`}.`,
      why: 'Together the ranges may have at most 65,536 addresses (a /16).',
      fix: [advice.own, advice.everyone],
    })
  }
  return cidrs
}

/** Whether an address lies in one of the ranges. */
export const isAllowed = (address: string, cidrs: readonly string[]): boolean => isCovered(address, cidrs)
