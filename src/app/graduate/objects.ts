import { parse, stringify } from 'yaml'
import { templates } from '../../host/archive.js'
import type { Target } from './choices.js'
import type { Source } from './source.js'
import { authority } from './uris.js'

/** The input of the files. */
export interface Plan {
  target: Target
  source: Source
}

/** The names of the objects in the cluster. The chart would call everything "librechat-librechat". */
export const cluster = {
  app: 'librechat',
  account: 'librechat',
  config: 'librechat-config',
  keys: 'librechat-credentials-env',
  databases: 'librechat-databases',
  authority: 'librechat-database-authority',
  passphrase: 'librechat-restore-passphrase',
  restore: 'librechat-restore',
  search: 'librechat-search',
  files: 'librechat-files',
  allowances: 'librechat-allowances',
} as const

/** Ports of LibreChat and Meilisearch. */
export const ports = { app: 3080, search: 7700 } as const

/** The variables that the lab's keys are in. */
export const keyNames = [
  'CREDS_KEY',
  'CREDS_IV',
  'JWT_SECRET',
  'JWT_REFRESH_SECRET',
  'MEILI_MASTER_KEY',
] as const

/** LibreChat gets up to 60 s to finish its answers, after 10 s for the load balancer to stop sending requests. */
export const graceSeconds = 70
export const drainSeconds = 10

/** YAML in which all strings are quoted. */
export const yaml = (value: unknown): string =>
  stringify(value, {
    defaultStringType: 'QUOTE_DOUBLE',
    defaultKeyType: 'PLAIN',
    lineWidth: 0,
    aliasDuplicateObjects: false,
  })

export const documents = (...all: object[]): string => all.map(yaml).join('---\n')

export const metadata = (name: string, namespace: string, of: string = cluster.app, more: object = {}) => ({
  name,
  namespace,
  labels: labelsOf(of),
  ...more,
})

/** The chart's labels for LibreChat; our own for the rest. */
export const labelsOf = (name: string) => ({
  'app.kubernetes.io/name': name,
  'app.kubernetes.io/instance': cluster.app,
  'app.kubernetes.io/part-of': cluster.app,
})
export const selectorOf = (name: string) => ({
  matchLabels: { 'app.kubernetes.io/name': name, 'app.kubernetes.io/instance': cluster.app },
})

/** The user of LibreChat's image, who also owns its files in a backup. */
const user = 1000
export const podSecurity = {
  runAsNonRoot: true,
  runAsUser: user,
  runAsGroup: user,
  fsGroup: user,
  fsGroupChangePolicy: 'OnRootMismatch',
  seccompProfile: { type: 'RuntimeDefault' },
}
export const containerSecurity = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  runAsUser: user,
}

export const fromSecret = (name: string, secret: string, key = name) => ({
  name,
  valueFrom: { secretKeyRef: { name: secret, key } },
})

export const variables = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).map(([name, value]) => ({ name, value }))

interface Compose {
  services: Record<string, { environment?: Record<string, string>; volumes?: string[] }>
}

/** The lab's own services: the same file that its host uses. */
const compose = (): Compose => parse(templates().get('compose.yaml') ?? '', { merge: true })

/** The variables of a service that depend on no setting and no key. */
export function environmentOf(service: 'librechat' | 'meilisearch'): Record<string, string> {
  const all = Object.entries(compose().services[service]?.environment ?? {})
  return Object.fromEntries(all.filter(([, value]) => !value.includes('${')))
}

/** The folders of LibreChat that hold data: ["uploads", "/app/uploads"]. */
export function folders(): [volume: string, path: string][] {
  const mounts = compose().services.librechat?.volumes ?? []
  return mounts.flatMap((mount): [string, string][] => {
    const [from = '', path = ''] = mount.split(':')
    return from.startsWith('.') ? [] : [[from, path]]
  })
}

/** Where LibreChat's images are: since 0.8.8 under another name. */
export function imageOf({ versions }: Source) {
  const [, major = 0, minor = 0, patch = 0] = (/^v?(\d+)\.(\d+)\.(\d+)/.exec(versions.librechat) ?? []).map(
    Number,
  )
  const isNew = major > 0 || minor > 8 || (minor === 8 && patch >= 8)
  return {
    registry: 'registry.librechat.ai',
    repository: isNew ? 'librechat-ai/librechat' : 'danny-avila/librechat',
    tag: versions.librechat,
  }
}

/** The certificate authority of DocumentDB, from a ConfigMap that the README creates. */
export const authorityMount = ({ database }: Target) =>
  database.isDocumentDb ? [{ name: 'authority', mountPath: authority.folder, readOnly: true }] : []
export const authorityVolume = ({ database }: Target) =>
  database.isDocumentDb ? [{ name: 'authority', configMap: { name: cluster.authority } }] : []

export const classOf = (storageClassName: string | undefined) =>
  storageClassName === undefined ? {} : { storageClassName }

/** The address of LibreChat's search engine. */
export const searchUrl = `http://${cluster.search}:${ports.search}`
