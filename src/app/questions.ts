import { pick } from '../bedrock/pick.js'
import { LabError } from '../core/error.js'
import { type Choices, checkedAlerts, checkedBudget, checkedSetting, defaults } from '../lab/choices.js'
import { checkedCidrs } from '../lab/cidr.js'
import { facts } from '../lab/facts.js'
import { diskCost, monthlyCost, pricesOf } from '../lab/prices.js'
import { type Chat, menuOf } from './chat-choice.js'
import type { Context, GlobalOptions } from './context.js'
import type { OpenLab } from './open-lab.js'
import type { UpOptions } from './up-options.js'

/** The answers so far. */
export interface Said {
  choices: Choices
  chat: Chat
}

export interface Start extends Said {
  detected: string | undefined
  options: UpOptions & GlobalOptions
  open: OpenLab
  context: Context
  /** Throws the LabError with which `up` would refuse the answers. */
  check: (said: Said) => void
}

/** One question of the first run. */
export interface Step {
  about: string
  /** False: the lab leaves nothing to choose here. */
  applies?: boolean
  /** Whether the command line answers it already. */
  said: (said: Said) => boolean
  shows: (said: Said) => string
  ask: (said: Said) => Promise<Said>
}

const types = [
  ['t3.medium', '4 GiB, for a few people'],
  ['t3.large', '8 GiB, for a team or large files'],
  ['t4g.medium', '4 GiB, ARM; the same for less'],
  ['t4g.large', '8 GiB, ARM'],
] as const

/** The questions of the first run, in order. */
export const stepsOf = (start: Start): Step[] =>
  [firstUserStep, instanceStep, diskStep, accessStep, certificateStep, modelsStep, allowanceStep, budgetStep]
    .map((step) => step(start))
    .filter(({ applies = true }) => applies)

const firstUserStep = ({ context: { ui } }: Start): Step => ({
  about: 'the first user',
  said: ({ choices }) => choices.email !== undefined,
  shows: ({ choices }) => choices.email ?? 'none yet',
  ask: async (said) => {
    const email = await ui.input({
      flag: '--email <address>',
      message: said.choices.email
        ? `Your e-mail address (now ${said.choices.email}; "none" for no user):`
        : 'Your e-mail address (empty: later):',
      hint: 'The first user is the admin. Nobody else can sign up. No mail is sent.',
      default: said.choices.email ?? '',
      validate: (value) => isNone(value) || judged(() => checkedSetting('email', value)),
    })
    if (!isNone(email)) return withChoice(said, { email: checkedSetting('email', email) })
    const { email: _, ...choices } = said.choices
    return { ...said, choices }
  },
})

const instanceStep = ({ open, context: { ui } }: Start): Step => ({
  about: 'the instance',
  said: ({ choices }) => choices.instanceType !== undefined,
  shows: ({ choices }) => choices.instanceType ?? defaults.instanceType,
  ask: async (said) => {
    const disk = said.choices.diskGb ?? defaults.diskGb
    const instanceType = await ui.select<string>({
      flag: '--instance-type <type>',
      message: 'Which instance type?',
      hint: `It runs all the time and is most of the cost (${pricesOf}). You can change it later.`,
      choices: types.map(([value, what]) => ({
        value,
        name: `${value.padEnd(11)} ${what}, ${monthlyPrice(open, value, disk)}`.replace(/, $/, ''),
        short: value,
      })),
      default: said.choices.instanceType ?? defaults.instanceType,
    })
    return withChoice(said, { instanceType })
  },
})

const diskStep = ({ open, context: { ui } }: Start): Step => ({
  about: 'the disk',
  said: ({ choices }) => choices.diskGb !== undefined,
  shows: ({ choices }) => `${choices.diskGb ?? defaults.diskGb} GB`,
  ask: async (said) => {
    const disk = await ui.input({
      flag: '--disk <GB>',
      message: 'How many GB of disk?',
      hint: `At least ${facts.diskGb.least}; encrypted; ${diskCost(open.lab.region)}. It can grow later, never shrink.`,
      default: String(said.choices.diskGb ?? defaults.diskGb),
      validate: (value) => judged(() => checkedSetting('diskGb', value)),
    })
    return withChoice(said, { diskGb: checkedSetting('diskGb', disk) })
  },
})

