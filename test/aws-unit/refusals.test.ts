import { RunInstancesCommand } from '@aws-sdk/client-ec2'
import type { STSClient } from '@aws-sdk/client-sts'
import { describe, expect, it } from 'vitest'
import { isRetryable } from '../../src/aws/errors.js'
import { decodingRefusals } from '../../src/aws/refusals.js'
import { ec2Answering, refusal } from '../support/answering.js'

/** What EC2 refuses a launch with, once the message was decoded by `decode`. */
async function refused(decode: () => unknown, reason = '') {
  const message = `You are not authorized to perform this operation. User: me is not authorized to perform: ec2:RunInstances on resource: r${reason}. Encoded authorization failure message: AbC-123`
  let calls = 0
  const ec2 = ec2Answering({
    RunInstances: () => {
      calls += 1
      return refusal('UnauthorizedOperation', message, 403)
    },
  })
  const sts = { send: async () => decode() } as unknown as STSClient
  const input = { ImageId: 'ami-1', MinCount: 1, MaxCount: 1 }
  const error = await decodingRefusals(ec2, sts)
    .send(new RunInstancesCommand(input))
    .catch((e) => e)
  return { error, calls }
}

const throws = (error: Error) => () => {
  throw error
}

describe('a denial whose message EC2 encodes', () => {
  it.each([
    ['may not be decoded', throws(refusal('AccessDenied', 'no', 403))],
    ['cannot be decoded', throws(refusal('InvalidAuthorizationMessageException'))],
    ['is decoded by a busy service', throws(refusal('Throttling', 'Rate exceeded'))],
    ['is decoded by a service in trouble', throws(refusal('ServiceUnavailable', 'x', 503))],
    ['is decoded over a lost connection', throws(Object.assign(new Error('x'), { code: 'ECONNRESET' }))],
    ['is decoded with credentials that expired', throws(refusal('ExpiredToken', 'expired', 403))],
    ['decodes to no JSON', () => ({ DecodedMessage: '<html>' })],
    ['decodes to nothing', () => ({})],
  ])('stays a denial where it %s, and is not sent again', async (_, decode) => {
    const { error, calls } = await refused(decode)
    expect(error.name).toBe('UnauthorizedOperation')
    expect(error.message).toMatch(/ec2:RunInstances on resource: r/)
    expect(error.message).not.toMatch(/Encoded|AbC-123/)
    expect(isRetryable(error, 1)).toBe(false)
    expect(calls).toBe(1)
  })

  it.each([
    ' with an explicit deny in a service control policy',
    ' because no permissions boundary allows the ec2:RunInstances action',
  ])('keeps the kind of policy that EC2 names beside it:%s', async (reason) => {
    const decoded = { explicitDeny: true, context: { action: 'ec2:RunInstances', resource: 'arn:r' } }
    const { error } = await refused(() => ({ DecodedMessage: JSON.stringify(decoded) }), reason)
    expect(error.message).toMatch(/A policy denies ec2:RunInstances on arn:r/)
    expect(error.message).toMatch(/service control policy|permissions boundary/)
  })
})
