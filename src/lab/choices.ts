import { LabError } from '../core/error.js'
import type { LabId } from '../resources/ownership.js'
import { checkedCidrs } from './cidr.js'
import { facts } from './facts.js'
import { checkedIdleStop } from './idle-time.js'
import {
  domainSchema,
  emailSchema,
  nothingChosen,
  type Settings,
  settingsSchema,
  settingsVersion,
} from './settings.js'
import { allProfileArns, formatSettings } from './stored-settings.js'
import { checkedTags } from './tags.js'

/** What the command line sets; a setting that is left out keeps its value. */
export interface Choices {
  instanceType?: string
  diskGb?: number
  /** "detect": the address that this run comes from. */
  allow?: 'detect' | { cidrs: string[]; everyone: boolean }
  domain?: string | null
  trustedCertificate?: boolean
  openPort80?: boolean
  subnetId?: string
  permissionsBoundary?: string | null
  tags?: Record<string, string>
  userData?: boolean
  email?: string
  maxTokens?: number
  /** US dollars; null: none any more. */
  allowance?: number | null
  limit?: number | null
  /** The AWS budget's dollars; null: none any more. */
  budget?: number | null
  /** Who gets its notices. */
  alerts?: string[]
  /** Minutes; null switches it off. */
  idleStop?: number | null
}

/** The flags as commander hands them over. */
export interface ChoiceFlags {
  instanceType?: string
  disk?: string
  allowCidr?: string[]
  allowEveryone?: boolean
  domain?: string | false
  trustedCertificate?: boolean
  openPort80?: boolean
  subnetId?: string
  permissionsBoundary?: string | false
  tag?: string[]
  userData?: boolean
  email?: string
  maxTokens?: string
  allowance?: string | false
  limit?: string | false
  budget?: string | false
  alert?: string[]
  idleStop?: string | false
}

export const leastDiskGb = facts.diskGb.least
export const defaults = { instanceType: nothingChosen.instanceType, diskGb: nothingChosen.diskGb }

/** The flags, each checked before anything is asked of AWS; LabError `bad-…` names the flag. */
export function checkedChoices(flags: ChoiceFlags): Choices {
  const fields = settingsSchema.shape
  const choices: Choices = {}
  if (flags.instanceType !== undefined) {
    choices.instanceType = checked(
      fields.instanceType,
      flags.instanceType,
      'instance-type',
      'an instance type such as t3.medium',
    )
  }
  if (flags.disk !== undefined) choices.diskGb = checkedDisk(flags.disk)
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
          command: { path: 'up', flags: { 'allow-cidr': ['0.0.0.0/0'], 'allow-everyone': true } },
          text: 'lets the whole internet in',
        },
      ],
    })
  }
  if (flags.domain === false) choices.domain = null
  else if (flags.domain !== undefined) {
    choices.domain = checked(
      domainSchema,
      flags.domain.toLowerCase(),
      'domain',
      'a host name such as chat.example.org',
    )
  }
  if (flags.trustedCertificate !== undefined) choices.trustedCertificate = flags.trustedCertificate
  if (flags.trustedCertificate && typeof choices.domain === 'string') throw twoCertificates(choices.domain)
  if (flags.openPort80 !== undefined) choices.openPort80 = flags.openPort80
  if (flags.subnetId !== undefined) {
    choices.subnetId = checked(
      fields.subnetId.unwrap(),
      flags.subnetId,
      'subnet-id',
      'a subnet’s id such as subnet-0123456789abcdef0',
    )
  }
  if (flags.permissionsBoundary === false) choices.permissionsBoundary = null
  else if (flags.permissionsBoundary !== undefined) {
    choices.permissionsBoundary = checked(
      fields.permissionsBoundary.unwrap(),
      flags.permissionsBoundary,
      'permissions-boundary',
      'the ARN of an IAM policy',
    )
  }
  if (flags.tag) choices.tags = checkedTags(flags.tag)
  if (flags.userData !== undefined) choices.userData = flags.userData
  if (flags.maxTokens !== undefined) choices.maxTokens = checkedMaxTokens(flags.maxTokens)
  if (flags.allowance !== undefined)
    choices.allowance = flags.allowance === false ? null : checkedDollars(flags.allowance, 'allowance')
  if (flags.limit !== undefined)
    choices.limit = flags.limit === false ? null : checkedDollars(flags.limit, 'limit')
  if (flags.budget !== undefined)
    choices.budget = flags.budget === false ? null : checkedDollars(flags.budget, 'budget')
  if (flags.alert) choices.alerts = checkedAlerts(flags.alert)
  if (flags.idleStop !== undefined)
    choices.idleStop = flags.idleStop === false ? null : checkedIdleStop(flags.idleStop)
  if (flags.email !== undefined) choices.email = checkedEmail(flags.email)
  return choices
}

