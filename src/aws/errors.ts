import { LabError } from '../core/error.js'

interface SdkError extends Error {
  Code?: string
  code?: string
  $metadata?: { requestId?: string; httpStatusCode?: number }
  $fault?: string
}

/** AWS's own code for an error, such as "InvalidGroup.NotFound"; "" for what isn't AWS's. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const { name, Code, $metadata } = error as SdkError
  return Code ?? ($metadata?.httpStatusCode || $metadata?.requestId ? name : '')
}

export const requestIdOf = (error: unknown): string | undefined => (error as SdkError)?.$metadata?.requestId

/** Whether AWS answered with one of these codes; a code that ends in `*` matches its beginning. */
export function isCode(error: unknown, ...codes: string[]): boolean {
  const code = codeOf(error)
  return codes.some((c) => (c.endsWith('*') ? code.startsWith(c.slice(0, -1)) : code === c)) && code !== ''
}

/** The answer of `action`, or undefined when it failed with one of these codes. */
export async function ignoreErrors<T>(
  codes: readonly string[],
  action: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await action()
  } catch (error) {
    if (isCode(error, ...codes)) return undefined
    throw error
  }
}

/**
 * Asked too often, by any service. TooManyUpdates is Parameter Store's, for two writes of one parameter at once:
 * https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
 */
const throttled = [
  'Throttl*',
  'RequestLimitExceeded',
  'RequestThrottled*',
  'TooManyRequestsException',
  'TooManyUpdates*',
  'EC2ThrottledException',
  'SlowDown',
  'BandwidthLimitExceeded',
  'PriorRequestNotComplete',
]
const networkCodes = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ERR_HTTP2)/

export const isThrottled = (error: unknown): boolean => isCode(error, ...throttled)

/** No answer came: the change may or may not have been made. */
export function isOutcomeUnknown(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { name, code, $metadata, cause } = error as SdkError
  if (name === 'TimeoutError' || networkCodes.test(code ?? '') || /socket hang up/.test(error.message)) {
    return true
  }
  // A 5xx may come after the work was done. "Insufficient…" is an answer, though.
  const status = $metadata?.httpStatusCode ?? 0
  if (status >= 500 && !/^Insufficient/.test(codeOf(error))) return true
  return cause !== undefined && cause !== error && isOutcomeUnknown(cause)
}

/** Another run, or an earlier call whose answer was lost, made it first: look again. */
const isDuplicate = (error: unknown) =>
  isCode(
    error,
    'EntityAlreadyExists*',
    'InvalidGroup.Duplicate',
    'InvalidPermission.Duplicate',
    'InvalidPermission.NotFound',
    'Resource.AlreadyAssociated',
    'ParameterAlreadyExists',
    'IncorrectInstanceState',
    'ConcurrentModification*',
    // What was taken off a role or profile a moment ago may still be seen on it.
    'DeleteConflict',
  )

/** The engine's question: does looking again and going on help? */
export const isRetryable = (error: unknown, attempt: number): boolean =>
  (attempt <= 8 && (isOutcomeUnknown(error) || isThrottled(error))) || (attempt <= 5 && isDuplicate(error))

interface Advice {
  match: (error: Error, code: string) => boolean
  say: (error: Error, code: string, where: Where) => { what: string; why?: string; fix: string[] }
}

/** What the advice needs to name exact commands and pages. */
export interface Where {
  region?: string | undefined
  profile?: string | undefined
}

const is =
  (...codes: string[]) =>
  (error: Error) =>
    isCode(error, ...codes)

const quotaPage = (service: string, where: Where) =>
  `Raise it: https://${where.region ?? 'us-east-1'}.console.aws.amazon.com/servicequotas/home/services/${service}/quotas`

