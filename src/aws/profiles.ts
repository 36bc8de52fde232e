import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** A profile that gives credentials. */
export interface Profile {
  name: string
  /** By single sign-on: it may want a sign-in first. */
  sso: boolean
}

/** https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html */
const givesCredentials =
  /^(aws_access_key_id|role_arn|credential_process|web_identity_token_file|login_session|sso_session|sso_start_url)$/

/** The profiles of the shared configuration files that give credentials, in the files' order. */
export async function profilesIn(env: NodeJS.ProcessEnv): Promise<Profile[]> {
  const folder = join(env.HOME ?? env.USERPROFILE ?? homedir(), '.aws')
  const files = await Promise.all([
    textOf(env.AWS_CONFIG_FILE ?? join(folder, 'config')),
    textOf(env.AWS_SHARED_CREDENTIALS_FILE ?? join(folder, 'credentials')),
  ])
  const found = new Map<string, Profile>()
  for (const text of files) {
    let name: string | undefined
    for (const line of text.split(/\r?\n/)) {
      const section = /^\s*\[\s*(.+?)\s*\]/.exec(line)?.[1]
      if (section) name = profileName(section)
      const key = /^\s*(\w+)\s*=/.exec(line)?.[1] ?? ''
      if (!name || !givesCredentials.test(key)) continue
      found.set(name, { name, sso: key.startsWith('sso_') || found.get(name)?.sso === true })
    }
  }
  return [...found.values()]
}

/** "[profile work]" of the one file, "[work]" of the other; not "[sso-session acme]". */
function profileName(section: string): string | undefined {
  const [kind = '', ...rest] = section.split(/\s+/)
  if (rest.length === 0) return kind
  return kind === 'profile' ? rest.join(' ').replace(/^"(.*)"$/, '$1') : undefined
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return ''
    throw error
  }
}
