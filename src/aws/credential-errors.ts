import { LabError } from '../core/error.js'
import { codeOf } from './errors.js'
import { type Profile, readProfiles } from './profiles.js'

export function noSuchProfile(named: string, existing: readonly string[]): LabError {
  const others = existing.slice(0, 12).join(', ')
  return new LabError({
    code: 'no-such-profile',
    what: `There is no AWS profile ${JSON.stringify(named.slice(0, 60))}.`,
    why: existing.length > 0 ? `These exist: ${others}.` : 'The AWS configuration files hold no profile.',
    fix: [
      ...(existing.length > 0 ? ['Name one of them: --profile <profile>'] : []),
      `${existing.length > 0 ? 'Or create' : 'Create'} it: aws configure sso --profile ${typed(named.slice(0, 60))}`,
    ],
  })
}

interface Failing {
  /** The profile that was asked; undefined when no profile was. */
  profile: Profile | undefined
  env: NodeJS.ProcessEnv
}

/** What a source of credentials threw, as a person needs it; what AWS answered and lost connections stay as they are. */
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
    why: `It takes its credentials from "${login}", whose session lasts for some hours.`,
    fix: [`${login} --profile ${typed(name)}`, 'Then run the same command again: nothing is lost.'],
    cause,
  })

const failedProcess = (name: string, cause: Error) =>
  new LabError({
    code: 'credential-process-failed',
    what: `The credential_process of the profile ${JSON.stringify(name)} failed.`,
    why: cause.message.trim().replace(/\s*\n\s*/g, '; '),
    fix: [`See that it works with the AWS CLI: aws sts get-caller-identity --profile ${typed(name)}`],
    cause,
  })

const unreadableToken = (file: string, cause: NodeJS.ErrnoException) =>
  new LabError({
    code: 'no-token-file',
    what: `The web identity token file ${file} cannot be read.`,
    why: cause.message,
    fix: [
      'Check AWS_WEB_IDENTITY_TOKEN_FILE, or web_identity_token_file in the profile.',
      'Or unset AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, and name a profile: --profile <profile>',
    ],
    cause,
  })

const withoutCredentials = (name: string, cause: Error) =>
  new LabError({
    code: 'no-credentials',
    what: `The profile ${JSON.stringify(name)} gives no AWS credentials.`,
    why: cause.message,
    fix: [
      `With single sign-on: aws configure sso --profile ${typed(name)}`,
      `With an access key: aws configure --profile ${typed(name)}`,
    ],
    cause,
  })

const noCredentials = (cause: Error) =>
  new LabError({
    code: 'no-credentials',
    what: 'No AWS credentials were found.',
    why: 'Neither the environment nor a profile nor single sign-on gave any.',
    fix: [
      'With single sign-on: aws configure sso, then librechat-lab up --profile <name>',
      'With an access key: aws configure',
      'From the environment: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN',
      'To see it all without an account: librechat-lab up --rehearse',
    ],
    cause,
  })

/** As a shell takes it. */
const typed = (name: string) => (/^[\w.@/+-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`)
