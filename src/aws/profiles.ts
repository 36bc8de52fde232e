import { parseKnownFiles } from '@smithy/core/config'

/** How a profile gets its credentials; "none" has only settings such as a region. */
type ProfileKind = 'keys' | 'role' | 'process' | 'web-identity' | 'sso' | 'login' | 'none'

/** A profile of the shared configuration files. */
export interface Profile {
  name: string
  kind: ProfileKind
  /** The settings as they are written there. */
  data: Readonly<Record<string, string | undefined>>
}

/** Every profile of the shared configuration files, as the SDK itself reads them. */
export async function readProfiles(env: NodeJS.ProcessEnv): Promise<Map<string, Profile>> {
  const known = await parseKnownFiles(sharedFiles(env))
  const profiles = Object.entries(known)
    .filter(([name]) => !/^(sso-session|services)\./.test(name))
    .map(([name, data]): [string, Profile] => [name, { name, data, kind: kindOf(data) }])
  return new Map(profiles)
}

/** The files that the SDK's loaders read. Never cached, because a sign-in can change them. */
export const sharedFiles = (env: NodeJS.ProcessEnv) => ({
  ...(env.AWS_CONFIG_FILE ? { configFilepath: env.AWS_CONFIG_FILE } : {}),
  ...(env.AWS_SHARED_CREDENTIALS_FILE ? { filepath: env.AWS_SHARED_CREDENTIALS_FILE } : {}),
  ignoreCache: true,
})

/** The profile that a flag or the environment names, in the AWS CLI's order. */
export const profileName = (
  options: { profile?: string | undefined },
  env: NodeJS.ProcessEnv,
): string | undefined => options.profile || env.AWS_PROFILE || env.AWS_DEFAULT_PROFILE || undefined

/** In the SDK's order: https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html */
function kindOf(data: Profile['data']): ProfileKind {
  if (data.role_arn && (data.source_profile || data.credential_source)) return 'role'
  if (data.aws_access_key_id && data.aws_secret_access_key) return 'keys'
  if (data.web_identity_token_file && data.role_arn) return 'web-identity'
  if (data.credential_process) return 'process'
  if (data.sso_session || data.sso_start_url || data.sso_account_id) return 'sso'
  return data.login_session ? 'login' : 'none'
}
