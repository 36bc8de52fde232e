import * as z from 'zod'
import { LabError } from '../core/error.js'
import type { LabId } from '../resources/ownership.js'
import { checkedCidrs } from './cidr.js'
import { type PlainKey, plainKeys, plainSetting, plainSettings, textOf } from './plain-settings.js'
import { type Schedule, scheduleText } from './schedule.js'
import { fieldsSince, type Settings, settingsSchema, settingsVersion } from './settings.js'

/** The stored form, without what can be derived from the lab and its models. */
const storedSchema = settingsSchema.extend({
  /** Those that can't be derived from the models' ids. */
  profileArns: settingsSchema.shape.profileArns.optional(),
})

/** The stored form of an older version, without the fields that were added later. */
function storedBy(version: number): z.ZodType<z.infer<typeof storedSchema>> {
  const added = Object.entries(fieldsSince).flatMap(([since, fields]) =>
    Number(since) > version ? fields : [],
  )
  const chosen = plainKeys.filter((key) => (plainSetting(key).since ?? 1) > version)
  const later = Object.fromEntries([...added, ...chosen].map((field) => [field, true as const]))
  return storedSchema.omit(later as Record<never, true>).extend({ version: z.literal(version) })
}

/** An id such as "us.anthropic.claude-…" is a system-defined inference profile's; a model's begins with its provider. */
const profileId = /^(?:(global)|apac|[a-z]{2}(?:-[a-z]+)?)\.(?=[a-z0-9-]+\.)/

/**
 * The ARNs that the role needs to call these models through inference profiles.
 * https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html
 */
function derivedProfileArns(
  models: Settings['models'],
  { partition, region, account }: Pick<LabId, 'partition' | 'region' | 'account'>,
): string[] {
  return models.flatMap(({ id }) => {
    const [prefix, global] = profileId.exec(id) ?? []
    if (prefix === undefined) return []
    const profile = `arn:${partition}:bedrock:${region}:${account}:inference-profile/${id}`
    return global
      ? [profile, `arn:${partition}:bedrock:::foundation-model/${id.slice(prefix.length)}`]
      : [profile]
  })
}

/** These and the derived ARNs, sorted, without duplicates. */
export const allProfileArns = (
  settings: Pick<Settings, 'models' | 'profileArns'>,
  lab: Pick<LabId, 'partition' | 'region' | 'account'>,
): string[] => [...new Set([...settings.profileArns, ...derivedProfileArns(settings.models, lab)])].sort()

/** Every field with its JSON, in a fixed order, so that equal settings are equal texts. */
export function formatSettings(settings: Settings, lab: LabId): string {
  const derived = derivedProfileArns(settings.models, lab)
  const { profileArns, defaultModel, ...rest } = settingsSchema.parse(settings)
  const others = profileArns.filter((arn) => !derived.includes(arn))
  const stored = {
    ...rest,
    ...(defaultModel === undefined || defaultModel === rest.models[0]?.id ? {} : { defaultModel }),
    ...(others.length > 0 ? { profileArns: others } : {}),
  }
  return JSON.stringify(storedSchema.parse(stored))
}

/**
 * Settings as stored by this version or an older one, checked as untrusted input: LabError `bad-settings` for anything
 * that no version up to this one would write.
 */
export function parseSettings(text: string, parameter: string, lab: LabId): Settings {
  try {
    const document: unknown = JSON.parse(text)
    const { version } = z.looseObject({ version: z.int().min(1) }).parse(document)
    if (version > settingsVersion) throw newer(version, parameter)
    const settings = expand({ ...storedBy(version).parse(document), version: settingsVersion }, lab)
    checkedCidrs(settings.allow.cidrs, settings.allow.everyone)
    return settings
  } catch (error) {
    if (error instanceof LabError && error.code === 'bad-settings') throw error
    throw new LabError({
      code: 'bad-settings',
      what: `The parameter ${parameter} does not hold a lab's settings.`,
      why: `Something other than librechat-lab wrote it: ${reason(error)}.`,
      fix: [
        {
          run: `aws ssm delete-parameter --name ${parameter}`,
          text: 'deletes it; then give your settings to up again',
        },
      ],
      cause: error,
    })
  }
}