/** In lower case; LabError `bad-email`, `bad-alert`. */
export const checkedEmail = (email: string, flag: 'email' | 'alert' = 'email'): string =>
  checked(emailSchema, email.trim().toLowerCase(), flag, 'an e-mail address')

export function checkedDisk(text: string): number {
  const gb = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (gb >= leastDiskGb && gb <= facts.diskGb.most) return gb
  throw new LabError({
    code: 'bad-disk',
    what: `${quote(text)} is not a valid disk size.`,
    why: `The images need most of ${leastDiskGb} GB; the largest disk is ${facts.diskGb.most} GB.`,
    fix: [`For example: --disk ${defaults.diskGb}`],
  })
}

/** "10", "$7.50". LabError `bad-allowance`, `bad-limit`, `bad-budget`. */
export function checkedDollars(text: string, what: 'allowance' | 'limit' | 'budget'): number {
  const { least, most } = facts.dollars
  const amount = /^\$?\d{1,6}(\.\d{1,2})?$/.test(text) ? Number(text.replace('$', '')) : Number.NaN
  if (amount >= least && amount <= most) return amount
  throw new LabError({
    code: `bad-${what}`,
    what: `${quote(text)} is not a valid ${what}.`,
    why: `It is a number of US dollars from ${least} to ${most.toLocaleString('en')} for one month.`,
    fix: ['For example: 10 or 7.50'],
  })
}

/** Each address once, in lower case. LabError `bad-email`, `bad-alert`. */
export function checkedAlerts(given: readonly string[]): string[] {
  const alerts = [...new Set(given.map((one) => checkedEmail(one, 'alert')))]
  if (alerts.length <= facts.alerts.most) return alerts
  throw new LabError({
    code: 'bad-alert',
    what: `A budget notifies ${facts.alerts.most} addresses at most, and these are ${alerts.length}.`,
    why: 'AWS has this limit for each notice.',
    fix: ['Name fewer addresses, or one that forwards to the others: --alert <address...>'],
  })
}

function checkedMaxTokens(text: string): number {
  const judged = settingsSchema.shape.maxTokens
    .unwrap()
    .safeParse(/^\d{1,6}$/.test(text) ? Number(text) : text)
  if (judged.success) return judged.data
  throw new LabError({
    code: 'bad-max-tokens',
    what: `${quote(text)} is not a valid number of tokens for an answer.`,
    why: 'The limit is a number from 2048 to 128000. Bedrock reserves this many tokens of the quota for each request.',
    fix: ['For example: --max-tokens 8192'],
  })
}

