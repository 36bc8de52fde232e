import { type Hint, LabError } from '../core/error.js'
import { shellQuote } from '../core/shell.js'
import { codeOf } from './errors.js'
import { type Profile, readProfiles } from './profiles.js'

export function noSuchProfile(named: string, existing: readonly string[]): LabError {
  const others = existing.slice(0, 12).join(', ')
  return new LabError({
    code: 'no-such-profile',
    what: `There is no AWS profile ${JSON.stringify(named.slice(0, 60))}.`,
    why: existing.length > 0 ? `These exist: ${others}.` : 'The AWS configuration files hold no profile.',
    fix: [
      ...(existing.length > 0 ? ['Use one of them: --profile <profile>'] : []),
      { run: `aws configure sso --profile ${shellQuote(named.slice(0, 60))}`, text: 'creates it' },
    ],
  })
}

interface Failing {
  /** The profile that was used; undefined without one. */
  profile: Profile | undefined
  env: NodeJS.ProcessEnv
}

/** The error of a credential source, explained to the user. AWS's answers and lost connections pass unchanged. */
export async function failedCredentials(error: unknown, { profile, env }: Failing): Promise<unknown> {
  if (error instanceof LabError || codeOf(error)) return error
  const cause = error as NodeJS.ErrnoException
  const base = profile && (await baseOf(profile, env))
  const tokenFile = base?.data.web_identity_token_file ?? env.AWS_WEB_IDENTITY_TOKEN_FILE
  if (cause.syscall && cause.path && cause.path === tokenFile) return unreadableToken(tokenFile, cause)
  if (!/^(CredentialsProvider|TokenProvider)Error$/.test(cause.name)) return error
  if (base?.kind === 'process') return failedProcess(base.name, cause)
  if (base?.kind === 'login') return signedOut(base.name, 'aws login', cause)
  if (base?.kind === 'sso' && !/invalid SSO credentials|sso-session/i.test(cause.message)) {
    return signedOut(base.name, 'aws sso login', cause)
  }
  return profile ? withoutCredentials(profile.name, cause) : noCredentials(cause)
}

/** The profile at the end of a chain of `source_profile`: the one that has credentials of its own. */
async function baseOf(profile: Profile, env: NodeJS.ProcessEnv): Promise<Profile> {
  const all = await readProfiles(env)
  const passed = new Set<string>()
  let base = profile
  while (base.data.source_profile && !passed.has(base.name)) {
    passed.add(base.name)
    base = all.get(base.data.source_profile) ?? base
  }
  return base
}

const signedOut = (name: string, login: string, cause: Error) =>
  new LabError({
    code: 'signed-out',
    what: `You are not signed in with the profile ${JSON.stringify(name)}, or the sign-in has expired.`,
    why: `Its credentials come from "${login}", whose session lasts a few hours.`,
    fix: [
      { run: `${login} --profile ${shellQuote(name)}`, text: 'signs in' },
      'Then run the same command again. Nothing is lost.',
    ],
    cause,
  })

const failedProcess = (name: string, cause: Error) =>
  new LabError({
    code: 'credential-process-failed',
    what: `The credential_process of the profile ${JSON.stringify(name)} failed.`,
    why: cause.message.trim().replace(/\s*\n\s*/g, '; '),
    fix: [
      {
        run: `aws sts get-caller-identity --profile ${shellQuote(name)}`,
        text: 'shows whether it works with the AWS CLI',
      },
    ],
    cause,
  })

const unreadableToken = (file: string, cause: NodeJS.ErrnoException) =>
  new LabError({
    code: 'no-token-file',
    what: `The web identity token file ${file} cannot be read.`,
    why: cause.message,
    fix: [
      'Check AWS_WEB_IDENTITY_TOKEN_FILE, or web_identity_token_file in the profile.',
      'Or unset AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, and use a profile: --profile <profile>',
    ],
    cause,
  })

const withoutCredentials = (name: string, cause: Error) =>
  new LabError({
    code: 'no-credentials',
    what: `The profile ${JSON.stringify(name)} has no AWS credentials.`,
    why: cause.message,
    fix: signInWays(` --profile ${shellQuote(name)}`),
    cause,
  })

const noCredentials = (cause: Error) =>
  new LabError({
    code: 'no-credentials',
    what: 'No AWS credentials were found.',
    why: 'Neither the environment nor a profile nor single sign-on provides any.',
    fix: [
      ...signInWays(''),
      'Or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN in the environment.',
      { command: { path: 'up', flags: { rehearse: true } }, text: 'shows everything without an AWS account' },
    ],
    cause,
  })

const signInWays = (profile: string): Hint[] => [
  { run: `aws configure sso${profile}`, text: 'sets up single sign-on; then use --profile <name>' },
  { run: `aws configure${profile}`, text: 'stores an access key' },
]
