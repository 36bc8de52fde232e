import { fromIni } from '@aws-sdk/credential-provider-ini'
import { defaultProvider } from '@aws-sdk/credential-provider-node'
import { fromTokenFile } from '@aws-sdk/credential-provider-web-identity'
import type { NodeHttpHandler } from '@smithy/node-http-handler'
import { LabError } from '../core/error.js'
import { shellQuote } from '../core/shell.js'
import { failedCredentials, noSuchProfile } from './credential-errors.js'
import { type Profile, profileName, readProfiles, sharedFiles } from './profiles.js'

export interface Credentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
  expiration?: Date
}

/** The source of the credentials, chosen before any call. */
interface CredentialChoice {
  /** Gets the credentials from the source; LabError if it has none. */
  readonly provide: () => Promise<Credentials>
  /** For the user: 'profile "work" (single sign-on)'. */
  readonly source: string
  /** What the environment sets twice, and which value is used. */
  readonly conflict?: string
}

interface CredentialOptions {
  profile?: string | undefined
  env: NodeJS.ProcessEnv
  region: string | undefined
  /** Sends a provider's own requests to AWS. */
  requestHandler?: NodeHttpHandler
  /** Asks for an MFA code; undefined without a terminal. */
  mfaCode?: ((serial: string) => Promise<string>) | undefined
}

/** For the user. */
export const kindWords: Record<Profile['kind'], string> = {
  keys: 'access key',
  role: 'assumed role',
  process: 'credential_process',
  'web-identity': 'web identity',
  sso: 'single sign-on',
  login: 'aws login',
  none: 'no credentials of its own',
}

/**
 * The credentials that the AWS CLI would use: `--profile`, then keys in the environment, then the profile that
 * AWS_PROFILE names, then the machine's own credentials. The SDK alone would prefer AWS_PROFILE to the keys. Source
 * of the order: botocore's create_credential_resolver. LabError `no-such-profile`, `half-a-key`.
 */
export async function chooseCredentials(options: CredentialOptions): Promise<CredentialChoice> {
  const { env } = options
  const profiles = await readProfiles(env)
  const named = profileName(options, env)
  if (!options.profile && (env.AWS_ACCESS_KEY_ID || env.AWS_SECRET_ACCESS_KEY)) {
    return fromEnvironment(env, named)
  }
  if (named && !profiles.has(named)) throw noSuchProfile(named, [...profiles.keys()])
  const profile = profiles.get(named ?? 'default')
  const { AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile, AWS_ROLE_ARN: role } = env
  if (!options.profile && tokenFile && role && profile?.kind !== 'role') {
    const conflict =
      named && profile?.kind !== 'none' && `AWS_WEB_IDENTITY_TOKEN_FILE overrides AWS_PROFILE=${named}`
    return {
      provide: asked(options, undefined, fromTokenFile(sdkOptions(options))),
      source: 'the web identity token file in AWS_WEB_IDENTITY_TOKEN_FILE',
      ...(conflict ? { conflict: `${conflict}, as with the AWS CLI.` } : {}),
    }
  }
  if (profile && profile.kind !== 'none') {
    return {
      // Not the SDK's default chain: if this profile fails, no other identity may be used instead.
      provide: asked(options, profile, fromIni({ ...sdkOptions(options), profile: profile.name })),
      source: `profile ${quoted(profile.name)} (${kindWords[profile.kind]})`,
    }
  }
  return {
    provide: asked(options, profile, defaultProvider(sdkOptions(options))),
    source:
      env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI || env.AWS_CONTAINER_CREDENTIALS_FULL_URI
        ? "the container's role"
        : "the instance's role",
  }
}

function fromEnvironment(env: NodeJS.ProcessEnv, named: string | undefined): CredentialChoice {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = env
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    const [set, missing] = AWS_ACCESS_KEY_ID
      ? ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']
      : ['AWS_SECRET_ACCESS_KEY', 'AWS_ACCESS_KEY_ID']
    throw new LabError({
      code: 'half-a-key',
      what: `${set} is set, but ${missing} is not.`,
      why: 'An access key in the environment needs both.',
      fix: [`Set ${missing}, or unset ${set}.`],
    })
  }
  const credentials = {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    ...(AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {}),
  }
  return {
    provide: async () => credentials,
    source: 'environment variables',
    ...(named
      ? {
          conflict: `AWS_ACCESS_KEY_ID in the environment overrides AWS_PROFILE=${named}, as with the AWS CLI. To use the profile: --profile ${named}`,
        }
      : {}),
  }
}

function sdkOptions({ env, region, requestHandler, mfaCode, profile }: CredentialOptions) {
  const clientConfig = { ...(requestHandler ? { requestHandler } : {}), ...(region ? { region } : {}) }
  return {
    ...sharedFiles(env),
    ...(profile ? { profile } : {}),
    clientConfig,
    parentClientConfig: clientConfig,
    mfaCodeProvider: async (serial: string) => {
      if (mfaCode) return await mfaCode(serial)
      throw new LabError({
        code: 'mfa-needed',
        what: 'This profile needs an MFA code.',
        why: `Its device is ${serial}, and there is no terminal to ask for the code.`,
        fix: [
          'Run the same command in a terminal. It asks for the code.',
          {
            run: `eval "$(aws configure export-credentials ${profile ? `--profile ${shellQuote(profile)} ` : ''}--format env)"`,
            text: 'lets the AWS CLI ask; then run the same command without --profile',
          },
        ],
      })
    },
  }
}

/** The provider, with errors explained to the user. */
const asked =
  (options: CredentialOptions, profile: Profile | undefined, provider: () => Promise<Credentials>) =>
  async (): Promise<Credentials> => {
    try {
      return await provider()
    } catch (error) {
      throw await failedCredentials(error, { profile, env: options.env })
    }
  }

const quoted = (name: string) => JSON.stringify(name)
