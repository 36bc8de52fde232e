import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'
import type { Credentials } from '../aws/connect.js'

/** The signer and the region. */
export interface Signer {
  region: string
  credentials: () => Promise<Credentials>
  /** How far AWS's clock is ahead of this machine's, in milliseconds. */
  clockOffset?: () => number
}

/**
 * The headers that open `url`, a data channel, as this caller: SigV4 over an empty GET for `ssmmessages`. None if the
 * address contains its own signature.
 */
export async function upgradeHeaders(
  url: string,
  signer: Signer,
  now: number,
): Promise<Record<string, string>> {
  const { host, pathname, searchParams } = new URL(url)
  if (searchParams.has('X-Amz-Signature') || searchParams.has('X-Amz-Algorithm')) return {}
  const signature = new SignatureV4({
    service: 'ssmmessages',
    region: signer.region,
    credentials: await signer.credentials(),
    sha256: Sha256,
    applyChecksum: false,
  })
  const signed = await signature.sign(
    {
      method: 'GET',
      protocol: 'https:',
      hostname: host,
      path: pathname,
      // A "+" in the address counts as a space here, as it does for the service; cell numbers may hold one.
      query: Object.fromEntries(searchParams),
      headers: { host },
    },
    { signingDate: new Date(now + (signer.clockOffset?.() ?? 0)) },
  )
  const { host: _, ...headers } = signed.headers
  return headers
}
