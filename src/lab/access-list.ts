import { LabError } from '../core/error.js'
import { checkedCidr, checkedCidrs, countAddresses, isCovered, type RangeAdvice } from './cidr.js'
import type { Settings } from './settings.js'

type Allow = Settings['allow']

/** A range in canonical form that is added to, or removed from, the ranges that can reach the lab. */
export interface AccessEdit {
  kind: 'add' | 'remove'
  cidr: string
  /** Whether the user accepts a list that is wider than a /16, or empty. */
  allowEveryone: boolean
  allowNobody: boolean
}

const advice: RangeAdvice = {
  example: { command: { path: 'access add', args: ['198.50.100.7/32'] }, text: 'adds one address' },
  own: { command: { path: 'access add', args: ['detect'] }, text: 'adds your current public address' },
  everyone: 'Or add --allow-everyone to allow them anyway.',
}

/** A range as typed, "1.2.3.4" or "1.2.3.0/24"; LabError `bad-cidr`. */
export const checkedRange = (text: string): string => checkedCidr(text, advice)

/**
 * The list after the edit. From then on `up` no longer replaces a detected address in it. Removing a range that is
 * not in the list succeeds, unless a wider range contains it. LabErrors `too-wide`, `too-many-cidrs`,
 * `no-such-range`, `last-range`
 */
export function editedAllow(allow: Allow, edit: AccessEdit): Allow {
  return edit.kind === 'add' ? withRange(allow, edit) : withoutRange(allow, edit)
}

function withRange(allow: Allow, { cidr, allowEveryone }: AccessEdit): Allow {
  if (isCovered(cidr, allow.cidrs)) return allow
  const everyone = allow.everyone || allowEveryone
  return { from: 'given', cidrs: checkedCidrs([...allow.cidrs, cidr], everyone, advice), everyone }
}

function withoutRange(allow: Allow, { cidr, allowNobody }: AccessEdit): Allow {
  const cidrs = allow.cidrs.filter((one) => one !== cidr)
  if (cidrs.length === allow.cidrs.length) {
    const wider = allow.cidrs.find((one) => isCovered(cidr, [one]))
    if (wider === undefined) return allow
    throw noSuchRange(cidr, wider)
  }
  if (cidrs.length === 0 && !allowNobody) throw lastRange(cidr)
  return { from: 'given', cidrs, everyone: allow.everyone && countAddresses(cidrs) > 2 ** 16 }
}

const noSuchRange = (cidr: string, wider: string): LabError =>
  new LabError({
    code: 'no-such-range',
    what: `${cidr} is not one of the allowed ranges.`,
    why: `It is a part of ${wider}.`,
    fix: [
      { command: { path: 'access remove', args: [wider] }, text: 'removes the whole range' },
      { command: { path: 'access list' }, text: 'lists the ranges' },
    ],
  })

const lastRange = (cidr: string): LabError =>
  new LabError({
    code: 'last-range',
    what: `${cidr} is the last allowed range.`,
    why: 'Without it nobody reaches the lab’s pages; tunnel still works. Nothing was changed.',
    fix: [
      { command: { path: 'access add', args: ['<range>'] }, text: 'adds another range first' },
      {
        command: { path: 'access remove', args: [cidr], flags: { 'allow-nobody': true } },
        text: 'removes it anyway',
      },
    ],
  })
