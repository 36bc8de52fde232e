import type { Context, GlobalOptions } from '../context.js'
import { baseFiles } from './base.js'
import { checkedFlags, type GraduateOptions, settleTarget } from './choices.js'
import { checkFolder, type Written, writeFolder } from './folder.js'
import { iamFiles } from './iam.js'
import { cluster, documents, imageOf, keyNames, metadata, type Plan } from './objects.js'
import { type Keys, readme } from './readme.js'
import { restoreFiles } from './restore.js'
import { serveFiles } from './serve.js'
import { fromBackup, fromLab } from './source.js'
import { chart, configYaml, valuesYaml } from './values.js'

export interface Graduated {
  folder: string
  /** Sorted paths below it. */
  files: readonly string[]
  lab: string
  region: string
  namespace: string
  host: string
  replicas: number
  chart: string
  image: string
  keys: Keys
}

/** Writes the files for moving the lab to Kubernetes. Changes nothing else. */
export async function graduate(
  options: GraduateOptions & GlobalOptions,
  context: Context,
): Promise<Graduated> {
  const { ui } = context
  const given = checkedFlags(options)
  const folder = await checkFolder(options.out ?? (await ui.input(folderQuestion)))
  if (options.mongodb !== undefined && given.database && given.database.shown !== given.database.uri)
    ui.emit({ type: 'note', text: passwordTyped })
  const source =
    options.from === undefined
      ? await fromLab(options, context)
      : await fromBackup(options.from, options, context)
  const target = await settleTarget(given, source.settings.domain, ui)
  const plan = { target, source }
  const files = filesOf(plan)
  await writeFolder(folder, files)
  const { registry, repository, tag } = imageOf(source)
  return {
    folder,
    files: files.map(({ path }) => path),
    lab: source.lab.name,
    region: source.lab.region,
    namespace: target.namespace,
    host: target.host,
    replicas: target.replicas,
    chart: `${chart.address}:${chart.version}`,
    image: `${registry}/${repository}:${tag}`,
    keys: keysOf(plan),
  }
}

const folderQuestion = {
  flag: '--out <folder>',
  message: 'Folder for the files:',
  default: 'kubernetes',
} as const

const passwordTyped =
  'Your shell may keep this command line with the database’s password. Leave --mongodb out to be asked for it.'

const keysOf = ({ source }: Plan): Keys =>
  source.secrets ? 'written' : source.sealed ? 'sealed' : 'in-backup'

/** Every file, the same for the same lab and the same flags. */
function filesOf(plan: Plan): Written[] {
  const { source } = plan
  const keys = keysOf(plan)
  const plain = new Map([
    ['README.md', readme(plan, keys)],
    ['values.yaml', valuesYaml(plan)],
    ['librechat.yaml', configYaml(plan)],
    ...baseFiles(plan),
    ...restoreFiles(plan),
    ...serveFiles(plan),
    ...iamFiles(plan),
  ])
  return [
    ...[...plain].map(([path, text]) => ({ path, text })),
    ...(keys === 'written' ? [{ path: 'secrets.yaml', text: secretsYaml(plan), secret: true }] : []),
    ...(source.sealed && keys === 'sealed'
      ? [
          { path: 'sealed/secrets.env.cms', text: source.sealed.message, secret: true },
          { path: 'sealed/key.pem', text: source.sealed.key, secret: true },
        ]
      : []),
  ]
}

/** The only file with secrets in plain text. */
function secretsYaml({ target, source }: Plan): string {
  const secret = (name: string, stringData: Readonly<Record<string, string>>) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadata(name, target.namespace),
    type: 'Opaque',
    stringData,
  })
  const known = Object.entries(source.secrets ?? {}).filter(([name]) => keyNames.some((one) => one === name))
  return documents(
    secret(cluster.keys, Object.fromEntries(known)),
    secret(cluster.databases, {
      MONGO_URI: target.database.uri,
      ...(target.redis ? { REDIS_URI: target.redis.uri } : {}),
    }),
  )
}
