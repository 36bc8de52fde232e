import { accountId } from '../account.js'
import { Refusal } from '../refusal.js'
import type { World } from '../world.js'

export const roleArn = (name: string) => `arn:aws:iam::${accountId}:role/${name}`
export const profileArn = (name: string) => `arn:aws:iam::${accountId}:instance-profile/${name}`

/** IAM's error for a missing item, for `found`. */
export const noSuch = (what: string) => ['NoSuchEntity', `The ${what} cannot be found.`, 404] as const

/** IAM stores documents unchanged and returns them percent-encoded (RFC 3986). */
export const encoded = (document: string) =>
  encodeURIComponent(document).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

/** Returns a valid policy document; throws IAM's error for others. */
export function checkDocument(document: string | undefined): string {
  try {
    const { Statement } = JSON.parse(document ?? '')
    if (Statement) return document ?? ''
  } catch {
    // Not JSON: refused below like other malformed documents.
  }
  throw new Refusal('MalformedPolicyDocument', 'Syntax errors in policy.')
}

/** "AROA…", "AIPA…": a kind and 17 capitals and digits. */
export const iamId = (kind: string, { id }: World) => `${kind}${id('x').slice(2).toUpperCase()}`
