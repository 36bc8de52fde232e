import { LabError } from '../../core/error.js'
import { domainSchema } from '../../lab/settings.js'
import type { Questions } from '../context.js'
import { type Database, parseMongodb, parseRedis, type Redis } from './uris.js'

export interface GraduateOptions {
  out?: string
  from?: string
  passphraseFile?: string
  namespace?: string
  host?: string
  replicas?: string
  mongodb?: string
  redis?: string
  bucket?: string
  storageClass?: string
  withSecrets?: boolean
}

/** The target of the migration, from the command line and the questions. */
export interface Target {
  namespace: string
  /** The name that users type: "chat.example.org". */
  host: string
  replicas: number
  database: Database
  redis: Redis | undefined
  bucket: string | undefined
  storageClass: string | undefined
}

const most = 50

/** The flags, each checked before anything is asked or read. */
export interface Given extends Partial<Target> {
  namespace: string
}

/** LabErrors `bad-namespace`, `bad-host`, `bad-replicas`, `bad-mongodb`, `bad-redis`, `bad-bucket`, `bad-storage-class`. */
export function checkedFlags(options: GraduateOptions): Given {
  const { host, replicas, mongodb, redis, bucket, storageClass } = options
  const given: Given = { namespace: checked('namespace', options.namespace ?? 'librechat') }
  if (host !== undefined) given.host = checked('host', host)
  if (replicas !== undefined) given.replicas = Number(checked('replicas', replicas))
  if (mongodb !== undefined) given.database = parseMongodb(mongodb)
  if (redis !== undefined) given.redis = parseRedis(redis)
  if (bucket !== undefined) given.bucket = checked('bucket', bucket)
  if (storageClass !== undefined) given.storageClass = checked('storage-class', storageClass)
  return given
}

/** Asks for what no flag gives. Without a terminal, the first missing flag is an error. */
export async function settleTarget(given: Given, domain: string | undefined, ui: Asking): Promise<Target> {
  const host = given.host ?? (await askFor('host', hostQuestion(domain), ui))
  const replicas =
    given.replicas ?? (ui.interactive ? Number(await askFor('replicas', replicasQuestion, ui)) : 1)
  const database = given.database ?? (await askUri(mongodbQuestion, parseMongodb, ui))
  const several = replicas > 1
  const redis = given.redis ?? (several ? await askUri(redisQuestion, parseRedis, ui) : undefined)
  const bucket = given.bucket ?? (several ? await askFor('bucket', bucketQuestion, ui) : undefined)
  return {
    namespace: given.namespace,
    host,
    replicas,
    database,
    redis,
    bucket,
    storageClass: given.storageClass,
  }
}

type Asking = Pick<Questions, 'input' | 'password'> & { interactive: boolean }

const hostQuestion = (domain: string | undefined) => ({
  flag: '--host <name>' as const,
  message: 'Host name of LibreChat in the cluster:',
  hint: 'Its DNS record is changed at the cut-over. A domain of the lab can be kept.',
  ...(domain === undefined ? {} : { default: domain }),
})
const replicasQuestion = {
  flag: '--replicas <number>' as const,
  message: 'How many replicas of LibreChat:',
  hint: 'More than one needs Redis, an S3 bucket, and storage that several nodes can mount.',
  default: '1',
}
const bucketQuestion = {
  flag: '--bucket <name>' as const,
  message: 'S3 bucket for files:',
  hint: 'Replicas on several nodes share new files through it. It is in the region of the lab.',
}
const mongodbQuestion = {
  otherwise: 'Use the flag: --mongodb <uri>',
  message: 'URI of the MongoDB (mongodb+srv://…):',
  hint: 'Atlas, DocumentDB or your own, with user and password. It is not shown.',
}
const redisQuestion = {
  otherwise: 'Use the flag: --redis <uri>',
  message: 'URI of Redis (rediss://…):',
  hint: 'Replicas share sessions and running answers through it. It is not shown.',
}

const rules = {
  namespace: {
    fits: (text: string) =>
      /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text) && !text.startsWith('kube-') && text !== 'default',
    is: 'a name for a namespace',
    why: 'A namespace has 1 to 63 lower-case letters, digits and dashes, and is neither "default" nor one of Kubernetes’ own (kube-…): the files limit and, at the end, can delete all of it.',
    like: 'librechat',
  },
  host: {
    fits: (text: string) => domainSchema.safeParse(text).success,
    is: 'a host name',
    why: 'A host name is written in lower case and ASCII, without a scheme, port or path.',
    like: 'chat.example.org',
  },
  replicas: {
    fits: (text: string) => /^[1-9]\d?$/.test(text) && Number(text) <= most,
    is: 'a number of replicas',
    why: `It is a number from 1 to ${most}.`,
    like: '2',
  },
  bucket: {
    fits: (text: string) => /^(?!xn--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(text),
    is: 'a bucket’s name',
    why: 'It has 3 to 63 lower-case letters, digits and dashes. Names with dots break HTTPS.',
    like: 'my-librechat-files',
  },
  'storage-class': {
    fits: (text: string) => /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(text),
    is: 'a name for a storage class',
    why: 'It has lower-case letters, digits, dashes and dots.',
    like: 'gp3',
  },
} as const

function checked(flag: keyof typeof rules, text: string): string {
  const { fits, is, why, like } = rules[flag]
  if (fits(text)) return text
  throw new LabError({
    code: `bad-${flag}`,
    what: `${JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)} is not ${is}.`,
    why,
    fix: [`For example: --${flag} ${like}`],
  })
}

const askFor = (
  flag: keyof typeof rules,
  question: Parameters<Questions['input']>[0],
  { input }: Asking,
): Promise<string> =>
  input({ ...question, validate: (text) => rules[flag].fits(text) || `This is not ${rules[flag].is}.` })

/** Asks with hidden input, because a URI contains a password. */
async function askUri<T>(
  question: Omit<Parameters<Questions['password']>[0], 'validate'> & { otherwise: string },
  parse: (text: string) => T,
  { password }: Asking,
): Promise<T> {
  const typed = await password({
    ...question,
    validate: (text) => {
      try {
        parse(text)
        return true
      } catch (error) {
        if (error instanceof LabError) return error.why ?? error.message
        throw error
      }
    },
  })
  return parse(typed)
}
