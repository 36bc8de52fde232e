import * as z from 'zod'
import { LabError } from '../core/error.js'
import { checkedCidrs } from './cidr.js'
import { facts } from './facts.js'
import { tagsSchema } from './tags.js'

const oneLine = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u)

/** An address that mail can be sent to, in the plain form that every registrar and LibreChat take. */
export const emailSchema = z.email().max(254)

/** A host name of one's own, in lower case: "chat.example.org". */
export const domainSchema = z
  .string()
  .max(253)
  .regex(/^(?!.*\.\d+$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/)

const modelId = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._:/-]{0,200}$/)

const creationId = z.string().regex(/^[0-9a-f]{16}$/)
const awsId = (prefix: string) => z.string().regex(new RegExp(`^${prefix}-[0-9a-f]{8,32}$`))

const modelSchema = z.strictObject({
  /** As it is called: an inference profile's id or a model's. */
  id: modelId,
  /** As a person reads it in LibreChat's menu. */
  label: oneLine(100),
})

/** What the user chose: all that a lab is, besides what AWS gave it. One JSON document in Parameter Store. */
export const settingsSchema = z.strictObject({
  version: z.literal(1),
  /** Made anew when an instance has ended, so that the next one isn't taken for a repeat of it. */
  generation: z.string().regex(/^[0-9a-f]{8}$/),
  /** The generation before, until its instance is known to have ended. */
  previousGeneration: z
    .string()
    .regex(/^[0-9a-f]{8}$/)
    .optional(),
  /** One-time ids, written before the creating call and given in it as a tag. */
  creations: z.strictObject({ address: creationId.optional(), group: creationId.optional() }).optional(),
  /** What the user agreed to once, where nothing else proves it. */
  adopted: z
    .strictObject({
      instanceId: awsId('i').optional(),
      allocationId: awsId('eipalloc').optional(),
      groupId: awsId('sg').optional(),
    })
    .optional(),
  instanceType: z.string().regex(/^[a-z][a-z0-9-]{0,15}\.[a-z0-9-]{1,20}$/),
  diskGb: z.int().min(facts.diskGb.least).max(facts.diskGb.most),
  /** Who may reach it. "detected": the address that `up` came from, found anew each time. */
  allow: z.strictObject({
    from: z.enum(['detected', 'given']),
    /** None: nobody, as where a lab's settings are gone. */
    cidrs: z.array(z.string().regex(/^[\d.]{7,15}\/\d{1,2}$/)).max(19),
    everyone: z.boolean(),
  }),
  /** Port 80 open to all, for a certificate's challenge. */
  openPort80: z.boolean(),
  domain: domainSchema.optional(),
  subnetId: z
    .string()
    .regex(/^subnet-[0-9a-f]{8,32}$/)
    .optional(),
  permissionsBoundary: z
    .string()
    .regex(/^arn:aws[a-z-]*:iam::(\d{12}|aws):policy\/[\w+=,.@/-]{1,512}$/)
    .optional(),
  /** Set on each resource when it is created. */
  tags: tagsSchema.optional(),
  /** Whether first boot installs Docker already. */
  userData: z.boolean(),
  /** The first user. */
  email: emailSchema.optional(),
  /** The models in LibreChat's menu. Empty: a lab without chat. */
  models: z.array(modelSchema).max(40),
  /** The id of the model that a conversation starts with, and of the one that names conversations. */
  defaultModel: modelId.optional(),
  titleModel: modelId.optional(),
  /**
   * The most tokens of an answer. Above 2048, because LibreChat takes 2000 of them for thinking, and the API wants
   * fewer for thinking than for the whole answer.
   */
  maxTokens: z.int().min(2048).max(128_000).optional(),
  /** Resources whose ARNs the role may call beside foundation models: inference profiles. */
  profileArns: z.array(z.string().regex(/^arn:aws[a-z-]*:bedrock:[a-z0-9-]*:\d*:[\w:/.-]{1,300}$/)).max(200),
})

export type Settings = z.infer<typeof settingsSchema>

/** Every field with its JSON, in a fixed order, so that equal specs are equal texts. */
export const formatSettings = (settings: Settings): string => JSON.stringify(settingsSchema.parse(settings))

/** A stored settings, judged as a stranger's: LabError `bad-settings` for anything that this version wouldn't write. */
export function parseSettings(text: string, parameter: string): Settings {
  try {
    const settings = settingsSchema.parse(JSON.parse(text))
    checkedCidrs(settings.allow.cidrs, settings.allow.everyone)
    return settings
  } catch (error) {
    throw new LabError({
      code: 'bad-settings',
      what: `The parameter ${parameter} does not hold a lab's settings.`,
      why: `A newer version of librechat-lab wrote it, or somebody else did: ${reason(error)}.`,
      fix: [
        'Use the newest version: npx librechat-lab@latest',
        `Or delete it and say your choices again: aws ssm delete-parameter --name ${parameter}`,
      ],
      cause: error,
    })
  }
}

function reason(error: unknown): string {
  if (error instanceof z.ZodError) {
    const issue = error.issues[0]
    return `${issue?.path.join('.') || 'the whole'}: ${issue?.message ?? 'unfit'}`
  }
  return error instanceof Error ? error.message : String(error)
}

/** What a lab is held against whose settings are gone. */
export const nothingChosen: Settings = {
  version: 1,
  generation: '00000000',
  instanceType: facts.instanceType.default,
  diskGb: facts.diskGb.default,
  allow: { from: 'detected', cidrs: [], everyone: false },
  openPort80: false,
  userData: false,
  models: [],
  profileArns: [],
}

/** What differs between two stored specs, in a person's words. */
export function describeSettingsChange(
  before: string,
  after: string,
): { what: string; from: string; to: string }[] {
  const read = (text: string): Record<string, unknown> => {
    try {
      return JSON.parse(text)
    } catch {
      return {}
    }
  }
  const [old, now] = [read(before), read(after)]
  const say = (value: unknown): string => {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none'
    if (Array.isArray(value)) return value.map((v) => (typeof v === 'object' ? v.label : v)).join(', ')
    if (typeof value === 'object' && value && 'cidrs' in value) return say(value.cidrs)
    if (value === old.creations || value === now.creations) return 'recorded'
    if (typeof value === 'object' && value && adoptedKeys.some((key) => key in value))
      return Object.values(value).join(', ')
    return typeof value === 'object' ? JSON.stringify(value) : String(value)
  }
  return (
    [...new Set([...Object.keys(old), ...Object.keys(now)])]
      // Random, and of no interest to a person.
      .filter((key) => key !== 'creations')
      .filter((key) => JSON.stringify(old[key]) !== JSON.stringify(now[key]))
      .map((key) => ({ what: labels[key] ?? key, from: say(old[key]), to: say(now[key]) }))
  )
}

const adoptedKeys = ['instanceId', 'allocationId', 'groupId']

const labels: Record<string, string> = {
  previousGeneration: 'previous generation',
  creations: 'creation ids',
  adopted: 'accepted as the lab’s',
  generation: 'instance generation',
  instanceType: 'instance type',
  diskGb: 'disk (GB)',
  allow: 'let in',
  openPort80: 'port 80 open to all',
  subnetId: 'subnet',
  permissionsBoundary: 'permissions boundary',
  tags: 'tags of new resources',
  userData: 'first-boot script',
  email: 'first user',
  defaultModel: 'default model',
  titleModel: 'title model',
  maxTokens: 'tokens of an answer',
  profileArns: 'inference profiles',
}
