import { chooseCredentials, kindWords } from '../aws/credentials.js'
import { type Profile, profileName, readProfiles } from '../aws/profiles.js'
import type { Context, GlobalOptions } from './context.js'

/**
 * Without configured credentials, asks the user at a terminal to choose an existing profile, or the rehearsal, which
 * needs none. Throws the SDK's CredentialsProviderError, which is shown with the ways to get credentials.
 * @returns the options with the answer in them
 */
export async function settleCredentials<Options extends GlobalOptions>(
  options: Options,
  context: Context,
): Promise<Options> {
  const { ui, env } = context
  if (!ui.interactive || options.rehearse || profileName(options, env)) return options
  if (env.AWS_ACCESS_KEY_ID || env.AWS_SECRET_ACCESS_KEY) return options
  const profiles = [...(await readProfiles(env)).values()].filter(({ kind }) => kind !== 'none')
  if (profiles.some(({ name }) => name === 'default')) return options
  const missing = await failureOf(async () =>
    (await chooseCredentials({ env, region: 'us-east-1' })).provide(),
  )
  if (!missing) return options
  const answer = await ui.select<string>({
    flag: '--profile <profile>',
    message:
      profiles.length > 0
        ? 'Which AWS profile?'
        : 'No AWS credentials were found. What would you like to do?',
    hint:
      profiles.length > 0
        ? 'To skip this question, use --profile or set AWS_PROFILE.'
        : 'A lab needs an AWS account. The rehearsal shows everything without one, at no cost.',
    choices: [
      ...profiles.map((profile) => ({ value: `profile ${profile.name}`, name: described(profile) })),
      {
        value: 'rehearse',
        name: 'Rehearse: an account in memory, at no cost',
        short: 'Rehearse',
      },
      { value: 'how', name: 'Show how to get AWS credentials' },
    ],
  })
  if (answer === 'how') throw missing
  const chosen: GlobalOptions =
    answer === 'rehearse' ? { rehearse: true } : { profile: answer.slice('profile '.length) }
  context.settled(chosen)
  return { ...options, ...chosen }
}

const described = ({ name, kind }: Profile) => (kind === 'keys' ? name : `${name}  (${kindWords[kind]})`)

async function failureOf(action: () => Promise<unknown>): Promise<unknown> {
  try {
    await action()
    return undefined
  } catch (error) {
    return error
  }
}
