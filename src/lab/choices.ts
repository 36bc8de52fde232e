import type * as z from 'zod'
import { LabError } from '../core/error.js'
import { camel, type OptionsOf } from '../core/options.js'
import type { LabId } from '../resources/ownership.js'
import { checkedCidrs } from './cidr.js'
import { facts } from './facts.js'
import {
  dollarsSchema,
  dollarsWord,
  emailSchema,
  emailWord,
  type PlainKey,
  type PlainSettings,
  plainKeys,
  plainSetting,
} from './plain-settings.js'
import type { PlainSetting } from './setting.js'
import { settingFlags } from './setting-flags.js'
import { domainSchema, nothingChosen, type Settings, settingsSchema, settingsVersion } from './settings.js'
import { allProfileArns, formatSettings } from './stored-settings.js'
import { checkedTags } from './tags.js'

type ValueOf<Key extends PlainKey> = NonNullable<Settings[Key]>

/** A plain setting's choice: a value, or null from the `--no-` form of a flag that takes one. */
type PlainChoices = {
  [Key in PlainKey]?: (typeof settingFlags)[PlainSettings[Key]['flag']] extends { kind: 'word'; off: string }
    ? ValueOf<Key> | null
    : ValueOf<Key>
}

/** What the command line sets; a setting that is left out keeps its value. */
export interface Choices extends PlainChoices {
  /** "detect": the address that this run comes from. */
  allow?: 'detect' | { cidrs: string[]; everyone: boolean }
  domain?: string | null
  trustedCertificate?: boolean
  openPort80?: boolean
  tags?: Record<string, string>
  /** The AWS budget's dollars; null removes the budget. */
  budget?: number | null
  /** The recipients of its notices. */
  alerts?: string[]
}

/** The flags as commander parses them. */
export type ChoiceFlags = OptionsOf<typeof settingFlags>

/** The flag of each choice. */
export const flagOfChoice: Readonly<Record<keyof Choices, keyof typeof settingFlags>> = {
  ...(Object.fromEntries(plainKeys.map((key) => [key, plainSetting(key).flag])) as Record<
    PlainKey,
    keyof typeof settingFlags
  >),
  allow: 'allow-cidr',
  domain: 'domain',
  trustedCertificate: 'trusted-certificate',
  openPort80: 'open-port-80',
  tags: 'tag',
  budget: 'budget',
  alerts: 'alert',
}

export const defaults = { instanceType: nothingChosen.instanceType, diskGb: nothingChosen.diskGb }

/** The flags, each checked before anything is asked of AWS; LabError `bad-…` names the flag. */
export function checkedChoices(flags: ChoiceFlags): Choices {
  const choices: Choices = plainChoices(flags)
  if (flags.allowCidr) {
    if (flags.allowCidr.includes('detect') && flags.allowCidr.length > 1)
      throw detectAmongRanges(flags.allowCidr)
    choices.allow = flags.allowCidr.includes('detect')
      ? 'detect'
      : {
          cidrs: checkedCidrs(flags.allowCidr, flags.allowEveryone ?? false),
          everyone: flags.allowEveryone ?? false,
        }
  } else if (flags.allowEveryone) {
    throw new LabError({
      code: 'bad-cidr',
      what: '--allow-everyone needs --allow-cidr beside it.',
      fix: [
        {
          command: {
            keeps: true,
            path: 'up',
            flags: { 'allow-cidr': ['0.0.0.0/0'], 'allow-everyone': true },
          },
          text: 'lets the whole internet in',
        },
      ],
    })
  }
  if (flags.domain === false) choices.domain = null
  else if (flags.domain !== undefined)
    choices.domain = checked('domain', domainSchema, domainWord, flags.domain)
  if (flags.trustedCertificate !== undefined) choices.trustedCertificate = flags.trustedCertificate
  if (flags.trustedCertificate && typeof choices.domain === 'string') throw twoCertificates(choices.domain)
  if (flags.openPort80 !== undefined) choices.openPort80 = flags.openPort80
  if (flags.tag) choices.tags = checkedTags(flags.tag)
  if (flags.budget !== undefined) choices.budget = flags.budget === false ? null : checkedBudget(flags.budget)
  if (flags.alert) choices.alerts = checkedAlerts(flags.alert)
  return choices
}

/** The choices of the settings that depend on no others. */
function plainChoices(flags: ChoiceFlags): PlainChoices {
  const chosen = plainKeys.flatMap((key): [string, unknown][] => {
    const { flag } = plainSetting(key)
    const given = flags[camel(flag) as keyof ChoiceFlags]
    if (given === undefined) return []
    if (typeof given === 'string') return [[key, checkedSetting(key, given)]]
    return [[key, settingFlags[flag].kind === 'word' ? null : given]]
  })
  return Object.fromEntries(chosen) as PlainChoices
}

/** A word of the command line, or an answer, as the setting's value. LabError `bad-<flag>`. */
export function checkedSetting<Key extends PlainKey>(key: Key, word: string): ValueOf<Key> {
  const { flag, field, word: how } = plainSetting(key)
  return checked(flag, field, how ?? { is: 'valid' }, word) as ValueOf<Key>
}

