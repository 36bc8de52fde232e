import { type CommandLine, type Hint, LabError } from '../core/error.js'
import type { Actual } from './actual.js'
import type { Choices } from './choices.js'
import { isCovered } from './cidr.js'
import { type PlainKey, plainKeys, plainSetting, textOf } from './plain-settings.js'
import { monthlyCost } from './prices.js'
import { settingFlags } from './setting-flags.js'
import type { Settings } from './settings.js'

type UpFlags = Extract<CommandLine, { path: 'up' }>['flags'] & object

/** A change that only the stored settings ask for, and the flags that ask for it in a command. */
interface Unsaid {
  /** Completes the sentence "The stored settings would …". */
  would: string
  flags: UpFlags
  /** An alternative command. */
  instead?: Hint
}

/** What this run itself chose. */
export interface Chosen {
  choices: Choices
  /** Whether the command named the models. */
  models: boolean
  /** The models in the stored settings. All other wanted models are this run's own choice. */
  stored: Settings['models']
  /** Whether an instance will be launched. */
  launches: boolean
  /** Prices differ from region to region. */
  region: string
}

/**
 * Changes that the stored settings ask for and this command line does not, and that widen access, redirect users,
 * remove a protection or cost more. Anyone who can write the parameter may have written them.
 */
export function unsaidChanges(settings: Settings, actual: Actual, chosen: Chosen): Unsaid[] {
  const { choices } = chosen
  return [
    ...unsaidRanges(settings, actual, choices),
    ...unsaidDomain(settings, actual, choices),
    ...unsaidCertificate(settings, actual, choices),
    ...unsaidPort80(settings, actual, choices),
    ...(choices.email === undefined && firstUserTask(settings, actual, false) === 'create'
      ? [
          {
            would: `create the first user ${settings.email}, who is the admin`,
            flags: { email: settings.email },
          },
        ]
      : []),
    // A new password locks the user out until they get it, and this need not be the user whose first password was
    // never shown.
    ...(choices.email === undefined &&
    settings.email !== undefined &&
    firstUserTask(settings, actual, false) === 'reset'
      ? [{ would: `give ${settings.email} a new password`, flags: { email: settings.email } }]
      : []),
    ...unsaidModels(settings, actual, chosen),
    ...plainKeys.flatMap((key) => unsaidSetting(key, settings, actual, chosen)),
    ...unsaidBudget(settings, actual, choices),
  ]
}

/**
 * What to do about the first user. One is created only on a host without users; `reset` sets a new password, because
 * the first one was never shown. If the users can't be observed, the host decides.
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

/** Only the changes that the security group's rules would make. */
export const unsaidRules = (settings: Settings, actual: Actual, choices: Choices): Unsaid[] => [
  ...unsaidRanges(settings, actual, choices),
  ...unsaidPort80(settings, actual, choices),
]

const unsaidPort80 = ({ openPort80 }: Settings, { port80 }: Actual, choices: Choices): Unsaid[] =>
  openPort80 && !(choices.openPort80 ?? choices.trustedCertificate) && port80 !== true
    ? [{ would: 'open port 80 to everybody', flags: { 'open-port-80': true } }]
    : []

function unsaidRanges({ allow }: Settings, actual: Actual, choices: Choices): Unsaid[] {
  // This run detected the address itself.
  if (choices.allow !== undefined || allow.from === 'detected') return []
  // Each port is compared separately: one open port doesn't justify opening another.
  const ports = actual.allowed ? Object.values(actual.allowed) : [[]]
  const closed = allow.cidrs.filter((cidr) => ports.some((sources) => !isCovered(cidr, sources)))
  if (closed.length === 0) return []
  const everyone = allow.everyone ? { 'allow-everyone': true as const } : {}
  return [
    {
      would: `let in ${closed.join(', ')}`,
      flags: { 'allow-cidr': allow.cidrs, ...everyone },
      instead: {
        command: { keeps: true, path: 'up', flags: { yes: true, 'allow-cidr': ['detect'] } },
        text: 'lets in only your own address',
      },
    },
  ]
}

/** The flag of the lab’s own certificate closes port 80, unless the settings have it open. */
const ownCertificate = (flag: 'no-domain' | 'no-trusted-certificate', { openPort80 }: Settings): UpFlags => ({
  [flag]: true,
  ...(openPort80 ? { 'open-port-80': true } : {}),
})

