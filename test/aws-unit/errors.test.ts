import { describe, expect, it } from 'vitest'
import { advise } from '../../src/aws/advice.js'
import { isPassing, isRetryable } from '../../src/aws/errors.js'
import { explainLaunchFailure } from '../../src/aws/launch-failure.js'
import { LabError } from '../../src/core/error.js'
import { refusal } from '../support/answering.js'
import { printedFix } from '../support/printed.js'

describe('an error that passes by itself', () => {
  it.each([
    'TooManyUpdates',
    'ThrottlingException',
    'Throttling',
    'ThrottledException',
    'RequestLimitExceeded',
    'RequestThrottledException',
    'TooManyRequestsException',
    'EC2ThrottledException',
    'PriorRequestNotComplete',
  ])('%s: being asked too often, by any service', (code) => {
    expect(isPassing(refusal(code))).toBe(true)
    expect(isRetryable(refusal(code), 1)).toBe(true)
  })

  it.each(['InternalServerError', 'ServiceUnavailable', 'Unavailable', 'InternalFailure'])(
    '%s: trouble of AWS’s own',
    (code) => expect(isPassing(refusal(code, code, 503))).toBe(true),
  )

  it.each(['ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EPIPE'])('%s: no answer came', (code) => {
    expect(isPassing(Object.assign(new Error('x'), { code }))).toBe(true)
  })

  it.each(['AccessDenied', 'VcpuLimitExceeded', 'ParameterLimitExceeded', 'InvalidParameterValue'])(
    '%s does not',
    (code) => expect(isPassing(refusal(code))).toBe(false),
  )

  it('no capacity is an answer, although it comes with status 500', () => {
    expect(isPassing(refusal('InsufficientInstanceCapacity', 'x', 500))).toBe(false)
  })
})

describe('a denial', () => {
  const user =
    'User: arn:aws:iam::1:user/me is not authorized to perform: ec2:RunInstances on resource: arn:x'

  // IAM's own words: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
  it.each([
    ['with an explicit deny in a service control policy', /service control policy/, /organization/],
    [
      'because no service control policy allows the ec2:RunInstances action',
      /service control/,
      /organization/,
    ],
    ['with an explicit deny in a resource control policy', /resource control policy/, /organization/],
    [
      'because no permissions boundary allows the ec2:RunInstances action',
      /permissions boundary/,
      /manages the boundary/,
    ],
    ['with an explicit deny in a permissions boundary', /permissions boundary/, /manages the boundary/],
    ['because no session policy allows the ec2:RunInstances action', /session policy/, /Sign in again/],
    [
      'because no VPC endpoint policy allows the ec2:RunInstances action',
      /VPC endpoint/,
      /outside that network/,
    ],
  ])('%s: names the policy, and who can change it', (reason, what, fix) => {
    for (const code of ['UnauthorizedOperation', 'AccessDenied', 'AccessDeniedException']) {
      const said = advise(refusal(code, `${user} ${reason}`, 403))
      expect(said.message).toMatch(what)
      expect(printedFix(said)).toMatch(fix)
      expect(said.why).toContain(reason)
    }
  })

  it('of an identity policy: prints what is needed', () => {
    const said = advise(refusal('AccessDenied', `${user} because no identity-based policy allows it`, 403))
    expect(printedFix(said)).toMatch(/librechat-lab policy/)
  })

  it('of CreateRole: says how to name a boundary that the account demands', () => {
    const denied = 'User: me is not authorized to perform: iam:CreateRole on resource: role'
    const said = advise(
      refusal('AccessDenied', `${denied} with an explicit deny in an identity-based policy`),
    )
    expect(printedFix(said)).toMatch(/--permissions-boundary/)
  })

  it('of a budget: names the account’s setting that no policy replaces', () => {
    const denied = 'User: me is not authorized to perform: budgets:ModifyBudget'
    const said = advise(refusal('AccessDeniedException', denied))
    expect(printedFix(said)).toMatch(/IAM user and role access to Billing information/)
  })

  it('of a tag policy: it is not a lack of permissions', () => {
    const message = "The tag policy does not allow the specified value for the following tag key: 'Team'."
    for (const code of ['TagPolicyViolation', 'InvalidParameterValue', 'InvalidInput']) {
      const said = advise(refusal(code, message))
      expect(said.message).toMatch(/tag policy/)
      expect(printedFix(said)).not.toMatch(/librechat-lab policy/)
    }
  })

  it('of an MFA code: asks for the next one', () => {
    const message = 'MultiFactorAuthentication failed with invalid MFA one time pass code.'
    expect(advise(refusal('AccessDenied', message, 403)).message).toMatch(/MFA code/)
  })
})

describe('advice in another partition', () => {
  it.each([
    ['us-gov-west-1', 'us-gov-east-1'],
    ['us-gov-east-1', 'us-gov-west-1'],
    ['cn-north-1', 'cn-northwest-1'],
    ['us-east-1', 'us-west-2'],
  ])('in %s names %s', (region, other) => {
    const said = advise(refusal('AuthFailure'), { region })
    expect(printedFix(said)).toContain(`--region ${other}`)
    if (!region.startsWith('us-east')) expect(printedFix(said)).not.toMatch(/us-east-1/)
  })

  it('in one with a single region names none', () => {
    expect(printedFix(advise(refusal('AuthFailure'), { region: 'eusc-de-east-1' }))).not.toMatch(/--region/)
  })

  it.each([
    ['us-gov-west-1', /console\.amazonaws-us-gov\.com/],
    ['cn-north-1', /console\.amazonaws\.cn/],
    ['eu-west-1', /eu-west-1\.console\.aws\.amazon\.com/],
  ])('links to the console of %s', (region, host) => {
    expect(printedFix(advise(refusal('VcpuLimitExceeded'), { region }))).toMatch(host)
  })
})

describe('an instance that ended while it was starting', () => {
  it.each(['Client.InternalError', 'Client.InvalidKMSKey.InvalidState'])(
    '%s: the default key of the disks, and not "run it again" alone',
    (Code) => {
      const said = explainLaunchFailure({ Code, Message: `${Code}: Client error on launch` }, 'eu-west-1')
      expect(said.why).toMatch(/key that encrypts disks by default in eu-west-1/)
      expect(printedFix(new LabError({ code: 'x', what: 'x', fix: said.fix }))).toMatch(
        /get-ebs-default-kms-key-id --region eu-west-1[\s\S]*kms:CreateGrant/,
      )
    },
  )

  it('for any other reason: AWS’s own words', () => {
    const said = explainLaunchFailure(
      { Code: 'Server.InternalError', Message: 'Server.InternalError: x' },
      'r',
    )
    expect(said.why).toBe('Server.InternalError: x')
    expect(explainLaunchFailure(undefined, 'r').why).toBe('AWS gives no reason.')
  })
})
