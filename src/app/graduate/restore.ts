import { clusterFiles, templates } from '../../host/archive.js'
import type { Target } from './choices.js'
import {
  authorityMount,
  authorityVolume,
  classOf,
  cluster,
  containerSecurity,
  fromSecret,
  imageOf,
  labelsOf,
  metadata,
  type Plan,
  podSecurity,
  searchUrl,
  variables,
  yaml,
} from './objects.js'
import type { Source } from './source.js'

/** Restores a backup that is copied with `kubectl cp`, and then makes LibreChat rebuild its search index. */
export function restoreFiles({ target, source }: Plan): Map<string, string> {
  const { namespace } = target
  const scripts = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata(cluster.restore, namespace, cluster.restore),
    data: {
      'restore.sh': clusterFiles().get('restore.sh') ?? '',
      'answer.cjs': templates().get('host/answer.cjs') ?? '',
    },
  }
  return new Map([
    ['2-restore/scripts.yaml', yaml(scripts)],
    ['2-restore/job.yaml', yaml(restoreJob(target, source))],
  ])
}

const restoreJob = (target: Target, source: Source) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: metadata(cluster.restore, target.namespace, cluster.restore),
  spec: {
    // No retries, so that a failure can be examined. The job can be deleted and applied again.
    backoffLimit: 0,
    template: {
      metadata: { labels: labelsOf(cluster.restore) },
      spec: {
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        securityContext: podSecurity,
        initContainers: [restoreContainer(target, source)],
        containers: [searchContainer(target, source)],
        volumes: [
          { name: 'scripts', configMap: { name: cluster.restore } },
          { name: 'passphrase', secret: { secretName: cluster.passphrase, defaultMode: 0o440 } },
          { name: 'files', persistentVolumeClaim: { claimName: cluster.files } },
          { name: 'backup', ephemeral: { volumeClaimTemplate: { spec: backupClaim(target, source) } } },
          ...authorityVolume(target),
        ],
      },
    },
  },
})

const restoreContainer = (target: Target, { versions }: Source) => ({
  name: 'restore',
  image: `mongo:${versions.mongodb}`,
  command: ['bash', '/scripts/restore.sh'],
  env: [
    // MongoDB's shell keeps its settings in the home folder.
    ...variables({ DATABASE: target.database.name, HOME: '/backup' }),
    fromSecret('MONGO_URI', cluster.databases),
  ],
  resources: { requests: { cpu: '500m', memory: '512Mi' }, limits: { memory: '1Gi' } },
  securityContext: containerSecurity,
  volumeMounts: [
    { name: 'scripts', mountPath: '/scripts', readOnly: true },
    { name: 'passphrase', mountPath: '/passphrase', readOnly: true },
    { name: 'backup', mountPath: '/backup' },
    { name: 'files', mountPath: '/files' },
    ...authorityMount(target),
  ],
})

/** As on the lab's host after a restore. */
const rebuild = `printf '%s' '[["advanced options? (y/N)", "n"]]' |
  node -e "$(cat /scripts/answer.cjs)" config/reset-meili-sync.js`

/** LibreChat's own script marks all conversations as not indexed; LibreChat indexes them when it starts. */
const searchContainer = (target: Target, source: Source) => {
  const { registry, repository, tag } = imageOf(source)
  return {
    name: 'search',
    image: `${registry}/${repository}:${tag}`,
    command: ['sh', '-c', rebuild],
    env: [
      ...variables({
        NODE_ENV: 'production',
        SEARCH: 'true',
        MEILI_HOST: searchUrl,
        MEILI_NO_ANALYTICS: 'true',
      }),
      fromSecret('MONGO_URI', cluster.databases),
      fromSecret('MEILI_MASTER_KEY', cluster.keys),
    ],
    resources: { requests: { cpu: '250m', memory: '512Mi' }, limits: { memory: '2Gi' } },
    securityContext: containerSecurity,
    volumeMounts: [{ name: 'scripts', mountPath: '/scripts', readOnly: true }, ...authorityMount(target)],
  }
}

/** For the backup, its parts and their contents. */
const backupClaim = ({ replicas, storageClass }: Target, { backupBytes }: Source) => ({
  accessModes: ['ReadWriteOnce'],
  ...classOf(replicas > 1 ? undefined : storageClass),
  resources: {
    requests: {
      storage: `${backupBytes === undefined ? 30 : Math.ceil((4 * backupBytes) / 1024 ** 3) + 5}Gi`,
    },
  },
})