function unsaidDomain(settings: Settings, actual: Actual, choices: Choices): Unsaid[] {
  const { domain } = settings
  if (choices.domain !== undefined || (domain ?? 'none') === (actual.domain ?? 'none')) return []
  if (domain === undefined)
    return [{ would: `drop the domain ${actual.domain}`, flags: ownCertificate('no-domain', settings) }]
  return [{ would: `serve the lab as ${domain}`, flags: { domain, 'open-port-80': true } }]
}

/** It publishes the address in certificate logs, or brings the browser's warning back. */
function unsaidCertificate(settings: Settings, actual: Actual, choices: Choices): Unsaid[] {
  const { trustedCertificate, domain } = settings
  if (choices.trustedCertificate !== undefined || domain) return []
  if (Boolean(actual.trustedCertificate) === Boolean(trustedCertificate)) return []
  return trustedCertificate
    ? [
        {
          would: 'get a publicly trusted certificate, so that public logs list the address',
          flags: { 'trusted-certificate': true },
        },
      ]
    : [
        {
          would: 'use the lab’s own certificate again',
          flags: ownCertificate('no-trusted-certificate', settings),
        },
      ]
}

/** For a setting that depends on no others. */
function unsaidSetting(
  key: PlainKey,
  settings: Settings,
  actual: Actual,
  { choices, launches, region }: Chosen,
): Unsaid[] {
  const { flag, opens } = plainSetting(key)
  if (typeof opens === 'string' || choices[key] !== undefined) return []
  const value = settings[key]
  // Without a `--no-` form nobody can have removed it.
  if (value === undefined && !('off' in settingFlags[flag])) return []
  const hasModels = settings.models.length > 0
  const isDearer = (type: string, than: string) => isDearerIn(region, settings.diskGb, type, than)
  const change = opens(value, { actual, launches, hasModels, isDearer })
  if (change === undefined) return []
  const flags = value === undefined ? { [`no-${flag}`]: true } : { [flag]: textOf(key, value) }
  return [{ ...(typeof change === 'string' ? { would: change } : change), flags }]
}

function isDearerIn(region: string, diskGb: number, type: string, than: string): boolean {
  if (type === than) return false
  const priceOf = (instanceType: string) =>
    monthlyCost({ region, instanceType, diskGb, addresses: 1 }).monthlyUsd
  const [before, after] = [priceOf(than), priceOf(type)]
  return before === undefined || after === undefined || after > before
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
      flags: { models: models.map(({ id }) => id).join(',') },
    },
  ]
}

/** A budget that is removed, raised, or gets new recipients: its notices tell what the account spends. */
function unsaidBudget({ budget }: Settings, { budget: there }: Actual, choices: Choices): Unsaid[] {
  if (choices.budget === null || (!budget && !there)) return []
  if (!budget)
    return [{ would: `delete the budget of $${there?.usd.toFixed(2)}`, flags: { 'no-budget': true } }]
  const isRaised = there !== undefined && budget.usd > there.usd && choices.budget === undefined
  const isKnown = (alert: string) =>
    choices.alerts !== undefined || alert === choices.email || (there?.alerts.includes(alert) ?? false)
  const added = budget.alerts.filter((alert) => !isKnown(alert))
  return [
    ...(isRaised
      ? [
          {
            would: `raise the budget from $${there.usd.toFixed(2)} to $${budget.usd.toFixed(2)}`,
            flags: { budget: String(budget.usd) },
          },
        ]
      : []),
    ...(added.length > 0
      ? [
          {
            would: `send the budget’s notices to ${added.join(', ')}`,
            flags: { budget: String(budget.usd), alert: budget.alerts },
          },
        ]
      : []),
  ]
}

/** LabError `opened-by-settings` if there are such changes: with `--yes` nobody confirms the plan. */
export function refuseUnsaid(unsaid: readonly Unsaid[]): void {
  if (unsaid.length === 0) return
  const flags: UpFlags = Object.assign({ yes: true }, ...unsaid.map((one) => one.flags))
  throw new LabError({
    code: 'opened-by-settings',
    what: `The stored settings would do what this command does not ask for: ${unsaid.map(({ would }) => would).join('; ')}.`,
    why: 'An interrupted run may have stored that, or someone else in the account. With --yes nobody confirms the plan.',
    fix: [
      { command: { keeps: true, path: 'up', flags }, text: 'applies it' },
      ...unsaid.flatMap(({ instead }) => instead ?? []),
      { command: { path: 'up' }, text: 'shows the plan and asks' },
    ],
  })
}