/** First match wins. Codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
const advices: Advice[] = [
  {
    match: (error) =>
      /SSO session|sso login|Token is expired|SSO token/i.test(error.message) ||
      isCode(error, 'ExpiredToken*', 'RequestExpired'),
    say: (_, __, { profile }) => ({
      what: 'Your AWS credentials have expired.',
      why: 'Single sign-on and temporary credentials live for some hours.',
      fix: [
        `aws sso login${profile ? ` --profile ${profile}` : ''}`,
        'Then run the same command again: nothing is lost.',
      ],
    }),
  },
  {
    match: (error) => /CredentialsProviderError|CredentialsError/.test(error.name),
    say: (error, _, { profile }) =>
      profile
        ? {
            what: `The profile "${profile}" gives no AWS credentials.`,
            why: error.message,
            fix: [`aws sso login --profile ${profile}`, `aws configure --profile ${profile}`],
          }
        : {
            what: 'No AWS credentials were found.',
            why: 'Neither the environment nor a profile nor single sign-on gave any.',
            fix: [
              'With single sign-on: aws configure sso, then librechat-lab up --profile <name>',
              'With an access key: aws configure',
              'From the environment: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN',
              'To see it all without an account: librechat-lab up --rehearse',
            ],
          },
  },
  {
    match: is('InvalidClientTokenId', 'UnrecognizedClientException', 'AuthFailure', 'SignatureDoesNotMatch'),
    say: (error, _, { region }) => ({
      what: `AWS in ${region ?? 'this region'} does not accept these credentials.`,
      why: `Either the region is not enabled for your account, or the credentials are wrong (${error.message}).`,
      fix: [
        'Check the region first: https://console.aws.amazon.com/billing/home#/account (AWS Regions)',
        'aws sts get-caller-identity --region us-east-1',
        'Choose another region: --region us-east-1',
      ],
    }),
  },
  {
    match: is('UnauthorizedOperation', 'AccessDenied*', 'AuthorizationError'),
    say: (error) => ({
      what: 'AWS refused a call: your identity lacks a permission.',
      why: error.message,
      fix: ['librechat-lab policy   prints the least policy that is needed'],
    }),
  },
  {
    match: is('VcpuLimitExceeded'),
    say: (error, _, where) => ({
      what: 'Your account may not run another instance of this family: its vCPU quota is used up.',
      why: error.message,
      fix: [`${quotaPage('ec2', where)}/L-1216C47A`, 'Or choose a smaller type: --instance-type t3.medium'],
    }),
  },
  {
    match: is(
      'VpcLimitExceeded',
      'RulesPerSecurityGroupLimitExceeded',
      'SecurityGroupLimitExceeded',
      'LimitExceeded*',
    ),
    say: (error, code, where) => ({
      what: `A quota of your account is used up (${code}).`,
      why: error.message,
      fix: [quotaPage(/^LimitExceeded/.test(code) ? 'iam' : 'vpc', where)],
    }),
  },
  {
    match: is('PendingVerification'),
    say: () => ({
      what: 'AWS is still verifying your account.',
      why: 'New accounts are checked before they may start instances; it takes minutes, rarely hours.',
      fix: ['Wait for the e-mail from AWS, then run the same command again.'],
    }),
  },
  {
    match: is('Blocked'),
    say: (error) => ({
      what: 'AWS has blocked your account from starting instances.',
      why: error.message,
      fix: ['Only the account holder can lift that: https://aws.amazon.com/contact-us/'],
    }),
  },
  {
    match: is('OptInRequired', 'SubscriptionRequired*'),
    say: (error) => ({
      what: 'Your AWS account is not signed up for this service yet.',
      why: error.message,
      fix: ['Finish the sign-up: https://portal.aws.amazon.com/billing/signup'],
    }),
  },
  {
    match: is('InsufficientInstanceCapacity'),
    say: (error) => ({
      what: 'AWS has no such machine free right now, in any zone that could take it.',
      why: error.message,
      fix: ['Choose another type: --instance-type t3a.medium', 'Or run the same command again later.'],
    }),
  },
  {
    match: is('Unsupported'),
    say: (error) => ({
      what: 'AWS does not offer this instance type there.',
      why: error.message,
      fix: ['Choose another type: --instance-type t3.medium', 'Or another subnet: --subnet-id <id>'],
    }),
  },
  {
    match: is('VPCIdNotSpecified', 'DefaultVpcDoesNotExist'),
    say: (_, __, { region }) => ({
      what: 'There is no default VPC in this region.',
      why: 'It was deleted, or the account never had one.',
      fix: [
        'librechat-lab up --create-default-vpc',
        'Or name a public subnet of yours: --subnet-id <id>',
        `Look: aws ec2 describe-subnets --region ${region}`,
      ],
    }),
  },
  {
    match: is('DependencyViolation'),
    say: (error) => ({
      what: 'AWS would not delete something, because something else still uses it.',
      why: error.message,
      fix: ['Remove what uses it, then run the same command again.'],
    }),
  },
  {
    match: (error) => isCode(error, 'InvalidParameterCombination') && /Free Tier/i.test(error.message),
    say: (error) => ({
      what: 'Your AWS account is on the Free plan, which does not let this instance type start.',
      why: error.message,
      fix: [
        'Take one that it lets start: librechat-lab up --instance-type c7i-flex.large',
        'Or upgrade the account: https://console.aws.amazon.com/billing/home#/freetier',
      ],
    }),
  },
  {
    match: is('IncorrectModificationState', 'VolumeModificationRateExceeded'),
    say: (error) => ({
      what: 'AWS does not let this disk be changed again yet.',
      why: error.message,
      fix: [
        'The last change must be completed first, which can take hours: then run the same command again.',
      ],
    }),
  },
  {
    match: (error) => /multi-factor authentication/.test(error.message),
    say: (_, __, { profile }) => ({
      what: 'This profile wants a code of multi-factor authentication.',
      fix: [
        `Get credentials with it first: eval "$(aws configure export-credentials ${profile ? `--profile ${profile} ` : ''}--format env)"`,
        'Then run the same command again, without --profile.',
      ],
    }),
  },
  {
    match: (error) => /^(SELF_SIGNED|UNABLE_TO_|DEPTH_ZERO|CERT_)/.test((error as SdkError).code ?? ''),
    say: (error) => ({
      what: 'The certificate that answers for AWS here is not one that Node trusts.',
      why: `${error.message}: a proxy of your network's may stand between.`,
      fix: ['Name its authority: NODE_EXTRA_CA_CERTS=<file.pem>, then run the same command again.'],
    }),
  },
  {
    match: (error) => isThrottled(error),
    say: () => ({
      what: 'AWS throttles your account: too many calls at once.',
      why: 'Something else in the account calls AWS often; the retries were used up.',
      fix: ['Run the same command again in a minute: it goes on where it stopped.'],
    }),
  },
  {
    match: (error) => isOutcomeUnknown(error),
    say: (error) => ({
      what: 'AWS could not be reached.',
      why: error.message || error.name,
      fix: [
        'Check your connection, and HTTPS_PROXY where you need one.',
        'Then run the same command again: it goes on where it stopped.',
      ],
    }),
  },
]

/** An error as a person needs it: LabErrors as they are, AWS's with advice, the rest as a defect of ours. */
export function advise(error: unknown, where: Where = {}): LabError {
  if (error instanceof LabError) return error
  const cause = error instanceof Error ? error : new Error(String(error))
  const code = codeOf(cause)
  const advice = advices.find(({ match }) => match(cause, code))
  if (advice) {
    return new LabError({
      ...advice.say(cause, code, where),
      code: kebab(code || cause.name),
      fault: 'aws',
      requestId: requestIdOf(cause),
      cause,
    })
  }
  if (code) {
    return new LabError({
      code: kebab(code),
      what: `AWS refused a call: ${code}.`,
      why: cause.message,
      fix: ['Run the same command again with --debug to see the call.'],
      fault: 'aws',
      requestId: requestIdOf(cause),
      cause,
    })
  }
  return new LabError({
    code: 'unexpected',
    what: `Something went wrong that librechat-lab did not expect: ${cause.message}`,
    why: 'This is a defect of ours.',
    fix: [
      'Run it again with --debug, and report what it prints: https://github.com/librechat-lab/librechat-lab/issues',
    ],
    fault: 'program',
    cause,
  })
}

const kebab = (code: string) =>
  code
    .replace(/(Exception|Error|Fault)$/, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/[._\s]+/g, '-')
    .toLowerCase()
