import { describe, expect, it } from 'vitest'
import { releaseRefusal } from '../../src/resources/address.js'
import { ec2Answering, refusal } from '../support/answering.js'

/** What the dry run of a release tells, when AWS answers it so. */
const told = (answer: object | Error) =>
  releaseRefusal(ec2Answering({ ReleaseAddress: () => answer }), 'eipalloc-1')

describe('the dry run of a release', () => {
  it.each([
    ['DryRunOperation', 'nothing'],
    ['UnauthorizedOperation', 'policy'],
    ['InvalidAddress.PtrSet', 'reverse-dns'],
  ])('%s: %s refuses it', async (code, refusedBy) => {
    await expect(told(refusal(code))).resolves.toBe(refusedBy)
  })

  it.each([
    refusal('InvalidAddress.Locked'),
    refusal('AuthFailure'),
    refusal('InvalidAllocationID.NotFound'),
    refusal('RequestLimitExceeded', 'slow down', 503),
    Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }),
  ])('any other answer leaves it unknown, and ends no run: %s', async (error) => {
    await expect(told(error)).resolves.toBe('unknown')
  })
})
