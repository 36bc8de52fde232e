import * as z from 'zod'
import { facts } from './facts.js'
import { dollarsSchema, emailSchema, plainFields, plainSettings } from './plain-settings.js'
import { tagsSchema } from './tags.js'
import { isZone } from './zone.js'

const oneLine = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u)

/** The user's own host name, in lower case: "chat.example.org". */
export const domainSchema = z
  .string()
  .max(253)
  .regex(/^(?!.*\.\d+$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/)

const modelId = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._:/-]{0,200}$/)

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/)

const creationId = z.string().regex(/^[0-9a-f]{16}$/)
const awsId = (prefix: string) => z.string().regex(new RegExp(`^${prefix}-[0-9a-f]{8,32}$`))

const modelSchema = z.strictObject({
  /** The id to call: an inference profile's or a model's. */
  id: modelId,
  /** Its name in LibreChat's menu. */
  label: oneLine(100),
})

/** The fields that each version of the settings added, besides those of `plainSettings`. */
export const fieldsSince = {
  2: [
    'previousGeneration',
    'creations',
    'adopted',
    'passwordDue',
    'trustedCertificate',
    'tags',
    'budget',
    'schedule',
  ],
} as const

/**
 * Raised when an older version could not read, or would misread, what this one stores. A new optional field raises it
 * too: documents are read strictly, and unknown fields are refused.
 */
export const settingsVersion = Math.max(
  ...Object.keys(fieldsSince).map(Number),
  ...Object.values(plainSettings).map(({ since = 1 }) => since),
)

const {
  instanceType,
  diskGb,
  subnetId,
  permissionsBoundary,
  idleStop,
  userData,
  email,
  maxTokens,
  allowance,
  limit,
  ...added
} = plainFields

/**
 * Everything that the user chose: one JSON document in Parameter Store. Equal settings must give equal texts, so the
 * order of the fields doesn't change, and a new one comes last.
 */
export const settingsSchema = z.strictObject({
  version: z.literal(settingsVersion),
  /** Changes after an instance is terminated, so that EC2 doesn't take the next launch for a repeat. */
  generation: z.string().regex(/^[0-9a-f]{8}$/),
  /** The previous generation, until its instance is terminated. */
  previousGeneration: z
    .string()
    .regex(/^[0-9a-f]{8}$/)
    .optional(),
  /** One-time ids, stored before the creating call, which sets them as a tag. */
  creations: z
    .strictObject({
      address: creationId.optional(),
      group: creationId.optional(),
      role: creationId.optional(),
      profile: creationId.optional(),
      budget: creationId.optional(),
      scheduleRole: creationId.optional(),
      scheduleGroup: creationId.optional(),
    })
    .optional(),
  /** Resources that the user accepted once, because nothing else proves them. */
  adopted: z
    .strictObject({
      instanceId: awsId('i').optional(),
      allocationId: awsId('eipalloc').optional(),
      groupId: awsId('sg').optional(),
    })
    .optional(),
  instanceType,
  diskGb,
  /** Who can reach the lab. "detected": the public address of this machine, detected again by each `up`. */
  allow: z.strictObject({
    from: z.enum(['detected', 'given']),
    /** Empty: nobody, for example if a lab's settings are lost. */
    cidrs: z.array(z.string().regex(/^[\d.]{7,15}\/\d{1,2}$/)).max(19),
    everyone: z.boolean(),
  }),
  /** Port 80 open to all, for a certificate's challenge. */
  openPort80: z.boolean(),
  domain: domainSchema.optional(),
  /** A publicly trusted certificate for the address; port 80 is then open to all. Never beside a domain. */
  trustedCertificate: z.literal(true).optional(),
  subnetId,
  permissionsBoundary,
  /** Tags that each resource gets when it is created. */
  tags: tagsSchema.optional(),
  /** When the lab starts and stops automatically; see schedule.ts. */
  schedule: z
    .strictObject({
      start: timeOfDay,
      stop: timeOfDay,
      days: z
        .array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']))
        .min(1)
        .max(7),
      timezone: z
        .string()
        .regex(/^[A-Za-z][\w+/-]{1,49}$/)
        .refine(isZone, 'no time zone'),
    })
    .refine(({ start, stop }) => start !== stop, 'starts and stops at the same time')
    .optional(),
  /** Minutes without use after which the host shuts itself down. */
  idleStop,
  /** Whether first boot installs Docker already. */
  userData,
  /** The first user. */
  email,
  /** Set before the first user is created, until their password was shown. */
  passwordDue: z.literal(true).optional(),
  /** The models in LibreChat's menu. Empty: a lab without chat. */
  models: z.array(modelSchema).max(40),
  /** The id of the model that a conversation starts with, and of the one that names conversations. */
  defaultModel: modelId.optional(),
  titleModel: modelId.optional(),
  /** The most tokens of an answer. */
  maxTokens,
  /** US dollars: what each user may spend on models in a calendar month, and all of them together. */
  allowance,
  limit,
  /** An AWS budget for the whole account: US dollars a month, and the recipients of its notices. */
  budget: z
    .strictObject({ usd: dollarsSchema, alerts: z.array(emailSchema).min(1).max(facts.alerts.most) })
    .optional(),
  /** Inference profiles that the role can call, besides foundation models. */
  profileArns: z.array(z.string().regex(/^arn:aws[a-z-]*:bedrock:[a-z0-9-]*:\d*:[\w:/.-]{1,300}$/)).max(200),
  ...added,
})

export type Settings = z.infer<typeof settingsSchema>

/** What a lab is compared with if its settings are lost. */
export const nothingChosen: Settings = {
  version: settingsVersion,
  generation: '00000000',
  instanceType: facts.instanceType.default,
  diskGb: facts.diskGb.default,
  allow: { from: 'detected', cidrs: [], everyone: false },
  openPort80: false,
  userData: false,
  models: [],
  profileArns: [],
}