const domainWord: Word = { is: 'a host name such as chat.example.org', read: (word) => word.toLowerCase() }

/** "10", "$7.50". LabError `bad-budget`. */
export const checkedBudget = (word: string): number =>
  checked('budget', dollarsSchema, dollarsWord('budget'), word)

/** Each address once, in lower case. LabError `bad-alert`. */
export function checkedAlerts(given: readonly string[]): string[] {
  const alerts = [...new Set(given.map((one) => checked('alert', emailSchema, emailWord, one)))]
  if (alerts.length <= facts.alerts.most) return alerts
  throw new LabError({
    code: 'bad-alert',
    what: `A budget notifies ${facts.alerts.most} addresses at most, and these are ${alerts.length}.`,
    why: 'AWS has this limit for each notice.',
    fix: ['Name fewer addresses, or one that forwards to the others: --alert <address...>'],
  })
}

type Word = NonNullable<PlainSetting['word']>

function checked<T>(flag: string, schema: z.ZodType<T>, { is, why, example, read }: Word, word: string): T {
  const result = schema.safeParse(read ? read(word) : word)
  if (result.success) return result.data
  throw new LabError({
    code: `bad-${flag}`,
    what: `${quote(word)} is not ${is}.`,
    ...(why ? { why } : {}),
    fix: [example ? `For example: ${example}` : `Check the value of --${flag}.`],
  })
}

const quote = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)

/** What the user chose of the models: the part of settings that Bedrock decides about. */
export type ChatChoice = Pick<Settings, 'models' | 'profileArns'> & {
  defaultModel?: string | undefined
  titleModel?: string | undefined
}

/** The wanted settings: from the command line first, then as stored, then the defaults. */
export function settingsFrom(options: {
  stored: Settings | undefined
  choices: Choices
  /** The public address that this run comes from; needed only where the lab lets in a detected one. */
  detected: string | undefined
  chat: ChatChoice
  generation: string
  lab: LabId
}): Settings {
  const { stored, choices, detected, chat, lab } = options
  const chosen = {
    ...plainFrom(stored, choices),
    version: settingsVersion,
    generation: stored?.generation ?? options.generation,
    previousGeneration: stored?.previousGeneration,
    creations: stored?.creations,
    adopted: stored?.adopted,
    allow: allowFrom(stored, choices, detected),
    ...certificateFrom(stored, choices),
    tags: choices.tags ?? stored?.tags,
    passwordDue: stored?.passwordDue,
    models: chat.models,
    defaultModel: chat.defaultModel,
    titleModel: chat.titleModel,
    budget: budgetFrom(stored, choices, lab),
    // Only the `schedule` commands change it.
    schedule: stored?.schedule,
    profileArns: allProfileArns(chat, lab),
  }
  return fitting(lab, withoutUndefined(chosen))
}

const withoutUndefined = (values: object): object =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))

/** The settings that depend on no others: as chosen, else as stored, else the default. */
const plainFrom = (stored: Settings | undefined, choices: Choices): object =>
  Object.fromEntries(
    plainKeys.map((key) => {
      const choice = choices[key]
      return [key, choice === null ? undefined : (choice ?? stored?.[key] ?? plainSetting(key).default)]
    }),
  )

/**
 * The certificate, and port 80: it opens with a trusted certificate for the address, and a `--no-` form that leaves the
 * lab its own certificate closes it. LabErrors `two-certificates`, `needs-port-80`.
 */
export function certificateFrom(
  stored: Settings | undefined,
  choices: Choices,
): Pick<Settings, 'domain' | 'trustedCertificate' | 'openPort80'> {
  const domain = choices.domain === null ? undefined : (choices.domain ?? stored?.domain)
  if (choices.trustedCertificate && domain) throw twoCertificates(domain)
  const trusted = !domain && (choices.trustedCertificate ?? stored?.trustedCertificate ?? false)
  const wantsOwn = choices.domain === null || choices.trustedCertificate === false
  const kept = stored?.openPort80 === true && (domain !== undefined || !wantsOwn)
  const openPort80 = choices.openPort80 ?? (trusted || kept)
  if (trusted && !openPort80) throw closedPort80()
  if (domain && !openPort80) throw closedPort80OfDomain(domain, choices)
  return { openPort80, domain, trustedCertificate: trusted || undefined }
}

const twoCertificates = (domain: string) =>
  new LabError({
    code: 'two-certificates',
    what: `--trusted-certificate is for a lab without a domain, and this one has ${domain}.`,
    why: 'The certificate of the domain is publicly trusted already.',
    fix: [
      'Leave --trusted-certificate out',
      {
        command: {
          keeps: true,
          path: 'up',
          flags: { domain: undefined, 'no-domain': true, 'trusted-certificate': true },
        },
        text: 'drops the domain, and gets a certificate for the address',
      },
    ],
  })

