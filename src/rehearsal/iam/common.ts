import { accountId } from '../account.js'
import { Refusal } from '../refusal.js'
import type { World } from '../world.js'

export const roleArn = (name: string) => `arn:aws:iam::${accountId}:role/${name}`
export const profileArn = (name: string) => `arn:aws:iam::${accountId}:instance-profile/${name}`

/** IAM's refusal for what isn't there, as `found` takes it. */
export const noSuch = (what: string) => ['NoSuchEntity', `The ${what} cannot be found.`, 404] as const

/** IAM keeps documents as they were given and answers them percent-encoded (RFC 3986). */
export const encoded = (document: string) =>
  encodeURIComponent(document).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

/** Lets through what is a policy document; IAM's refusal for what isn't. */
export function checkDocument(document: string | undefined): string {
  try {
    const { Statement } = JSON.parse(document ?? '')
    if (Statement) return document ?? ''
  } catch {
    // Not JSON: refused below, as any other malformed document.
  }
  throw new Refusal('MalformedPolicyDocument', 'Syntax errors in policy.')
}

/** "AROA…", "AIPA…": a kind and 17 capitals and digits. */
export const iamId = (kind: string, { id }: World) => `${kind}${id('x').slice(2).toUpperCase()}`
