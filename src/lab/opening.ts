import { LabError } from '../core/error.js'
import type { Actual } from './actual.js'
import type { Choices } from './choices.js'
import { isCovered } from './cidr.js'
import type { Settings } from './settings.js'

/** A change that only the stored settings ask for, and the flags that say it in a command. */
interface Unsaid {
  /** As the end of "The stored settings would …". */
  would: string
  flags: string
  /** The other way on, as a sentence. */
  instead?: string
}

/** What this run itself chose. */
export interface Chosen {
  choices: Choices
  /** Whether the command named the models. */
  models: boolean
  /** The models in the settings that are stored; what else is wanted is this run's own choice. */
  stored: Settings['models']
  /** Whether an instance will be launched. */
  launches: boolean
}

/**
 * What the stored settings would widen, redirect or unprotect, compared with what is there, that this command did not
 * say. Anybody who may write the parameter can have written them.
 */
export function unsaidChanges(settings: Settings, actual: Actual, chosen: Chosen): Unsaid[] {
  const { choices } = chosen
  return [
    ...unsaidRanges(settings, actual, choices),
    ...unsaidDomain(settings, actual, choices),
    ...(settings.openPort80 && choices.openPort80 === undefined && actual.port80 !== true
      ? [{ would: 'open port 80 to everybody', flags: '--open-port-80' }]
      : []),
    ...unsaidBoundary(settings, actual, choices),
    ...(choices.email === undefined && firstUserTask(settings, actual, false) === 'create'
      ? [
          {
            would: `create the first user ${settings.email}, who is the admin`,
            flags: `--email ${settings.email}`,
          },
        ]
      : []),
    // One of several users need not be the one whose first password is due.
    ...(choices.email === undefined &&
    firstUserTask(settings, actual, false) === 'reset' &&
    actual.users !== 1
      ? [{ would: `give ${settings.email} a new password`, flags: `--email ${settings.email}` }]
      : []),
    ...unsaidModels(settings, actual, chosen),
    ...(chosen.launches && settings.subnetId !== undefined && choices.subnetId === undefined
      ? [{ would: `launch the instance in ${settings.subnetId}`, flags: `--subnet-id ${settings.subnetId}` }]
      : []),
  ]
}

/**
 * What becomes of the first user. Users are observed: only a host without users is given one; `reset` gives them a new
 * password, because the first one was never shown. Where the users cannot be seen, the host itself decides.
 */
export function firstUserTask(
  settings: Pick<Settings, 'email' | 'passwordDue'>,
  actual: Actual,
  said: boolean,
): 'create' | 'reset' | 'none' {
  if (settings.email === undefined) return 'none'
  if (actual.instanceType === undefined || actual.users === 0) return 'create'
  if (actual.users === undefined) return said || settings.passwordDue ? 'create' : 'none'
  return settings.passwordDue ? 'reset' : 'none'
}

function unsaidRanges({ allow }: Settings, actual: Actual, choices: Choices): Unsaid[] {
  // A detected address is this run's own.
  if (choices.allow !== undefined || allow.from === 'detected') return []
  const closed = allow.cidrs.filter((cidr) => !isCovered(cidr, actual.allowed ?? []))
  if (closed.length === 0) return []
  const everyone = allow.everyone ? ' --allow-everyone' : ''
  return [
    {
      would: `let in ${closed.join(', ')}`,
      flags: `--allow-cidr ${allow.cidrs.join(' ')}${everyone}`,
      instead: 'To let in your own address only: librechat-lab up --yes --allow-cidr detect',
    },
  ]
}

function unsaidDomain({ domain }: Settings, actual: Actual, choices: Choices): Unsaid[] {
  if (choices.domain !== undefined || (domain ?? 'none') === (actual.domain ?? 'none')) return []
  if (domain === undefined) return [{ would: `drop the domain ${actual.domain}`, flags: '--no-domain' }]
  return [{ would: `serve the lab as ${domain}`, flags: `--domain ${domain} --open-port-80` }]
}

function unsaidBoundary({ permissionsBoundary }: Settings, { boundary }: Actual, choices: Choices): Unsaid[] {
  if (choices.permissionsBoundary !== undefined || boundary === undefined || boundary === 'none') return []
  if (permissionsBoundary === boundary) return []
  const would = permissionsBoundary
    ? `replace the permissions boundary ${boundary}`
    : `drop the permissions boundary ${boundary}`
  const flags = permissionsBoundary
    ? `--permissions-boundary ${permissionsBoundary}`
    : '--no-permissions-boundary'
  const instead = `To keep it: librechat-lab up --yes --permissions-boundary ${boundary}`
  return [{ would, flags, instead }]
}

/** Stored models that neither the menu nor the role's policy has. A menu may lack a model that did not answer. */
function unsaidModels({ models }: Settings, actual: Actual, { models: named, stored }: Chosen): Unsaid[] {
  if (named || actual.models === undefined || actual.models.length === 0) return []
  const { models: there, policy = '' } = actual
  const isStored = (id: string) => stored.some((model) => model.id === id)
  const added = models.filter(({ id }) => isStored(id) && !there.includes(id) && !policy.includes(`/${id}"`))
  if (added.length === 0) return []
  return [
    {
      would: `add ${added.map(({ label }) => label).join(', ')} to the menu`,
      flags: `--models ${models.map(({ id }) => id).join(',')}`,
    },
  ]
}

/** LabError `opened-by-settings` when there is an unsaid change: with `--yes` nobody reads the plan. */
export function refuseUnsaid(unsaid: readonly Unsaid[]): void {
  if (unsaid.length === 0) return
  const flags = [...new Set(unsaid.map((one) => one.flags))].join(' ')
  throw new LabError({
    code: 'opened-by-settings',
    what: `The stored settings would ${unsaid.map(({ would }) => would).join('; ')}, and this command does not say so.`,
    why: 'An earlier run may have chosen that and been interrupted, or somebody else in the account wrote it. With --yes nobody reads the plan.',
    fix: [
      `If you mean it: librechat-lab up --yes ${flags}`,
      ...unsaid.flatMap(({ instead }) => instead ?? []),
      'To read the plan first: librechat-lab up',
    ],
  })
}
