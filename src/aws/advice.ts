import { type Hint, LabError } from '../core/error.js'
import { shellQuote } from '../core/shell.js'
import { wrongClock } from './clock-offset.js'
import { denialAdvice } from './denials.js'
import { codeOf, isCode, isOutcomeUnknown, isThrottled, requestIdOf } from './errors.js'
import { profileName } from './profiles.js'
import { configuredRegion, consoleHost, otherRegion } from './region.js'

interface SdkError extends Error {
  code?: string
}

interface Advice {
  match: (error: Error, code: string) => boolean
  say: (error: Error, code: string, where: Where) => { what: string; why?: string; fix: (string | Hint)[] }
}

/** What the advice needs to name exact commands and links. */
export interface Where {
  region?: string | undefined
  profile?: string | undefined
}

const is =
  (...codes: string[]) =>
  (error: Error) =>
    isCode(error, ...codes)

const quotas = (service: string, where: Where, quota = '') => {
  const host = consoleHost(where.region ?? 'us-east-1')
  return host
    ? `Request an increase: https://${host}/servicequotas/home/services/${service}/quotas${quota && `/${quota}`}`
    : `Request an increase in the console, under Service Quotas${quota && `: ${quota}`}`
}

/** AWS's answers to a signature with a wrong time or a wrong key. */
const signatureRefusals = [
  'RequestExpired',
  'RequestTimeTooSkewed',
  'RequestInTheFuture',
  'SignatureDoesNotMatch',
  'InvalidSignature*',
  'AuthFailure',
  'ExpiredToken*',
]

/** How far this machine's clock is off, if that explains the error. AWS's answer contains AWS's time. */
function clockFault(error: Error): string | undefined {
  if (!isCode(error, ...signatureRefusals)) return undefined
  const { $response } = error as { $response?: { headers?: Record<string, string> } }
  return wrongClock(Date.parse($response?.headers?.date ?? '') - Date.now())
}

