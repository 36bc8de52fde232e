import http from 'node:http'
import https from 'node:https'
import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'
import { dnsSuffix } from '../aws/region.js'
import { LabError } from '../core/error.js'
import type { GenerateDataKey } from './encryption.js'
import type { Surroundings } from './socket.js'

const answerWithin = 15_000

/**
 * KMS's GenerateDataKey, the only call of KMS that a shell needs. A client library for it would be larger than the
 * rest of the tunnel. https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html
 */
export function kmsOf(
  { signer, clock, agent }: Surroundings,
  endpoint = `https://kms.${signer.region}.${dnsSuffix(signer.region)}`,
): GenerateDataKey {
  return async (request) => {
    const { host, protocol } = new URL(endpoint)
    const body = JSON.stringify(request)
    const signature = new SignatureV4({
      service: 'kms',
      region: signer.region,
      credentials: await signer.credentials(),
      sha256: Sha256,
    })
    const { headers } = await signature.sign(
      {
        method: 'POST',
        protocol,
        hostname: host,
        path: '/',
        query: {},
        headers: {
          host,
          'content-type': 'application/x-amz-json-1.1',
          'x-amz-target': 'TrentService.GenerateDataKey',
        },
        body,
      },
      { signingDate: new Date(clock.now()) },
    )
    const { status, text } = await post(endpoint, { headers, agent }, body)
    if (status !== 200) throw refused(request.KeyId, text)
    const { Plaintext, CiphertextBlob } = JSON.parse(text)
    return { plaintext: Buffer.from(Plaintext, 'base64'), ciphertext: Buffer.from(CiphertextBlob, 'base64') }
  }
}

function post(
  url: string,
  options: { headers: Record<string, string>; agent: http.Agent | undefined },
  body: string,
): Promise<{ status: number; text: string }> {
  const { request } = url.startsWith('https:') ? https : http
  return new Promise((resolve, reject) => {
    const { headers, agent } = options
    const call = request(url, {
      method: 'POST',
      headers,
      agent,
      timeout: answerWithin,
      rejectUnauthorized: true,
    })
    call.on('timeout', () => call.destroy(new Error('KMS did not answer in time')))
    call.on('error', reject)
    call.on('response', async (answer) => {
      const chunks: Buffer[] = []
      for await (const chunk of answer) chunks.push(chunk)
      resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() })
    })
    call.end(body)
  })
}

function refused(key: string, text: string): LabError {
  return new LabError({
    code: 'no-session-key',
    what: 'Your account encrypts shells with a KMS key, and KMS returned no data key for this session.',
    why: text.slice(0, 500),
    fix: [
      `Your identity needs kms:GenerateDataKey on ${key}`,
      "The instance's role needs kms:Decrypt on the same key.",
      'Or change the key: Systems Manager, Session Manager, Preferences, KMS encryption',
    ],
    fault: 'user',
  })
}