const closedPort80 = () =>
  new LabError({
    code: 'needs-port-80',
    what: 'A trusted certificate for the address needs port 80 open to everybody.',
    why: 'The certificate authority uses port 80, every few days and from addresses that it does not publish, to check that you control the address. Everything else on it is redirected to HTTPS.',
    fix: [
      'Leave --no-open-port-80 out',
      {
        command: {
          keeps: true,
          path: 'up',
          flags: { 'trusted-certificate': undefined, 'no-trusted-certificate': true },
        },
        text: 'uses the lab’s own certificate again, and closes port 80',
      },
    ],
  })

const closedPort80OfDomain = (domain: string, choices: Choices) =>
  new LabError({
    code: 'needs-port-80',
    what: `A trusted certificate for ${domain} needs port 80 open to everybody.`,
    why: 'The certificate authority uses port 80 to check that you control the domain. Everything else on it is redirected to HTTPS.',
    fix: [
      choices.openPort80 === false ? 'Leave --no-open-port-80 out' : 'Add --open-port-80',
      choices.domain === undefined
        ? {
            command: { keeps: true, path: 'up', flags: { 'no-domain': true } },
            text: 'uses the lab’s own certificate again, and closes port 80',
          }
        : 'Or leave --domain out to keep the lab’s own certificate',
    ],
  })

/** LabError `bad-alert`, `budget-unavailable`. Without --alert, the first user gets the notices. */
function budgetFrom(
  stored: Settings | undefined,
  choices: Choices,
  { partition }: LabId,
): Settings['budget'] {
  const usd = choices.budget === null ? undefined : (choices.budget ?? stored?.budget?.usd)
  if (usd === undefined) {
    if (!choices.alerts) return undefined
    throw new LabError({
      code: 'bad-alert',
      what: '--alert needs a budget, and the lab has none.',
      fix: [
        {
          command: { keeps: true, path: 'up', flags: { budget: '50', alert: choices.alerts } },
          text: 'sets a budget of $50 a month',
        },
      ],
    })
  }
  const email = choices.email ?? stored?.email
  const alerts = choices.alerts ?? stored?.budget?.alerts ?? (email ? [email] : [])
  if (partition !== 'aws') throw budgetUnavailable()
  if (alerts.length > 0) return { usd, alerts }
  throw new LabError({
    code: 'bad-alert',
    what: 'The budget has nobody to notify.',
    why: 'AWS sends its notices by e-mail, and the lab has no first user either.',
    fix: [
      {
        command: { keeps: true, path: 'up', flags: { budget: String(usd), alert: ['<e-mail>'] } },
        text: 'names who is told',
      },
    ],
  })
}

/** https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/usage-and-payment.html */
const budgetUnavailable = () =>
  new LabError({
    code: 'budget-unavailable',
    what: 'This account can’t have an AWS budget.',
    why: 'AWS bills its regions through another account, which alone sees the cost.',
    fix: [
      'Leave --budget out, and create the budget in that account.',
      'To limit the models here: --limit <dollars>',
    ],
  })

/**
 * The size limit of a standard parameter:
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
 */
const parameterBytes = 4096

/** The settings, if they fit into the parameter; LabError `too-much-chosen` before anything is created. */
function fitting(lab: LabId, chosen: unknown): Settings {
  const settings = settingsSchema.parse(chosen)
  const bytes = Buffer.byteLength(formatSettings(settings, lab))
  if (bytes <= parameterBytes) return settings
  throw new LabError({
    code: 'too-much-chosen',
    what: `The settings take ${bytes} bytes; a parameter holds ${parameterBytes}.`,
    why: `Most of them are for ${settings.models.length} models in the menu and ${settings.allow.cidrs.length} allowed ranges.`,
    fix: [
      'Choose fewer models, a dozen at most: --models <ids>',
      'Or allow fewer ranges: --allow-cidr <range...>',
    ],
  })
}

/** Whether the lab lets in the address that this run comes from. */
export const isDetected = (stored: Settings | undefined, choices: Choices): boolean =>
  choices.allow === 'detect' || (choices.allow === undefined && stored?.allow.from !== 'given')

function allowFrom(
  stored: Settings | undefined,
  choices: Choices,
  detected: string | undefined,
): Settings['allow'] {
  if (choices.allow !== undefined && choices.allow !== 'detect') return { from: 'given', ...choices.allow }
  if (!isDetected(stored, choices) && stored) return stored.allow
  return { from: 'detected', cidrs: checkedCidrs([detected ?? ''], false), everyone: false }
}

/** The detected address is looked up at each run, so it cannot be kept among ranges. */
function detectAmongRanges(given: readonly string[]): LabError {
  const ranges = given.filter((range) => range !== 'detect')
  return new LabError({
    code: 'bad-cidr',
    what: "--allow-cidr detect can't be combined with other ranges.",
    why: 'It allows your current public address only, and each up looks it up again.',
    fix: [`Name your address instead: --allow-cidr <your address> ${ranges.join(' ')}`],
  })
}
