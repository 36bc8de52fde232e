import { chooseCredentials, kindWords } from '../aws/credentials.js'
import { type Profile, profileName, readProfiles } from '../aws/profiles.js'
import { rehearsed } from '../ui/rehearsed.js'
import type { Context, GlobalOptions } from './context.js'

/**
 * Where nothing says whose credentials to take, a person at a terminal is asked: one of the profiles that are
 * there, or the rehearsal, which needs none. The answer is set in `options`, for all that follows to see.
 * Throws the SDK's CredentialsProviderError, which is told with the ways to get some.
 */
export async function settleCredentials(options: GlobalOptions, { ui, env }: Context): Promise<void> {
  if (!ui.interactive || options.rehearse || profileName(options, env)) return
  if (env.AWS_ACCESS_KEY_ID || env.AWS_SECRET_ACCESS_KEY) return
  const profiles = [...(await readProfiles(env)).values()].filter(({ kind }) => kind !== 'none')
  if (profiles.some(({ name }) => name === 'default')) return
  const missing = await failureOf(async () =>
    (await chooseCredentials({ env, region: 'us-east-1' })).provide(),
  )
  if (!missing) return
  const answer = await ui.select<string>({
    flag: '--profile <profile>',
    message: profiles.length > 0 ? 'Which AWS profile?' : 'There are no AWS credentials here. What now?',
    hint:
      profiles.length > 0
        ? 'Nothing says which credentials to take. The same without being asked: --profile or AWS_PROFILE.'
        : 'A lab stands in an AWS account. The rehearsal shows all of it without one, at no cost.',
    choices: [
      ...profiles.map((profile) => ({ value: `profile ${profile.name}`, name: described(profile) })),
      {
        value: 'rehearse',
        name: 'Rehearse it: an account in memory, nothing made, nothing paid',
        short: 'Rehearse it',
      },
      { value: 'how', name: 'Show how to get AWS credentials' },
    ],
  })
  if (answer === 'how') throw missing
  if (answer === 'rehearse') {
    options.rehearse = true
    ui.emit({ type: 'note', text: `\n${rehearsed.begins}` })
  } else options.profile = answer.slice('profile '.length)
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