const accessStep = ({ detected, options, context: { ui } }: Start): Step => ({
  about: 'who can reach it',
  said: ({ choices }) => choices.allow !== undefined,
  shows: ({ choices }) =>
    typeof choices.allow === 'object' ? choices.allow.cidrs.join(', ') : `${detected} (you, now)`,
  ask: async (said) => {
    const ranges = await ui.input({
      flag: '--allow-cidr <range...>',
      message: 'Which addresses can reach it?',
      hint: 'Default: your current public address. Separate several ranges with spaces.',
      default: typeof said.choices.allow === 'object' ? said.choices.allow.cidrs.join(' ') : (detected ?? ''),
      validate: (value) => judged(() => checkedCidrs(split(value), options.allowEveryone ?? false)),
    })
    if (ranges.trim() === detected) return withChoice(said, { allow: 'detect' })
    const everyone = options.allowEveryone ?? false
    return withChoice(said, { allow: { cidrs: checkedCidrs(split(ranges), everyone), everyone } })
  },
})

const certificateStep = ({ choices: { domain, openPort80 }, context: { ui } }: Start): Step => ({
  about: 'the certificate',
  // A domain has its own, and without port 80 there is only the lab’s.
  applies: typeof domain !== 'string' && openPort80 !== false,
  said: ({ choices }) => choices.trustedCertificate !== undefined,
  shows: ({ choices }) => (choices.trustedCertificate ? 'publicly trusted' : 'the lab’s own'),
  ask: async (said) => {
    const kind = await ui.select<'own' | 'trusted'>({
      flag: '--trusted-certificate or --no-trusted-certificate',
      message: 'Which certificate?',
      hint: 'A trusted one is free. It needs port 80 open to everyone, where only a redirect and the authority’s check are served, and public logs list the address. You can change it later.',
      choices: [
        {
          value: 'own',
          name: 'the lab’s own     no public trace; browsers warn of LibreChat’s page',
          short: 'the lab’s own',
        },
        {
          value: 'trusted',
          name: 'publicly trusted  browsers do not warn of LibreChat’s page',
          short: 'publicly trusted',
        },
      ],
      default: said.choices.trustedCertificate ? 'trusted' : 'own',
    })
    return withChoice(said, { trustedCertificate: kind === 'trusted' })
  },
})

const modelsStep = ({ options, chat: { available }, context: { ui } }: Start): Step => ({
  about: 'the models',
  applies: available.length > 0,
  said: () => options.models !== undefined,
  shows: ({ chat: { models } }) => {
    const [first, ...others] = models.map(({ label }) => label)
    if (first === undefined) return 'none'
    return others.length > 0 ? `${first} and ${others.length} more` : first
  },
  ask: async (said) => {
    const chosen = await ui.checkbox<string>({
      flag: '--models <ids>',
      message: 'Which models in the menu?',
      hint: [
        'To see why a model can’t be called: ',
        { path: 'models' },
        '. You pay for what you use: https://aws.amazon.com/bedrock/pricing',
      ],
      validate: (ids) => ids.length > 0 || 'Choose at least one model. A lab without models: --without-chat',
      choices: available.map((model) => ({
        value: model.id,
        name: `${model.name} (${model.provider})`,
        short: model.name,
        checked: said.chat.models.some(({ id }) => id === model.id),
        ...(model.callable ? {} : { disabled: `(${why(model)})` }),
      })),
    })
    // Suggested models keep their order: conversations begin with the first.
    const offered = said.chat.models.map(({ id }) => id)
    const kept = offered.filter((id) => chosen.includes(id))
    const ordered = [...kept, ...chosen.filter((id) => !offered.includes(id))]
    return {
      ...said,
      chat: { available, leftOut: said.chat.leftOut, ...menuOf(pick(available, ordered)) },
    }
  },
})

