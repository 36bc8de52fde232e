import * as z from 'zod'
import type { Actual } from './actual.js'
import { facts } from './facts.js'
import { idleText, minutesIn } from './idle-time.js'
import { always, optional, type PlainSetting, type Present, row } from './setting.js'

const { instanceType, diskGb, maxTokens, dollars, idleStop } = facts

/** An e-mail address in the plain form that LibreChat accepts. */
export const emailSchema = z.email().max(254)
export const emailWord = { is: 'an e-mail address', read: (word: string) => word.trim().toLowerCase() }
export const dollarsSchema = z.number().min(dollars.least).max(dollars.most).multipleOf(0.01)

/** "10", "$7.50". */
export const dollarsWord = (name: string) => ({
  is: `a valid ${name}`,
  why: `It is a number of US dollars from ${dollars.least} to ${dollars.most.toLocaleString('en')} for one month.`,
  example: '10 or 7.50',
  read: (word: string) =>
    /^\$?\d{1,6}(\.\d{1,2})?$/.test(word) ? Number(word.replace('$', '')) : Number.NaN,
})

/** What models may cost in a month: `ofHost` is null where the host has none, and undefined where it has not said. */
function spending(name: 'allowance' | 'limit', end: string) {
  const text = (usd: number | null | undefined) =>
    typeof usd === 'number' ? `$${usd.toFixed(2)} ${end}` : 'none'
  return {
    word: dollarsWord(name),
    row: (usd: number | undefined, { [name]: ofHost }: Actual) =>
      row(name, text(usd), ofHost === undefined ? undefined : text(ofHost)),
    opens(usd: number | undefined, { actual: { [name]: ofHost } }: Present) {
      if (typeof ofHost !== 'number') return undefined
      if (usd === undefined) return `remove the ${name} of $${ofHost.toFixed(2)}`
      return usd > ofHost ? `raise the ${name} from $${ofHost.toFixed(2)} to $${usd.toFixed(2)}` : undefined
    },
  }
}

/**
 * Each setting that one flag chooses and that depends on no other: the check of the flag, the stored field, how runs are
 * merged, the plan's row and what `--yes` refuses are made from its entry. The others (who is let in, certificates, tags,
 * models, the budget, the schedule) are in choices.ts, setting-rows.ts and opening.ts.
 */