/** First match wins. Codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
const advices: Advice[] = [
  {
    match: (error) => clockFault(error) !== undefined,
    say: (error) => ({
      what: `This computer's clock is ${clockFault(error)}.`,
      why: `AWS accepts a request only within minutes of its own time (${error.message}).`,
      fix: ['Correct the clock, then run the same command again. Nothing is lost.'],
    }),
  },
  {
    match: (error) =>
      /SSO session|sso login|Token is expired|SSO token/i.test(error.message) ||
      isCode(error, 'ExpiredToken*', 'RequestExpired'),
    say: (_, __, { profile }) => ({
      what: 'Your AWS credentials have expired.',
      why: 'Single sign-on and temporary credentials are valid for a few hours.',
      fix: [
        {
          run: `aws sso login${profile ? ` --profile ${shellQuote(profile)}` : ''}`,
          text: 'with single sign-on',
        },
        'With keys in the environment: set new ones.',
        'Then run the same command again. Nothing is lost.',
      ],
    }),
  },
  {
    match: is('InvalidClientTokenId', 'UnrecognizedClientException', 'AuthFailure', 'SignatureDoesNotMatch'),
    say: (error, _, { region, profile }) => {
      const other = otherRegion(region ?? 'us-east-1')
      const as = profile ? ` --profile ${shellQuote(profile)}` : ''
      return {
        what: `AWS in ${region ?? 'this region'} does not accept these credentials.`,
        why: `Either the region is not enabled for your account, or the credentials are wrong (${error.message}).`,
        fix: [
          'Check the region first, in the console under Account, AWS Regions',
          ...(other
            ? [
                { run: `aws sts get-caller-identity --region ${other}${as}`, text: 'checks the credentials' },
                `Choose another region: --region ${other}`,
              ]
            : []),
        ],
      }
    },
  },
  {
    match: (error) => denialAdvice(error) !== undefined,
    say: (error) => denialAdvice(error) as NonNullable<ReturnType<typeof denialAdvice>>,
  },
  {
    match: (error) =>
      error.name === 'EndpointError' || /^Invalid Configuration: |^Invalid URL$/.test(error.message),
    say: (error) => ({
      what: 'The AWS endpoint that the environment or the profile sets cannot be used.',
      why: `${error.message}.`.replace(/\.\.$/, '.'),
      fix: [
        'Check AWS_ENDPOINT_URL, AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT, and endpoint_url in the profile.',
        'A custom endpoint URL can’t be combined with the other two.',
      ],
    }),
  },
  {
    match: is('VcpuLimitExceeded'),
    say: (error, _, where) => ({
      what: 'The vCPU quota of your account for this instance family is used up.',
      why: error.message,
      fix: [quotas('ec2', where, 'L-1216C47A'), 'Or choose a smaller type: --instance-type t3.medium'],
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
      fix: [quotas(/^LimitExceeded/.test(code) ? 'iam' : 'vpc', where)],
    }),
  },
  {
    match: is('PendingVerification'),
    say: () => ({
      what: 'AWS is still verifying your account.',
      why: 'New accounts are verified before they can start instances. It takes minutes, rarely hours.',
      fix: ['Wait for the e-mail from AWS, then run the same command again.'],
    }),
  },
  {
    match: is('Blocked'),
    say: (error) => ({
      what: 'AWS has blocked your account from starting instances.',
      why: error.message,
      fix: ['The account owner has to contact AWS: https://aws.amazon.com/contact-us/'],
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
      what: 'No capacity for this instance type in any availability zone that offers it.',
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
        { command: { keeps: true, path: 'up', flags: { 'create-default-vpc': true } }, text: 'creates one' },
        'Or use a public subnet of your own: --subnet-id <id>',
        { run: `aws ec2 describe-subnets --region ${region}`, text: 'lists your subnets' },
      ],
    }),
  },
  {
    match: is('DependencyViolation'),
    say: (error) => ({
      what: 'AWS can’t delete a resource that another resource still uses.',
      why: error.message,
      fix: ['Delete the resource that uses it, then run the same command again.'],
    }),
  },
  {
    match: (error) => isCode(error, 'InvalidParameterCombination') && /Free Tier/i.test(error.message),
    say: (error) => ({
      what: 'Your AWS account is on the Free plan, which does not include this instance type.',
      why: error.message,
      fix: [
        {
          command: { path: 'up', flags: { 'instance-type': 'c7i-flex.large' } },
          text: 'uses a type that the plan includes',
        },
        'Or upgrade the account: https://console.aws.amazon.com/billing/home#/freetier',
      ],
    }),
  },
  {
    match: is('IncorrectModificationState', 'VolumeModificationRateExceeded'),
    say: (error) => ({
      what: 'AWS does not allow another change of this disk yet.',
      why: error.message,
      fix: ['Wait until the last change is complete, which can take hours. Then run the same command again.'],
    }),
  },
  {
    match: is('InsufficientFreeAddressesInSubnet'),
    say: (error) => ({
      what: 'No suitable subnet has a free address.',
      why: error.message,
      fix: ['Use another public subnet: --subnet-id <id>'],
    }),
  },
  {
    match: (error) => /^CERT_(NOT_YET_VALID|HAS_EXPIRED)/.test((error as SdkError).code ?? ''),
    say: (error) => ({
      what: 'The TLS certificate of AWS’s endpoint is not valid at this time.',
      why: `${error.message}: this computer's clock may be wrong (it says ${new Date().toISOString().slice(0, 16)} UTC), or a proxy's certificate is out of date.`,
      fix: ['Correct the clock, then run the same command again.'],
    }),
  },
  {
    match: (error) => /^(SELF_SIGNED|UNABLE_TO_|DEPTH_ZERO|CERT_)/.test((error as SdkError).code ?? ''),
    say: (error) => ({
      what: 'Node does not trust the TLS certificate of AWS’s endpoint.',
      why: `${error.message}: a proxy in your network may intercept the connection.`,
      fix: [
        'Set NODE_EXTRA_CA_CERTS=<file.pem> to the proxy’s certificate authority, then run the same command again.',
      ],
    }),
  },
  {
    match: (error) => isThrottled(error),
    say: () => ({
      what: 'AWS throttles your account: too many requests.',
      why: 'Something else in the account calls AWS often, and all retries failed.',
      fix: ['Run the same command again in a minute. It continues where it stopped.'],
    }),
  },
  {
    match: (error) => isOutcomeUnknown(error),
    say: (error) => ({
      what: 'AWS could not be reached.',
      why: error.message || error.name,
      fix: [
        ...(/ENOTFOUND/.test(error.message) ? ['Check the name of the region. It may not exist.'] : []),
        'Check your connection, and HTTPS_PROXY where you need one.',
        'Then run the same command again. It continues where it stopped.',
      ],
    }),
  },
]

/** `advise` for a command: with the region and the profile that flags, environment and configuration give. */
export async function adviseFor(
  error: unknown,
  options: Where & { rehearse?: boolean | string },
  env: NodeJS.ProcessEnv,
): Promise<LabError> {
  const { region, profile } = options
  const given = { ...(region ? { region } : {}), ...(profile ? { profile } : {}) }
  return advise(error, { region: await configuredRegion(given, env), profile: profileName(given, env) })
}

/** An error for the user: a LabError unchanged, AWS's errors with advice, everything else as a bug. */
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
    what: `An unexpected error occurred: ${cause.message}`,
    why: 'This is a bug in librechat-lab.',
    fix: [
      'Run the same command again with --debug, and report its output: https://github.com/librechat-lab/librechat-lab/issues',
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
