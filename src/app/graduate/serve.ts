import { templates } from '../../host/archive.js'
import type { Target } from './choices.js'
import {
  authorityMount,
  authorityVolume,
  cluster,
  containerSecurity,
  fromSecret,
  graceSeconds,
  labelsOf,
  metadata,
  type Plan,
  podSecurity,
  ports,
  selectorOf,
  yaml,
} from './objects.js'

/** The output of `helm template` that Kustomize changes. */
export const rendered = 'chart.yaml'

/** The objects besides the chart, and patches for the chart's Deployment. */
export function serveFiles(plan: Plan): Map<string, string> {
  const { target, source } = plan
  const allowances = source.settings.allowance === undefined ? undefined : allowancesOf(plan)
  const files = new Map([
    ['3-serve/ingress.yaml', yaml(ingress(plan))],
    ['3-serve/disruption-budget.yaml', yaml(disruptionBudget(target))],
    ...(allowances ? [['3-serve/allowances.yaml', allowances] as const] : []),
  ])
  return new Map([
    ...files,
    ['3-serve/deployment.patch.yaml', yaml(deploymentPatch)],
    ['kustomization.yaml', yaml(kustomization(target, [...files.keys()]))],
  ])
}

const kustomization = ({ namespace }: Target, resources: readonly string[]) => ({
  apiVersion: 'kustomize.config.k8s.io/v1beta1',
  kind: 'Kustomization',
  namespace,
  resources: [rendered, ...resources],
  // Its name contains its digest, so that a changed file restarts LibreChat.
  configMapGenerator: [{ name: cluster.config, files: ['librechat.yaml'] }],
  patches: [{ path: '3-serve/deployment.patch.yaml' }],
})

/** The chart has no value for these. */
const deploymentPatch = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: cluster.app },
  spec: {
    template: {
      spec: {
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: graceSeconds,
        topologySpreadConstraints: ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map(
          (topologyKey) => ({
            maxSkew: 1,
            topologyKey,
            whenUnsatisfiable: 'ScheduleAnyway',
            labelSelector: selectorOf(cluster.app),
          }),
        ),
        containers: [
          {
            name: cluster.app,
            // The first start migrates indexes.
            startupProbe: {
              httpGet: { path: '/readyz', port: 'http' },
              timeoutSeconds: 5,
              periodSeconds: 5,
              failureThreshold: 60,
            },
          },
        ],
      },
    },
  },
}

const disruptionBudget = ({ namespace }: Target) => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: metadata(cluster.app, namespace),
  // Also for one replica; otherwise draining its node would wait forever.
  spec: { maxUnavailable: 1, selector: selectorOf(cluster.app) },
})

/** Allows the lab's ranges; without any, the load balancer is internal. */
function ingress({ target, source }: Plan): object {
  const { namespace, host } = target
  const { cidrs } = source.settings.allow
  const annotations = {
    scheme: cidrs.length > 0 ? 'internet-facing' : 'internal',
    'target-type': 'ip',
    'listen-ports': '[{"HTTP": 80}, {"HTTPS": 443}]',
    'ssl-redirect': '443',
    'healthcheck-path': '/readyz',
    // Answers are streamed, and a model can think for minutes.
    'load-balancer-attributes': 'idle_timeout.timeout_seconds=600',
    'target-group-attributes': `deregistration_delay.timeout_seconds=${graceSeconds - 10}`,
    ...(cidrs.length > 0 ? { 'inbound-cidrs': cidrs.join(',') } : {}),
  }
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: metadata(cluster.app, namespace, cluster.app, {
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([name, value]) => [`alb.ingress.kubernetes.io/${name}`, value]),
      ),
    }),
    spec: {
      ingressClassName: 'alb',
      // The controller finds the certificate in ACM by this name.
      tls: [{ hosts: [host] }],
      rules: [
        {
          host,
          http: {
            paths: [
              {
                path: '/',
                pathType: 'Prefix',
                backend: { service: { name: cluster.app, port: { number: ports.app } } },
              },
            ],
          },
        },
      ],
    },
  }
}

/** Sets each user's balance in the first minute of a month in UTC, with the same script as on the lab's host. */
function allowancesOf({ target, source }: Plan): string {
  const { allowance = 0 } = source.settings
  const asked = { default: allowance, own: source.own }
  const job = {
    restartPolicy: 'OnFailure',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: podSecurity,
    containers: [
      {
        name: 'allowances',
        image: `mongo:${source.versions.mongodb}`,
        command: ['mongosh', '--nodb', '--quiet', '--norc', '/scripts/month.js'],
        env: [{ name: 'HOME', value: '/tmp' }, fromSecret('MONGO_URI', cluster.databases)],
        resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '512Mi' } },
        securityContext: containerSecurity,
        volumeMounts: [{ name: 'scripts', mountPath: '/scripts', readOnly: true }, ...authorityMount(target)],
      },
    ],
    volumes: [{ name: 'scripts', configMap: { name: cluster.allowances } }, ...authorityVolume(target)],
  }
  return [
    yaml({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: metadata(cluster.allowances, target.namespace, cluster.allowances),
      data: { 'allowances.json': `${JSON.stringify(asked, null, 1)}\n`, 'month.js': monthScript() },
    }),
    yaml({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: metadata(cluster.allowances, target.namespace, cluster.allowances),
      spec: {
        schedule: '1 0 1 * *',
        timeZone: 'Etc/UTC',
        concurrencyPolicy: 'Forbid',
        jobTemplate: {
          spec: {
            backoffLimit: 6,
            template: { metadata: { labels: labelsOf(cluster.allowances) }, spec: job },
          },
        },
      },
    }),
  ].join('---\n')
}

/** Reads the dollars from a file, so that an administrator doesn't change the program. */
const monthScript = (): string => `const fs = require('node:fs')
const dollars = JSON.parse(fs.readFileSync('/scripts/allowances.json', 'utf8'))
const credits = (usd) => usd * 1000000
const now = new Date()
const begin = (more) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + more)
const asked = {
  sums: [],
  month: [begin(0), begin(1)],
  allowances: {
    default: credits(dollars.default),
    own: Object.fromEntries(Object.entries(dollars.own).map(([email, usd]) => [email, credits(usd)])),
    only: null,
    set: true,
  },
}
const there = connect(process.env.MONGO_URI)
db = { getSiblingDB: () => there }

${templates().get('host/guard.js') ?? ''}`