const allowanceStep = ({ chat: { models }, context: { ui } }: Start): Step => ({
  about: 'the allowance',
  applies: models.length > 0,
  said: ({ choices }) => choices.allowance !== undefined,
  shows: ({ choices: { allowance } }) => (allowance ? `$${allowance.toFixed(2)} a user and month` : 'none'),
  ask: async (said) => {
    const amount = await ui.input({
      flag: '--allowance <dollars>',
      message: 'How many dollars a month may each user spend ("none": no limit)?',
      hint: 'When a user has spent it on models, LibreChat refuses further messages until the next month. You can change it later, also for one user.',
      default: said.choices.allowance ? String(said.choices.allowance) : 'none',
      validate: (value) => isNone(value) || judged(() => checkedSetting('allowance', value.trim())),
    })
    return withChoice(said, {
      allowance: isNone(amount) ? null : checkedSetting('allowance', amount.trim()),
    })
  },
})

const budgetStep = ({ open, context: { ui } }: Start): Step => ({
  about: 'the AWS budget',
  applies: open.lab.partition === 'aws',
  said: ({ choices }) => choices.budget !== undefined,
  shows: ({ choices: { budget, alerts = [], email } }) =>
    budget ? `$${budget.toFixed(2)} a month, notices to ${alerts.join(', ') || email}` : 'none',
  ask: async (said) => {
    const { budget, alerts, email } = said.choices
    const amount = await ui.input({
      flag: '--budget <dollars>',
      message: 'AWS budget for the account, in dollars a month ("none": no budget):',
      hint: 'Free. AWS sends mail at 50, 80 and 100 % and on its forecast, hours late. It stops nothing.',
      default: budget ? String(budget) : 'none',
      validate: (value) => isNone(value) || judged(() => checkedBudget(value.trim())),
    })
    if (isNone(amount)) {
      const { alerts: _, ...choices } = said.choices
      return withChoice({ ...said, choices }, { budget: null })
    }
    const to = await ui.input({
      flag: '--alert <address...>',
      message: 'Which e-mail addresses get its notices?',
      hint: 'Separate several addresses with spaces.',
      default: alerts?.join(' ') ?? email ?? '',
      validate: (value) =>
        value.trim() === ''
          ? 'A budget needs at least one address.'
          : judged(() => checkedAlerts(split(value))),
    })
    return withChoice(said, {
      budget: checkedBudget(amount.trim()),
      alerts: checkedAlerts(split(to)),
    })
  },
})

const withChoice = (said: Said, choice: Choices): Said => ({
  ...said,
  choices: { ...said.choices, ...choice },
})

function monthlyPrice({ lab }: OpenLab, instanceType: string, diskGb: number): string {
  const usd = monthlyCost({ region: lab.region, instanceType, diskGb, addresses: 1 }).monthlyUsd
  return usd === undefined ? 'price unknown' : `about $${usd.toFixed(0)} a month`
}

/** Why a model can't be chosen, in a few words; `models` explains it in full. */
const why = ({ problem }: Chat['available'][number]): string => {
  switch (problem?.reason) {
    case 'legacy':
      return 'AWS is retiring it'
    case 'needs-licence':
      return 'its licence is not accepted'
    case 'needs-form':
      return 'Anthropic’s use-case form was not sent'
    default:
      return 'can’t be called'
  }
}

/** No first user. For an empty line the library returns the default, so a word clears an address. */
const isNone = (email: string) => ['', 'none'].includes(email.trim().toLowerCase())

const split = (text: string) => text.split(/[\s,]+/).filter(Boolean)

/** A check's message, as in the flag's error. */
export function judged(check: () => unknown): true | string {
  try {
    check()
    return true
  } catch (error) {
    if (error instanceof LabError) return [error.message, error.why].filter(Boolean).join(' ')
    throw error
  }
}
