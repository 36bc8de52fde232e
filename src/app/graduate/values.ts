import { parseDocument } from 'yaml'
import { LabError } from '../../core/error.js'
import {
  authorityMount,
  authorityVolume,
  cluster,
  containerSecurity,
  drainSeconds,
  environmentOf,
  folders,
  fromSecret,
  imageOf,
  keyNames,
  type Plan,
  podSecurity,
  searchUrl,
  yaml,
} from './objects.js'

/**
 * LibreChat's own Helm chart. This is the newest version whose templates were read; each key below is one that its
 * values.yaml documents.
 */
export const chart = {
  address: 'oci://ghcr.io/danny-avila/librechat-chart/librechat',
  version: '2.0.8',
  release: cluster.app,
} as const

/** The values for that chart. */
export function valuesYaml(plan: Plan): string {
  const { target, source } = plan
  const { replicas } = target
  const several = replicas > 1
  const probe = (path: string) => ({ httpGet: { path, port: 'http' }, timeoutSeconds: 5 })
  return yaml({
    fullnameOverride: cluster.app,
    replicaCount: replicas,
    // One replica's volume is attached to one node, and must be detached first.
    updateStrategy: { type: several ? 'RollingUpdate' : 'Recreate' },
    image: { ...imageOf(source), pullPolicy: 'IfNotPresent' },
    serviceAccount: { create: false, name: cluster.account },
    enableServiceLinks: false,
    global: {
      librechat: {
        existingSecretName: cluster.keys,
        // The chart treats a missing Secret as empty, and these are required.
        env: [
          ...keyNames.map((name) => fromSecret(name, cluster.keys)),
          fromSecret('MONGO_URI', cluster.databases),
          ...(target.redis ? [fromSecret('REDIS_URI', cluster.databases)] : []),
        ],
      },
    },
    librechat: {
      configEnv: configEnv(plan),
      existingConfigYaml: cluster.config,
      // A volume of our own holds the images and the uploads.
      imageVolume: { enabled: false },
    },
    podSecurityContext: podSecurity,
    securityContext: containerSecurity,
    service: { type: 'ClusterIP' },
    ingress: { enabled: false },
    resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: { memory: '2Gi' } },
    autoscaling: {
      enabled: several,
      minReplicas: replicas,
      maxReplicas: replicas * 2,
      targetCPUUtilizationPercentage: 70,
    },
    livenessProbe: { ...probe('/livez'), periodSeconds: 20, failureThreshold: 6 },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 10, failureThreshold: 3 },
    lifecycle: { preStop: { exec: { command: ['sleep', String(drainSeconds)] } } },
    volumes: [
      { name: 'files', persistentVolumeClaim: { claimName: cluster.files } },
      ...authorityVolume(target),
    ],
    volumeMounts: [
      ...folders().map(([subPath, mountPath]) => ({ name: 'files', mountPath, subPath })),
      ...authorityMount(target),
    ],
    mongodb: { enabled: false },
    meilisearch: { enabled: false },
    redis: { enabled: false },
    'librechat-rag-api': { enabled: false },
  })
}

/** LibreChat's variables as in the lab, except for addresses and paths. */
function configEnv({ target, source }: Plan): Record<string, string> {
  const { MONGO_URI, SCHEDULES_SINGLE_PROCESS = 'true', ...same } = environmentOf('librechat')
  const { region } = source.lab
  return {
    ...same,
    DOMAIN_CLIENT: `https://${target.host}`,
    DOMAIN_SERVER: `https://${target.host}`,
    MEILI_HOST: searchUrl,
    HSTS_ENABLED: 'true',
    AWS_REGION: region,
    BEDROCK_AWS_DEFAULT_REGION: region,
    ...(target.redis ? { USE_REDIS: 'true' } : { SCHEDULES_SINGLE_PROCESS }),
    ...(target.bucket ? { AWS_BUCKET_NAME: target.bucket } : {}),
  }
}

/** The lab's current librechat.yaml; with a bucket, new files go there. LabError `bad-librechat-yaml`. */
export function configYaml({ target, source }: Plan): string {
  if (target.bucket === undefined) return source.librechatYaml
  const document = parseDocument(source.librechatYaml)
  if (document.errors.length === 0 && document.has('version')) {
    document.set('fileStrategy', 's3')
    return document.toString({ lineWidth: 0 })
  }
  throw new LabError({
    code: 'bad-librechat-yaml',
    what: 'The lab’s librechat.yaml is not valid, so the bucket can’t be set in it.',
    why: document.errors[0]?.message.split('\n')[0] ?? 'It has no version.',
    fix: [{ command: { path: 'up' }, text: 'writes it again' }],
  })
}