function checked<T>(
  schema: { safeParse(value: unknown): { success: boolean; data?: T } },
  value: string,
  flag: string,
  kind: string,
): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data as T
  throw new LabError({
    code: `bad-${flag}`,
    what: `${quote(value)} is not ${kind}.`,
    fix: [`Check the value of --${flag}.`],
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
  const domain = choices.domain === null ? undefined : (choices.domain ?? stored?.domain)
  const trustedCertificate = wantsTrusted(stored, choices, domain)
  const openPort80 = choices.openPort80 ?? port80From(stored, choices)
  if (trustedCertificate && !openPort80) throw closedPort80()
  if (domain && !openPort80) {
    throw new LabError({
      code: 'needs-port-80',
      what: `A trusted certificate for ${domain} needs port 80 open to everybody.`,
      why: 'The certificate authority uses port 80 to check that you control the domain. Everything else on it is redirected to HTTPS.',
      fix: ['Add --open-port-80', 'Or leave --domain out to keep the lab’s own certificate'],
    })
  }
  const optional = {
    domain,
    trustedCertificate: trustedCertificate || undefined,
    subnetId: choices.subnetId ?? stored?.subnetId,
    permissionsBoundary:
      choices.permissionsBoundary === null
        ? undefined
        : (choices.permissionsBoundary ?? stored?.permissionsBoundary),
    tags: choices.tags ?? stored?.tags,
    email: choices.email ?? stored?.email,
    passwordDue: stored?.passwordDue,
    previousGeneration: stored?.previousGeneration,
    creations: stored?.creations,
    adopted: stored?.adopted,
    defaultModel: chat.defaultModel,
    titleModel: chat.titleModel,
    maxTokens: choices.maxTokens ?? stored?.maxTokens,
    allowance: choices.allowance === null ? undefined : (choices.allowance ?? stored?.allowance),
    limit: choices.limit === null ? undefined : (choices.limit ?? stored?.limit),
    budget: budgetFrom(stored, choices, lab),
    // Only `schedule` changes it.
    schedule: stored?.schedule,
    idleStop: choices.idleStop === null ? undefined : (choices.idleStop ?? stored?.idleStop),
  }
  return fitting(lab, {
    version: settingsVersion,
    generation: stored?.generation ?? options.generation,
    instanceType: choices.instanceType ?? stored?.instanceType ?? defaults.instanceType,
    diskGb: choices.diskGb ?? stored?.diskGb ?? defaults.diskGb,
    allow: allowFrom(stored, choices, detected),
    openPort80,
    userData: choices.userData ?? stored?.userData ?? true,
    models: chat.models,
    profileArns: allProfileArns(chat, lab),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  })
}

/** A trusted certificate for the address: never beside a domain, which has one of its own. LabError `two-certificates`. */
function wantsTrusted(stored: Settings | undefined, choices: Choices, domain: string | undefined): boolean {
  if (choices.trustedCertificate && domain) throw twoCertificates(domain)
  return choices.trustedCertificate ?? (stored?.trustedCertificate === true && domain === undefined)
}

/** Port 80 opens with the certificate that needs it, and closes with it. */
function port80From(stored: Settings | undefined, choices: Choices): boolean {
  if (choices.trustedCertificate) return true
  const drops =
    choices.domain === null || (choices.trustedCertificate === false && stored?.trustedCertificate)
  return drops ? false : (stored?.openPort80 ?? false)
}

const twoCertificates = (domain: string) =>
  new LabError({
    code: 'two-certificates',
    what: `--trusted-certificate is for a lab without a domain, and this one has ${domain}.`,
    why: 'The certificate of the domain is publicly trusted already.',
    fix: [
      'Leave --trusted-certificate out',
      {
        command: { path: 'up', flags: { 'no-domain': true, 'trusted-certificate': true } },
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
        command: { path: 'up', flags: { 'no-trusted-certificate': true } },
        text: 'uses the lab’s own certificate again, and closes port 80',
      },
    ],
  })

/** LabError `bad-alert`, `budget-unavailable`. Without --alert the first user is told. */
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
          command: { path: 'up', flags: { budget: '50', alert: choices.alerts } },
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
        command: { path: 'up', flags: { budget: String(usd), alert: ['<e-mail>'] } },
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

/** What a parameter of the standard tier holds: https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html */
const parameterBytes = 4096

/** Settings that can be stored; LabError `too-much-chosen` before anything is created. */
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