function expand({ profileArns = [], ...stored }: z.infer<typeof storedSchema>, lab: LabId): Settings {
  const settings = { ...stored, profileArns }
  const [first] = settings.models
  return {
    ...settings,
    ...(settings.defaultModel === undefined && first ? { defaultModel: first.id } : {}),
    profileArns: allProfileArns(settings, lab),
  }
}

const newer = (version: number, parameter: string) =>
  new LabError({
    code: 'bad-settings',
    what: `This lab's settings have version ${version}, and this librechat-lab reads up to version ${settingsVersion}.`,
    why: `A newer librechat-lab wrote ${parameter}.`,
    fix: [{ run: 'npx librechat-lab@latest', text: 'runs the newest version' }],
  })

function reason(error: unknown): string {
  if (error instanceof z.ZodError) {
    const issue = error.issues[0]
    return `${issue?.path.join('.') || 'the document'}: ${issue?.message ?? 'invalid'}`
  }
  return error instanceof Error ? error.message : String(error)
}

/** The differences between two stored texts, for users; empty if only the version differs. */
export function describeSettingsChange(
  before: string,
  after: string,
  lab: LabId,
): { what: string; from: string; to: string }[] {
  const [old, now] = [readable(before, lab), readable(after, lab)]
  return [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .filter((key) => JSON.stringify(comparable(old, key)) !== JSON.stringify(comparable(now, key)))
    .map((key) => ({
      what: labelOf(key),
      from: say(comparable(old, key), key),
      to: say(comparable(now, key), key),
    }))
}

/** Creation ids are random, so only their presence is compared: each is stored before it is used. */
const comparable = (settings: Record<string, unknown>, key: string): unknown =>
  key === 'creations' ? Object.keys(settings.creations ?? {}).sort() : settings[key]

function readable(text: string, lab: LabId): Record<string, unknown> {
  try {
    return parseSettings(text, '', lab)
  } catch (error) {
    if (error instanceof LabError) return {}
    throw error
  }
}

function say(value: unknown, key = ''): string {
  if (key === 'schedule' && value) return scheduleText(value as Schedule)
  if (key === 'budget' && value) return budgetText(value as NonNullable<Settings['budget']>)
  if (key === 'passwordDue') return value ? 'generated by up and shown once' : 'no new one'
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none'
  if (key in plainSettings) return textOf(key as PlainKey, value)
  if (Array.isArray(value)) return value.map((v) => (typeof v === 'object' ? v.label : v)).join(', ')
  if (typeof value === 'object' && value && 'cidrs' in value) return say(value.cidrs)
  if (typeof value === 'object' && value && adoptedKeys.some((key) => key in value))
    return Object.values(value).join(', ')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** "$50.00 a month, notices to me@example.org" */
const budgetText = ({ usd, alerts }: NonNullable<Settings['budget']>) =>
  `$${usd.toFixed(2)} a month, notices to ${alerts.join(', ')}`

const adoptedKeys = ['instanceId', 'allocationId', 'groupId']

const labelOf = (key: string): string =>
  labels[key] ?? (key in plainSettings ? plainSetting(key as PlainKey).label : key)

const labels: Record<string, string> = {
  version: 'format of the settings',
  generation: 'instance generation',
  previousGeneration: 'previous generation',
  creations: 'creation ids',
  adopted: 'accepted as the lab’s',
  allow: 'allowed from',
  openPort80: 'port 80 open to everybody',
  trustedCertificate: 'trusted certificate',
  tags: 'tags of new resources',
  schedule: 'schedule',
  budget: 'AWS budget',
  passwordDue: 'first user’s password',
  defaultModel: 'default model',
  titleModel: 'title model',
  profileArns: 'inference profiles',
}