export const plainSettings = {
  email: optional({
    flag: 'email',
    label: 'first user',
    field: emailSchema,
    word: emailWord,
    opens: 'elsewhere',
  }),
  maxTokens: optional({
    flag: 'max-tokens',
    label: 'maximum tokens of an answer',
    field: z.int().min(maxTokens.least).max(maxTokens.most),
    since: 2,
    word: {
      is: 'a valid number of tokens for an answer',
      why: `The limit is a number from ${maxTokens.least} to ${maxTokens.most}. Bedrock reserves this many tokens of the quota for each request.`,
      example: `--max-tokens ${maxTokens.default}`,
      read: (word) => (/^\d{1,6}$/.test(word) ? Number(word) : Number.NaN),
    },
    // The host tells only what the last proof asked for, so an equal length is not shown.
    row: (most = maxTokens.default, { maxTokens: there }) =>
      there === undefined || there === most
        ? undefined
        : row('longest answer', `${most} tokens`, `${there} tokens`),
    opens: (most = maxTokens.default, { actual, hasModels }) =>
      hasModels && most > (actual.maxTokens ?? maxTokens.default)
        ? `allow answers of ${most} tokens`
        : undefined,
  }),
  permissionsBoundary: optional({
    flag: 'permissions-boundary',
    label: 'permissions boundary',
    field: z.string().regex(/^arn:aws[a-z-]*:iam::(\d{12}|aws):policy\/[\w+=,.@/-]{1,512}$/),
    word: { is: 'the ARN of an IAM policy' },
    row: (arn = 'none', actual) => row('permissions boundary', arn, actual.boundary),
    opens: (arn, { actual: { boundary } }) =>
      boundary === undefined || boundary === 'none' || boundary === arn
        ? undefined
        : {
            would: `${arn ? 'replace' : 'drop'} the permissions boundary ${boundary}`,
            instead: {
              command: { keeps: true, path: 'up', flags: { yes: true, 'permissions-boundary': boundary } },
              text: 'keeps the current one',
            },
          },
  }),
  subnetId: optional({
    flag: 'subnet-id',
    label: 'subnet',
    field: z.string().regex(/^subnet-[0-9a-f]{8,32}$/),
    word: { is: 'a subnet’s id such as subnet-0123456789abcdef0' },
    row: (id, { subnetId }) => row('subnet', id ?? subnetId ?? 'a public one of the default VPC', subnetId),
    opens: (id, { launches }) => (launches && id !== undefined ? `launch the instance in ${id}` : undefined),
  }),
  instanceType: always({
    flag: 'instance-type',
    label: 'instance type',
    field: z.string().regex(/^[a-z][a-z0-9-]{0,15}\.[a-z0-9-]{1,20}$/),
    default: instanceType.default,
    word: { is: 'an instance type such as t3.medium' },
    row: (type, actual) => row('instance type', type, actual.instanceType),
    opens: (type, { actual, isDearer }) =>
      isDearer(type, actual.instanceType ?? instanceType.default)
        ? `use the instance type ${type}`
        : undefined,
  }),
  diskGb: always({
    flag: 'disk',
    label: 'disk (GB)',
    field: z.int().min(diskGb.least).max(diskGb.most),
    default: diskGb.default,
    word: {
      is: 'a valid disk size',
      why: `It is a number of GB from ${diskGb.least}, most of which the images fill, to ${diskGb.most}.`,
      example: `--disk ${diskGb.default}`,
      read: (word) => (/^\d{1,5}$/.test(word) ? Number(word) : Number.NaN),
    },
    row: (gb, actual) =>
      row('disk', `${gb} GB`, actual.diskGb === undefined ? undefined : `${actual.diskGb} GB`),
    opens: (gb, { actual }) =>
      gb > (actual.diskGb ?? diskGb.default) ? `use a disk of ${gb} GB` : undefined,
  }),
  userData: always({
    flag: 'user-data',
    label: 'first-boot script',
    field: z.boolean(),
    default: true,
    opens: 'harmless',
  }),
  idleStop: optional({
    flag: 'idle-stop',
    label: 'idle stop',
    field: z.int().min(idleStop.leastMinutes).max(idleStop.mostMinutes),
    since: 2,
    word: {
      is: 'a time for idle stop',
      why: `It takes minutes, hours or days, from ${idleText(idleStop.leastMinutes)} to ${idleText(idleStop.mostMinutes)}.`,
      example: '--idle-stop 2h',
      read: minutesIn,
    },
    text: idleText,
    // Shown if it is on, in the settings or on the host.
    row: (minutes, { idleStop: there }) => {
      const text = (one: number | undefined) => (one ? `after ${idleText(one)} without use` : 'off')
      if (minutes === undefined && !there) return undefined
      return row('idle stop', text(minutes), there === undefined ? undefined : text(there))
    },
    // A lab that runs longer costs more.
    opens: (minutes, { actual: { idleStop: there } }) => {
      if (!there || (minutes !== undefined && minutes <= there)) return undefined
      return minutes === undefined
        ? `turn off the idle stop after ${idleText(there)}`
        : `raise the idle stop from ${idleText(there)} to ${idleText(minutes)}`
    },
  }),
  allowance: optional({
    flag: 'allowance',
    label: 'dollars a user and month',
    field: dollarsSchema,
    since: 2,
    ...spending('allowance', 'a user and month for models'),
  }),
  limit: optional({
    flag: 'limit',
    label: 'dollars for models a month',
    field: dollarsSchema,
    since: 2,
    ...spending('limit', 'a month for models, then new messages stop'),
  }),
}

export type PlainSettings = typeof plainSettings
export type PlainKey = keyof PlainSettings
export const plainKeys = Object.keys(plainSettings) as PlainKey[]
export const isPlain = (key: string): key is PlainKey => key in plainSettings

/** A setting without the type of its value, for code that handles all settings. */
export const plainSetting = (key: PlainKey): PlainSetting => plainSettings[key] as unknown as PlainSetting

type PlainFields = {
  [Key in PlainKey]: PlainSettings[Key] extends { default: string | number | boolean }
    ? PlainSettings[Key]['field']
    : z.ZodOptional<PlainSettings[Key]['field']>
}

/** Their fields in the schema. */
export const plainFields = Object.fromEntries(
  plainKeys.map((key) => {
    const { field, default: preset } = plainSetting(key)
    return [key, preset === undefined ? z.optional(field) : field]
  }),
) as PlainFields

/** A value as it is typed: "2h", "40". */
export const textOf = (key: PlainKey, value: unknown): string =>
  plainSetting(key).text?.(value) ?? String(value)
