import * as z from 'zod'
import { LabError } from '../core/error.js'
import type { Host } from './host.js'
import { oneTimeKey, sealForHost } from './sealed.js'
import { endOf, lastJson, runStage } from './stage.js'

export interface NewUser {
  readonly email: string
  /** 3 to 80 characters; the e-mail address's own name by default. */
  readonly name?: string | undefined
  /** 8 to 128 characters; generated on the host if not given. */
  readonly password?: string | undefined
}

export interface MadeUser {
  readonly email: string
  /** False if only a first user was wanted and users already exist. */
  readonly made: boolean
  /** The generated password, to be shown once. */
  readonly password?: string
}

export interface ListedUser {
  readonly email: string
  readonly name: string
  /** As LibreChat stores it. */
  readonly created: string
}

/** What LibreChat accepts (its registerSchema), without values that could be read as an option or a line break. */
const email = z
  .email('not an e-mail address')
  .max(254, 'longer than 254 characters')
  .regex(/^[^-]/, 'an address that begins with a dash')
const name = z
  .string()
  .min(3, 'shorter than 3 characters')
  .max(80, 'longer than 80 characters')
  .regex(/^[^-\p{C}][^\p{C}]*$/u, 'a name that begins with a dash or holds control characters')
const password = z
  .string()
  .min(8, 'shorter than 8 characters')
  .max(128, 'longer than 128 characters')
  .regex(/^[^\p{Cc}\u2028\u2029]*\S[^\p{Cc}\u2028\u2029]*$/u, 'only spaces, or holds control characters')

const rules = { email, name, password }

/** Why a value is invalid, in a few words, or undefined. For prompts, before anything is sent. */
export function problemWith(field: keyof typeof rules, value: string): string | undefined {
  return rules[field].safeParse(value).error?.issues[0]?.message
}

function check(field: keyof typeof rules, value: string): void {
  const problem = problemWith(field, value)
  if (problem === undefined) return
  throw new LabError({
    code: `${field}-refused`,
    what: `This ${field} is not valid: it is ${problem}.`,
    // A password is never repeated.
    ...(field === 'password' ? {} : { why: `Given: ${JSON.stringify(value.slice(0, 100))}` }),
    fix: [`Use another ${field}.`],
  })
}

const answer = z.object({
  user: z.object({ email: z.string(), made: z.boolean().default(true), sealed: z.string().optional() }),
})

interface UserRequest extends NewUser {
  readonly action?: 'add' | 'reset-password'
  /** Only when there is no user yet. */
  readonly first?: boolean
}

/**
 * Sends a request about a user, and reads the host's answer. A given password is encrypted to a key of the host; a
 * generated one is encrypted to a key of this process.
 */
export async function withUserRequest(
  host: Host,
  user: UserRequest,
  run: (request: string) => Promise<string>,
): Promise<MadeUser> {
  const { action = 'add', email, first = false } = user
  check('email', email)
  const name = user.name ?? (email.split('@')[0] ?? '').padEnd(3, '.')
  if (action !== 'reset-password') check('name', name)
  if (user.password !== undefined) check('password', user.password)
  const password =
    user.password === undefined ? null : await sealForHost(host, user.password, `${action} ${email}`)
  const key = await oneTimeKey()
  const output = await run(JSON.stringify({ action, email, name, first, password, publicKey: key.publicKey }))
  const parsed = answer.safeParse(findUser(output))
  if (!parsed.success) {
    throw new LabError({
      code: 'user-unclear',
      what: `The host did not say whether the user ${user.email} was created.`,
      why: endOf(output),
      fix: [{ command: { path: 'user list' }, text: 'lists the users' }],
      fault: 'program',
    })
  }
  const { sealed, ...made } = parsed.data.user
  return { ...made, ...(sealed === undefined ? {} : { password: key.open(sealed) }) }
}

/** Finds the answer about the user in a stage's output: the stack stage prints more after it. */
const findUser = (output: string): unknown =>
  lastJson(
    output
      .split('\n')
      .filter((line) => line.startsWith('{"user":'))
      .join('\n'),
  )

const timeoutSeconds = 900

/** Creates a user; the first one becomes LibreChat's admin. */
export const addUser = (host: Host, user: NewUser): Promise<MadeUser> =>
  withUserRequest(host, user, (request) =>
    runStage(host, 'user', { stage: 'user-add', input: { 'request.json': request }, timeoutSeconds }),
  )

/** Sets a new password and ends the user's sessions. */
export const resetPassword = (host: Host, user: NewUser): Promise<MadeUser> =>
  withUserRequest(host, { ...user, action: 'reset-password' }, (request) =>
    runStage(host, 'user', { stage: 'user-reset', input: { 'request.json': request }, timeoutSeconds }),
  )

/** Removes a user and everything they have. LibreChat is stopped for about half a minute. */
export async function removeUser(host: Host, address: string): Promise<void> {
  check('email', address)
  const request = JSON.stringify({ action: 'remove', email: address })
  await runStage(host, 'user', { stage: 'user-remove', input: { 'request.json': request }, timeoutSeconds })
}

const list = z.object({ users: z.array(z.tuple([z.string(), z.string(), z.string()])) })

export async function listUsers(host: Host): Promise<ListedUser[]> {
  const request = JSON.stringify({ action: 'list' })
  const output = await runStage(host, 'user', {
    stage: 'user-list',
    input: { 'request.json': request },
    timeoutSeconds,
  })
  return list.parse(lastJson(output)).users.map(([email, name, created]) => ({ email, name, created }))
}
